"""The config file: TOML, flat, one key for each option."""

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from platformdirs import user_config_dir

from natpass_wire.errors import UserError
from natpass_wire.text import printable


def default_path(program: str) -> Path:
    """Return where the config file of a program is looked for: `<config folder>/natpass/<program>.toml`."""
    return Path(user_config_dir("natpass", appauthor=False)) / f"{program.removeprefix('natpass-')}.toml"


def load(path: Path, allowed: Collection[str], *, must_exist: bool) -> dict[str, Any]:
    """Return the keys and values of a config file; `-` and `_` are the same in keys.

    Raises:
        UserError: it can't be read, is no TOML, or has a key that is not `allowed`.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if must_exist:
            raise UserError(f"there is no config file {path}") from error
        return {}
    except OSError as error:
        raise UserError(f"cannot read the config file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid TOML: {printable(str(error))}") from error
    named = {key.replace("-", "_"): value for key, value in values.items()}
    unknown = sorted(set(named) - set(allowed))
    if unknown:
        names = ", ".join(printable(key).replace("_", "-") for key in unknown)
        known = ", ".join(sorted(key.replace("_", "-") for key in allowed))
        raise UserError(f"unknown key in {path}: {names} (known: {known})")
    return named

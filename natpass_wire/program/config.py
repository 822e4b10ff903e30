"""The config file: TOML, flat, one key for each option."""

# Why: docs/decisions/044-config-files-are-flat.md

import os
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from natpass_wire.errors import UserError
from natpass_wire.program import places
from natpass_wire.program.secret import check_private
from natpass_wire.proxy import credentials
from natpass_wire.text import printable

#: Keys with secret values.
_SECRET_KEYS = frozenset({"secret", "legacy_secret", "verifier", "invite"})
#: The largest config file that is read.
_MOST_BYTES = 1024 * 1024


def default_path(program: str) -> Path | None:
    """Return the path of a program's config file: `<config folder>/natpass/<program>.toml`.

    None if this user has no config folder, and so no such file.
    """
    folder = places.config_folder()
    return None if folder is None else folder / f"{program.removeprefix('natpass-')}.toml"


def load(path: Path, allowed: Collection[str], *, must_exist: bool) -> dict[str, Any]:
    """Return the keys and values of a config file; `-` and `_` are the same in keys.

    Raises:
        UserError: it can't be read, is not TOML, has a key that is not `allowed`, or holds a secret that other users
            can read.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            values = tomllib.loads(file.read(_MOST_BYTES).decode())
    except (FileNotFoundError, NotADirectoryError) as error:
        if must_exist:
            raise UserError(f"there is no config file {path}") from error
        return {}
    except OSError as error:
        if not must_exist and not os.access(path.parent, os.X_OK):  # another user's HOME, as sudo can leave it
            return {}
        raise UserError(f"cannot read the config file {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid TOML: {printable(str(error))}") from error
    named = {key.replace("-", "_"): value for key, value in values.items()}
    unknown = sorted(set(named) - set(allowed))
    if unknown:
        names = ", ".join(printable(key).replace("_", "-") for key in unknown)
        known = ", ".join(sorted(key.replace("_", "-") for key in allowed))
        raise UserError(f"unknown key in {path}: {names} (known: {known})")
    proxy = named.get("proxy")
    if _SECRET_KEYS & named.keys() or (isinstance(proxy, str) and credentials(proxy)):
        check_private(status, f"{path}, which holds a secret")
    return named

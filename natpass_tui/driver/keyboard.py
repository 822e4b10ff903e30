"""The keyboard as a remote shell needs it: no key is lost or renamed, and Escape is reported at once."""

from dataclasses import dataclass
from typing import Any

from textual import constants
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.app import App

from natpass_tui.driver import csi_keys
from natpass_tui.driver.platform import ESCAPE_DELAY

#: Characters that begin a longer sequence after an Escape: at first it looks the same as alt with the character.
_SEQUENCE_STARTS = "[]_^\\OPX"


@dataclass(frozen=True)
class _NamedKey:
    """A stand-in for a member of Textual's enumeration of keys: Textual reads only ``value``."""

    value: str


def prepare_keyboard() -> None:
    """Make Textual tell apart keys that it confuses (alt+enter and enter, alt+. and .). Call before the app runs."""
    constants.ESCAPE_DELAY = ESCAPE_DELAY  # type: ignore[misc]  # Final, and read when keys are parsed
    table: dict[str, Any] = ANSI_SEQUENCES_KEYS  # type: ignore[assignment]  # a Mapping to its users, a dict in fact
    for code in [*range(0x01, 0x1B), 0x1C, 0x1D, 0x1E, 0x1F, 0x7F]:
        names = table.get(chr(code))
        if isinstance(names, tuple) and len(names) == 1:
            name = "ctrl+h" if code == 0x08 else names[0].value  # Textual takes ^H for the backspace key
            table[f"\x1b{chr(code)}"] = (_NamedKey(f"alt+{name}"),)
    for code in range(0x20, 0x7F):
        character = chr(code)
        if character in _SEQUENCE_STARTS:
            continue
        table[f"\x1b{character}"] = (_NamedKey(csi_keys.within_alt(character)),)
    for sequence, keys in list(table.items()):
        if isinstance(keys, tuple) and len(keys) == 2 and keys[0].value == "escape":
            # Textual reports alt+up as two keys.
            table[sequence] = (_NamedKey(f"alt+{keys[1].value}"),)


def release_app_keys(app: App[Any], *keys: str) -> None:
    """Remove keys from the application's own bindings, which come before the focused widget (ctrl+q quits, ctrl+p is
    the palette), so that a terminal gets them."""
    for key in keys:
        app._bindings.key_to_bindings.pop(key, None)

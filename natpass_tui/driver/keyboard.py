"""The keyboard as a remote shell needs it: no key lost, none renamed, Escape at once."""

import selectors
import sys
from codecs import getincrementaldecoder
from dataclasses import dataclass
from typing import Any

from textual import constants
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.app import App
from textual.driver import Driver
from textual.keys import KEY_NAME_REPLACEMENTS, _character_to_key

ESCAPE_DELAY = 0.025
"""Seconds to wait whether an Escape begins a sequence. Textual's 0.1 is felt in vim; over ssh 0.025 is still enough."""
_IDLE = 0.1
"""Seconds between looks at whether the driver was stopped."""
_SEQUENCE_STARTS = "[]_^\\OPX"
"""Characters that begin a longer sequence after an Escape, and so cannot be told from alt with them at once."""


@dataclass(frozen=True)
class _NamedKey:
    """Stands where Textual's table holds members of its enumeration of keys: only ``value`` is read."""

    value: str


def prepare_keyboard() -> None:
    """Make Textual name the keys it would confuse (alt+enter is enter there, alt+. is .). Call before the app runs."""
    constants.ESCAPE_DELAY = ESCAPE_DELAY  # type: ignore[misc]
    table: dict[str, Any] = ANSI_SEQUENCES_KEYS  # type: ignore[assignment]
    for code in [*range(0x01, 0x1B), 0x1C, 0x1D, 0x1E, 0x1F, 0x7F]:
        names = table.get(chr(code))
        if isinstance(names, tuple) and len(names) == 1:
            name = "ctrl+h" if code == 0x08 else names[0].value  # Textual takes ^H for the backspace key
            table[f"\x1b{chr(code)}"] = (_NamedKey(f"alt+{name}"),)
    for code in range(0x20, 0x7F):
        character = chr(code)
        if character in _SEQUENCE_STARTS:
            continue
        if character.isalnum():
            name = f"shift+{character.lower()}" if character.isupper() else character
        else:
            name = _character_to_key(character)
            name = KEY_NAME_REPLACEMENTS.get(name, name)
        table[f"\x1b{character}"] = (_NamedKey(f"alt+{name}"),)
    for sequence, keys in list(table.items()):
        if isinstance(keys, tuple) and len(keys) == 2 and keys[0].value == "escape":
            # Textual reports alt+up as two keys.
            table[sequence] = (_NamedKey(f"alt+{keys[1].value}"),)


def release_app_keys(app: App[Any], *keys: str) -> None:
    """Take keys from the application's own bindings, which come before the focused widget (ctrl+q quits, ctrl+p is the
    palette), so that a terminal gets them."""
    for key in keys:
        app._bindings.key_to_bindings.pop(key, None)


if sys.platform != "win32":
    import os
    import time

    from textual._xterm_parser import XTermParser
    from textual.drivers.linux_driver import LinuxDriver

    class ConsoleDriver(LinuxDriver):
        """Textual's driver, but an Escape is reported after `ESCAPE_DELAY`.

        Textual looks for the end of that delay only every tenth of a second.
        """

        def run_input_thread(self) -> None:
            """Read the terminal until the driver stops; wake when an unfinished sequence is due."""
            parser = XTermParser(self._debug)
            decode = getincrementaldecoder("utf-8")("replace").decode
            with selectors.SelectSelector() as selector:
                selector.register(self.fileno, selectors.EVENT_READ)
                while not self.exit_event.is_set():
                    due = parser._timeout_time
                    patience = _IDLE if due is None else min(_IDLE, max(0.0, due - time.perf_counter()) + 0.001)
                    if selector.select(patience):
                        text = decode(os.read(self.fileno, 1024 * 4))
                        if not text:
                            break
                        for message in parser.feed(text):
                            self.process_message(message)
                    for message in parser.tick():
                        self.process_message(message)

    def console_driver() -> type[Driver] | None:
        """The driver to give the application as its ``driver_class`` (None: Textual's own)."""
        return ConsoleDriver

else:

    def console_driver() -> type[Driver] | None:
        """The driver to give the application as its ``driver_class`` (None: Textual's own)."""
        return None

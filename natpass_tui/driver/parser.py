"""The parser of the user's terminal's input: Textual's, protected from what it cannot handle.

The terminal is as untrusted as the programs in it: a program may make it answer, a line may garble its input. A
sequence on which Textual's parser raises, or that it would type out as keys, is dropped. Parsing goes on after it.
"""

# Why: docs/decisions/052-sizes-in-band.md

import logging
import re
import sys
import time
from collections.abc import Callable, Iterable

from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser
from textual.message import Message

from natpass_tui.driver import csi_keys
from natpass_tui.driver.not_taken import PasteNotTaken
from natpass_tui.driver.platform import ESCAPE_DELAY
from natpass_tui.driver.sequences import ESCAPE, Keys, Overlong, Paste, PasteRefused, Sequence, Splitter, Unit
from natpass_tui.pastes import MOST_BYTES, refusal

_EVERYWHERE = (sys.maxsize, sys.maxsize)
_MOUSE = re.compile(r"\x1b\[<(\d+);(-?\d+);(-?\d+)[Mm]")
#: A terminal's reports of its size, and that it supports them. The system reports the size and its changes (SIGWINCH).
_SIZE = re.compile(r"\x1b\[(?:48;[\d:;]*t|\?2048;\d*\$y)")
_STRINGS = ("\x1b]", "\x1bP", "\x1b_")
_KEPT = ("last_x", "last_y")
log = logging.getLogger(__name__)


class OuterParser:
    """Turns input into Textual's messages. It has the methods of Textual's parser, and never raises.

    Args:
        debug: as in Textual's parser.
        prefix: the console's prefix key if it is a control character.
        size: gives the rows and columns of the screen; mouse reports from outside of it are dropped.
        clock: the time in seconds.
        most_pasted: bytes of a paste at most.

    Attributes:
        dropped: the number of sequences that were not understood.
    """

    def __init__(
        self,
        debug: bool = False,
        *,
        prefix: str = "",
        size: Callable[[], tuple[int, int]] = lambda: _EVERYWHERE,
        clock: Callable[[], float] = time.perf_counter,
        most_pasted: int = MOST_BYTES,
    ) -> None:
        self._debug = debug
        self._clock = clock
        self._size = size
        self._splitter = Splitter(ESCAPE_DELAY, prefix, most_pasted)
        self._parser = XTermParser(debug)
        self.dropped = 0

    @property
    def due(self) -> float | None:
        """The clock's time when `tick` will deliver something, None if nothing waits."""
        return self._splitter.due

    def feed(self, text: str) -> list[Message]:
        """Parse what was read."""
        return self._messages(self._splitter.feed(text, self._clock()))

    def tick(self) -> list[Message]:
        """Deliver input that has waited too long."""
        return self._messages(self._splitter.tick(self._clock()))

    def _messages(self, units: Iterable[Unit]) -> list[Message]:
        messages: list[Message] = []
        for unit in units:
            match unit:
                case Keys(text):
                    for character in text:
                        messages += self._contained(character)
                case Sequence(text):
                    messages += self._contained(text)
                case Paste(text):
                    messages.append(events.Paste(text.replace("\x00", "")))
                case PasteRefused(size, given, is_whole):
                    messages.append(PasteNotTaken(refusal(size, given, is_whole=is_whole)))
                case Overlong():
                    self._drop("too long")
        return messages

    def _contained(self, text: str) -> list[Message]:
        try:
            return self._parse(text)
        except Exception as error:  # noqa: BLE001 - whatever Textual's parser raises, the next key is to arrive
            self._start_again()
            self._drop(f"{type(error).__name__} at {_shape(text)}")
            return []

    def _parse(self, text: str) -> list[Message]:
        if text == ESCAPE:
            return [events.Key("escape", ESCAPE)]
        if len(text) == 2 and text not in ANSI_SEQUENCES_KEYS:
            character = text[1]
            return [events.Key(csi_keys.within_alt(character), None)]
        if text.startswith(_STRINGS):
            self._drop(f"an unexpected answer: {_shape(text)}")
            return []
        if text.startswith("\x1b["):
            return self._control_sequence(text)
        if text.startswith("\x1bO") and text not in ANSI_SEQUENCES_KEYS:
            return [message for character in text for message in self._parse(character)]  # Esc, then O, in vim
        return self._textual(text)

    def _control_sequence(self, text: str) -> list[Message]:
        typed = csi_keys.decode(text)
        if typed is not None:
            return [events.Key(name, character) for name, character in typed]
        named = ANSI_SEQUENCES_KEYS.get(text)
        if isinstance(named, tuple):
            return [events.Key(key.value, None) for key in named]
        if csi_keys.is_key(text):
            self._drop(f"not a key: {_shape(text)}")
            return []
        if (mouse := _MOUSE.fullmatch(text)) and any(len(number) > 6 for number in mouse.groups()):
            self._drop("a mouse position far outside")
            return []
        if _SIZE.fullmatch(text):
            self._drop("an unrequested size report")
            return []
        messages = self._textual(text)
        if any(isinstance(message, events.Key) for message in messages):
            self._start_again()
            self._drop(f"not typed as keys: {_shape(text)}")
            return []
        return [message for message in messages if self._is_on_screen(message)]

    def _is_on_screen(self, message: Message) -> bool:
        """Tell whether a message is on our screen, or has no position; a button release is moved onto the screen.

        Terminals report positions outside while a window shrinks. Textual would then take the focus away.
        """
        if not isinstance(message, events.MouseEvent):
            return True
        rows, cols = self._size()
        row, col = min(int(message.screen_y), rows - 1), min(int(message.screen_x), cols - 1)
        if (row, col) == (int(message.screen_y), int(message.screen_x)):
            return True
        self._drop("a mouse position outside of the screen")
        if not isinstance(message, events.MouseUp):
            return False
        message._x = message._screen_x = float(col)
        message._y = message._screen_y = float(row)
        return True

    def _textual(self, text: str) -> list[Message]:
        """Let Textual parse a complete unit."""
        messages = list(self._parser.feed(text))
        if self._parser._awaiting.timeout is not None:
            # It waits for more, and would type out what it has.
            self._start_again()
            self._drop(f"an unknown sequence: {_shape(text)}")
            return []
        return messages

    def _start_again(self) -> None:
        before, self._parser = self._parser, XTermParser(self._debug)
        for name in _KEPT:
            setattr(self._parser, name, getattr(before, name))

    def _drop(self, why: str) -> None:
        self.dropped += 1
        log.debug("input of the terminal dropped (%d so far): %s", self.dropped, why)


def _shape(text: str) -> str:
    """Return what may be logged: not the keys, which may be a password."""
    kept = "".join("0" if character.isdigit() else character for character in text[:3] + text[-1:])
    return f"{kept!r}, {len(text)} characters"

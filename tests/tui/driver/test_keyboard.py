"""Key sequences of the user's terminal, through Textual's parser and back to bytes for the remote."""

import sys

import pytest
from textual import events
from textual._xterm_parser import XTermParser
from textual.app import App

from natpass_tui.driver import console_driver, prepare_keyboard, release_app_keys
from natpass_tui.terminal.fallback import FallbackEngine

prepare_keyboard()


def typed(sequence: str) -> list[tuple[str, str | None]]:
    parser = XTermParser()
    return [(event.key, event.character) for event in parser.feed(sequence) if isinstance(event, events.Key)]


@pytest.mark.parametrize(
    "sequence",
    [
        "a", "A", "é", " ", "\x01", "\x03", "\x11", "\x1a", "\x1c", "\x1d", "\x1e", "\x1f", "\x00", "\r", "\t", "\x7f",
        "\x1b[A", "\x1b[1;5D", "\x1b[1;6C", "\x1b[1;3A", "\x1b[1;7B", "\x1b[Z", "\x1b[3~", "\x1bOP", "\x1b[15~",
        "\x1b[24~",
        "\x1ba", "\x1bA", "\x1bb", "\x1bf", "\x1b.", "\x1b1", "\x1b\r", "\x1b\x7f", "\x1b\x01", "\x1b/", "\x1b-",
    ],
)  # fmt: skip
def test_what_is_typed_is_what_is_sent(sequence: str) -> None:
    engine = FallbackEngine(4, 20)
    (key,) = typed(sequence)
    assert engine.encode_key(*key) == sequence.encode()


def test_application_keys_can_be_released() -> None:
    app: App[None] = App()
    release_app_keys(app, "ctrl+q", "ctrl+p", "no such key")
    assert not {"ctrl+q", "ctrl+p"} & set(app._bindings.key_to_bindings)


@pytest.mark.skipif(sys.platform == "win32", reason="Textual's own driver is used there")
def test_there_is_a_driver() -> None:
    assert console_driver() is not None

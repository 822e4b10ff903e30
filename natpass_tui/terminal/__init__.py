"""The terminal emulator of a shell tab, without a screen, a network or an event loop.

`engine` is the interface of an emulator, `factory` chooses one, `pump` parses in a thread. What the remote sends leaves
this package only as rows built here from the emulated cells, as clean text, or as an answer to the remote itself.
"""

from natpass_tui.terminal.engine import (
    SCROLLBACK_ROWS,
    Capabilities,
    Cursor,
    CursorShape,
    Frame,
    Modes,
    MouseAction,
    MouseButton,
    MouseEncoding,
    MouseInput,
    MouseTracking,
    Scroll,
    TerminalEngine,
)
from natpass_tui.terminal.factory import ENGINE_VARIABLE, UnknownEngineError, create_engine, engine_name
from natpass_tui.terminal.pump import Parsed, Pump

__all__ = [
    "ENGINE_VARIABLE",
    "SCROLLBACK_ROWS",
    "Capabilities",
    "Cursor",
    "CursorShape",
    "Frame",
    "Modes",
    "MouseAction",
    "MouseButton",
    "MouseEncoding",
    "MouseInput",
    "MouseTracking",
    "Parsed",
    "Pump",
    "Scroll",
    "TerminalEngine",
    "UnknownEngineError",
    "create_engine",
    "engine_name",
]

"""Chooses the engine: libghostty if its wheel is installed, otherwise the slower one."""

# Why: docs/decisions/046-terminal-engine.md

import importlib.util
import os

from natpass_tui.terminal.engine import SCROLLBACK_ROWS, Colours, TerminalEngine

ENGINE_VARIABLE = "NATPASS_TERMINAL_ENGINE"
ENGINES = ("ghostty", "fallback")
LIGHT = Colours(foreground=(0x20, 0x20, 0x20), background=(0xFA, 0xFA, 0xFA))


class UnknownEngineError(ValueError):
    """The environment names an engine that does not exist or is not installed."""


def engine_name() -> str:
    """Return the name of the engine to use: that in `ENGINE_VARIABLE`, otherwise the best one installed."""
    installed = importlib.util.find_spec("pyghostty") is not None
    wanted = os.environ.get(ENGINE_VARIABLE, "")
    if not wanted:
        return "ghostty" if installed else "fallback"
    if wanted not in ENGINES:
        msg = f"{ENGINE_VARIABLE}={wanted!r}: expected one of {', '.join(ENGINES)}"
        raise UnknownEngineError(msg)
    if wanted == "ghostty" and not installed:
        msg = f"{ENGINE_VARIABLE}=ghostty: pyghostty is not installed on this platform"
        raise UnknownEngineError(msg)
    return wanted


def default_colours() -> Colours:
    """Return the colours for applications that ask whether the screen is dark or light.

    They are drawn in the user's own default colours, which are unknown here. Many terminals set COLORFGBG; without it,
    dark is the better guess.
    """
    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT if background in {"7", "15"} else Colours()


def create_engine(rows: int, cols: int, scrollback_rows: int = SCROLLBACK_ROWS) -> TerminalEngine:
    """Create an engine of the chosen kind. It is imported here: only one kind is needed."""
    if engine_name() == "ghostty":
        from natpass_tui.terminal.ghostty import GhosttyEngine  # noqa: PLC0415 - one of the two is needed

        return GhosttyEngine(rows, cols, scrollback_rows, default_colours())
    from natpass_tui.terminal.fallback import FallbackEngine  # noqa: PLC0415 - one of the two is needed

    return FallbackEngine(rows, cols, scrollback_rows, default_colours())

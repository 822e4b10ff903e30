from collections.abc import Callable, Iterator

import pytest

from natpass_tui.terminal import TerminalEngine
from natpass_tui.terminal.fallback import FallbackEngine
from natpass_tui.terminal.ghostty import GhosttyEngine

EngineFactory = Callable[..., TerminalEngine]
KINDS: dict[str, EngineFactory] = {"ghostty": GhosttyEngine, "fallback": FallbackEngine}


@pytest.fixture(params=sorted(KINDS))
def new_engine(request: pytest.FixtureRequest) -> Iterator[EngineFactory]:
    made: list[TerminalEngine] = []

    def new(rows: int = 6, cols: int = 20, scrollback_rows: int = 1000) -> TerminalEngine:
        made.append(KINDS[request.param](rows, cols, scrollback_rows))
        return made[-1]

    yield new
    for engine in made:
        engine.close()


@pytest.fixture
def engine(new_engine: EngineFactory) -> TerminalEngine:
    return new_engine()

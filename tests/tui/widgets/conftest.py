from collections.abc import AsyncIterator

import pytest
from textual.pilot import Pilot

from tests.tui.widgets.terminal_apps import ViewApp


@pytest.fixture
def app() -> ViewApp:
    return ViewApp()


@pytest.fixture
async def pilot(app: ViewApp) -> AsyncIterator[Pilot[None]]:
    async with app.run_test(size=(40, 11)) as pilot:
        yield pilot

"""What tests of forwards share."""

import pytest

from natpass_tui.links.forward import forwards as module


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have what is lost tried again at once."""
    monkeypatch.setattr(module, "FIRST_RETRY", 0.01)
    monkeypatch.setattr(module, "RETRY", 0.01)

import importlib.machinery
import importlib.util

import pytest

from natpass_tui.terminal import ENGINE_VARIABLE, UnknownEngineError, create_engine, engine_name
from natpass_tui.terminal.fallback import FallbackEngine
from natpass_tui.terminal.ghostty import GhosttyEngine


@pytest.fixture
def without_ghostty(monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> importlib.machinery.ModuleSpec | None:
        return None if name == "pyghostty" else importlib.util.find_spec(name)

    monkeypatch.setattr("natpass_tui.terminal.factory.importlib.util.find_spec", find)


def test_ghostty_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENGINE_VARIABLE, raising=False)
    engine = create_engine(3, 10)
    assert isinstance(engine, GhosttyEngine)
    engine.close()


def test_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, "fallback")
    assert isinstance(create_engine(3, 10), FallbackEngine)
    monkeypatch.setenv(ENGINE_VARIABLE, "ghostty")
    assert engine_name() == "ghostty"


def test_an_unknown_engine_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, "xterm")
    with pytest.raises(UnknownEngineError, match="'xterm': expected one of ghostty, fallback"):
        engine_name()


@pytest.mark.usefixtures("without_ghostty")
def test_without_a_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENGINE_VARIABLE, raising=False)
    assert engine_name() == "fallback"
    monkeypatch.setenv(ENGINE_VARIABLE, "ghostty")
    with pytest.raises(UnknownEngineError, match="not installed"):
        engine_name()


@pytest.mark.parametrize("kind", ["ghostty", "fallback"])
@pytest.mark.parametrize(
    ("said", "answer"), [("15;0", b"1010"), ("0;15", b"fafa"), ("", b"1010"), ("x;default", b"1010")]
)
def test_applications_are_told_whether_it_is_dark(
    monkeypatch: pytest.MonkeyPatch, kind: str, said: str, answer: bytes
) -> None:
    monkeypatch.setenv(ENGINE_VARIABLE, kind)
    monkeypatch.setenv("COLORFGBG", said)
    engine = create_engine(3, 10)
    assert engine.feed(b"\x1b]11;?\x1b\\") == b"\x1b]11;rgb:" + b"/".join([answer] * 3) + b"\x1b\\"
    engine.close()

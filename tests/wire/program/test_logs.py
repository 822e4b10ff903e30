"""Logs: hostile text can't fake a line; a bad file is the user's mistake."""

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from natpass_wire import strangers
from natpass_wire.errors import UserError
from natpass_wire.program import logs


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    root, about_strangers = logging.getLogger(), logging.getLogger(strangers.LOGGER)
    before, level = root.handlers[:], root.level
    yield
    for logger in (root, about_strangers):
        for handler in logger.handlers[:]:
            logger.removeHandler(handler)
            handler.close()
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)
    about_strangers.propagate = True


def test_one_event_is_one_line() -> None:
    stream = io.StringIO()
    logs.set_up("info", None, stream)
    logging.getLogger("x").info("id %s", "a\nERROR faked\x1b[2J\u202e")
    assert stream.getvalue().count("\n") == 1
    assert "a\\nERROR faked\\x1b[2J\\u202e" in stream.getvalue()


def test_levels_and_files(tmp_path: Path) -> None:
    file = tmp_path / "log"
    logs.set_up("warning", file)
    logging.getLogger("x").info("no")
    logging.getLogger("x").warning("yes")
    assert file.read_text().endswith("WARNING yes\n")
    assert "no" not in file.read_text().replace("now", "")


def test_a_log_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="log file"):
        logs.set_up("info", tmp_path / "no" / "file")


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.mark.skipif(os.name != "posix", reason="files have modes")
def test_log_files_are_for_their_user_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that an earlier version made, those that are rotated, and whatever the umask is."""
    for name in ("log", "log.1", "log.2"):
        (tmp_path / name).write_text("old\n")
        (tmp_path / name).chmod(0o644)
    monkeypatch.setattr(logs, "_FILE_BYTES", 200)
    before = os.umask(0)
    try:
        logs.set_up("info", tmp_path / "log")
        assert modes(tmp_path) == dict.fromkeys(("log", "log.1", "log.2"), 0o600)
        for number in range(20):
            logging.getLogger("x").info("line %d of those that fill it", number)
            logging.getLogger(strangers.LOGGER).info("somebody")
    finally:
        os.umask(before)
    assert modes(tmp_path) == dict.fromkeys(("log", "log.1", "log.2", "log.3", "log.strangers"), 0o600)


def test_strangers_never_push_out_lines_about_clients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "_FILE_BYTES", 2000)
    monkeypatch.setattr(logs, "_STRANGERS_BYTES", 2000)
    logs.set_up("info", tmp_path / "log")
    logging.getLogger("x").info("a client came")
    for number in range(1000):
        logging.getLogger(strangers.LOGGER).info("stranger %d is turned away", number)
    assert (tmp_path / "log").read_text().count("\n") == 1
    assert "a client came" in (tmp_path / "log").read_text()
    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["log", "log.strangers", "log.strangers.1"]
    assert "stranger 999 is turned away" in (tmp_path / "log.strangers").read_text()
    assert all((tmp_path / name).stat().st_size <= 2000 for name in files)


def test_without_a_file_strangers_are_logged_with_the_others(tmp_path: Path) -> None:
    logs.set_up("info", tmp_path / "log")
    stream = io.StringIO()
    logs.set_up("info", None, stream)
    logging.getLogger(strangers.LOGGER).info("somebody\nelse")
    assert stream.getvalue().endswith("INFO somebody\\nelse\n")
    assert [path.name for path in tmp_path.iterdir()] == ["log"]

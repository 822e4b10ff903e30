"""Logs: hostile text can't fake a line; a bad file is the user's mistake."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from natpass_wire.errors import UserError
from natpass_wire.program import logs


@pytest.fixture(autouse=True)
def restore() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)


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

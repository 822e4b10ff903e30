"""The small case of each tool that is installed."""

from pathlib import Path

import pytest

from tests.interop import __main__ as command
from tests.interop.tools import TOOLS


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", TOOLS)
def test_the_small_case(name: str, tmp_path: Path) -> None:
    tool = TOOLS[name]
    if tool.missing:
        pytest.skip(f"needs {', '.join(tool.missing)}")
    tool.small(tmp_path)  # it asserts


def test_the_list_names_every_tool(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines()] == list(TOOLS)
    assert command.main(["no-such-tool"]) == 2
    assert "nginx" in capsys.readouterr().err

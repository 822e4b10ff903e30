"""systemd's own check of the units (`tests/end_to_end/test_units.py` has more, also without systemd)."""

import sys
from pathlib import Path

from tests.interop.place import ROOT, run
from tests.interop.tool import Tool

BIN = Path(sys.executable).parent


def small(folder: Path) -> None:
    """Check that `systemd-analyze verify` reports nothing."""
    for program in ("relay", "agent"):
        unit = folder / f"natpass-{program}.service"
        text = (ROOT / "docs" / "systemd" / unit.name).read_text()
        unit.write_text(text.replace("/opt/natpass/bin", str(BIN)))
        assert run("systemd-analyze", "verify", "--man=no", str(unit)) == ""


TOOL = Tool("systemd-analyze verify of the units", {"systemd-analyze": "systemd"}, small)

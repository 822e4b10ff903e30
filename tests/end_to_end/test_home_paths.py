"""`~` in paths that no shell has expanded is the home, for all three programs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.agent_programs import SECRET

ROOT = Path(__file__).parents[2]


@pytest.mark.programs
@pytest.mark.parametrize("is_in_config", [False, True], ids=["option", "config"])
@pytest.mark.parametrize(
    "arguments", [("natpass_relay", "verifier"), ("natpass_agent", "fingerprint"), ("natpass_tui", "fingerprint")]
)
def test_a_state_directory_in_the_home(tmp_path: Path, arguments: tuple[str, ...], *, is_in_config: bool) -> None:
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir()
    here.mkdir()
    (home / "secret").write_text(f"{SECRET}\n")
    (home / "secret").chmod(0o600)
    needs = {"state-dir": "~/state"} | ({"secret-file": "~/secret"} if "relay" in arguments[0] else {})
    (home / "c.toml").write_text("".join(f"{key} = '{value}'\n" for key, value in needs.items()))
    given = [f"--{key}={value}" for key, value in needs.items()]
    done = subprocess.run(
        [sys.executable, "-m", *arguments, *(["--config=~/c.toml"] if is_in_config else given)],
        check=False,
        capture_output=True,
        text=True,
        cwd=here,
        env={key: value for key, value in os.environ.items() if not key.startswith("NATPASS_")}
        | {"HOME": str(home), "PYTHONPATH": str(ROOT)},
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    assert list(here.iterdir()) == []
    assert "relay" in arguments[0] or (home / "state").is_dir()

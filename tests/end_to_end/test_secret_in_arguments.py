"""A secret in the arguments is visible for a moment: all programs say so, and how to do better."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import SECRET, Program

SAYS = r"natpass-{}: other users of this machine can see --secret in the process list; better: --secret-file FILE "
RELAY = ["--listen", "127.0.0.1:0", "--no-tls"]
TO = ["--relay", "127.0.0.1:1", "--no-tls"]


@pytest.mark.parametrize(
    ("module", "options", "then"),
    [
        ("natpass_relay", RELAY, "listening on"),
        ("natpass_agent", [*TO, "--id", "box"], "cannot reach"),
        ("natpass_tui", ["agents", "--no-tls"], "no agents are connected"),
    ],
)
@pytest.mark.parametrize("is_argument", [True, False], ids=["argument", "variable"])
def test_a_secret_in_the_arguments_warns(
    tmp_path: Path, module: str, options: list[str], then: str, is_argument: bool
) -> None:
    options = [*options, "--state-dir", str(tmp_path / "state"), *(["--secret", SECRET] if is_argument else [])]
    with ExitStack() as running:
        variables = {"NATPASS_SECRET": "" if is_argument else SECRET}
        if module == "natpass_tui":
            _, port = running.enter_context(agent_programs.relay(tmp_path))
            variables["NATPASS_RELAY"] = f"127.0.0.1:{port}"
        program = running.enter_context(Program(module, options, tmp_path, variables))
        program.said(then)
        says = SAYS.format(module.partition("_")[2])
        assert (says in program.output) is is_argument, program.output
        assert program.output.count("in the process list") == is_argument


def test_an_invite_warns_as_well(tmp_path: Path) -> None:
    with agent_programs.relay(tmp_path) as (_, port):
        options = ["invite", "--relay", f"127.0.0.1:{port}", "--no-tls", "--state-dir", str(tmp_path / "x")]
        with Program("natpass_relay", [*options, "--secret", SECRET], tmp_path) as program:
            program.said("--invite")
            assert SAYS.format("relay") in program.output

"""Config files: a UserError in one line, or values of the options' types."""

import tempfile
from pathlib import Path

import click

from natpass_agent.cli import command as agent
from natpass_relay.cli import command as relay
from natpass_tui.cli import command as console
from natpass_wire.errors import UserError
from natpass_wire.program.options import gather

SEEDS = (
    b'\0relay = "relay.example:6154"\nlog-level = "debug"\ndead_after = 5.0\n',
    b'\1id = "box"\npass-env = ["A", "B*"]\nkeep-links = 60\n',
    b'\2listen = ["[::]:6154"]\nno-tls = true\n',
    b"\1[section]\nx = 1979-05-27T07:32:00Z\n",
)
_PROGRAMS = ((console, "natpass-tui"), (agent, "natpass-agent"), (relay, "natpass-relay"))
_FILE = Path(tempfile.mkdtemp(prefix="natpass-fuzz-")) / "config.toml"


def target(data: bytes) -> None:
    """The first byte chooses the program."""
    command, name = _PROGRAMS[(data[0] if data else 0) % len(_PROGRAMS)]
    _FILE.touch(0o600)
    _FILE.write_bytes(data[1:])
    try:
        with command.make_context(name, ["--config", str(_FILE)], resilient_parsing=False) as context:
            gather(context)
        fault = ""
    except UserError as error:
        fault = str(error)
    except click.exceptions.ClickException as error:
        fault = error.message
    assert "\n" not in fault, fault

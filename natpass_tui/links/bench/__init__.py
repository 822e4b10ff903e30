"""The kind bench: measures the way to an agent.

`report` has the figures (pure), `table` shows them, `measure` takes them, `run` logs in and returns an exit status.
"""

# Why: docs/decisions/093-a-bench-in-the-link.md

import click

from natpass_tui.links.kind import Kind
from natpass_tui.links.words import Words
from natpass_wire.pb.link_pb2 import ConnectRequest


def _command() -> click.Command:
    from natpass_tui.links.bench.cli import command  # noqa: PLC0415 - loaded on demand

    return command


KIND = Kind(
    name="bench",
    wire=ConnectRequest.bench,
    words=Words(noun="bench", at="of"),
    command=_command,
    instead="answer no measurements",
)

"""The exec kind: `request` is the command, `program` carries bytes, `run` logs in and returns an exit status."""

import click

from natpass_tui.links.kind import Kind
from natpass_tui.links.words import Words
from natpass_wire.pb.link_pb2 import ConnectRequest


def _command() -> click.Command:
    from natpass_tui.links.exec.cli import command  # noqa: PLC0415 - loaded on demand

    return command


KIND = Kind(
    name="exec",
    wire=ConnectRequest.exec,
    words=Words(noun="command", at="on"),
    command=_command,
    instead="have shells, and no commands: natpass-tui shell {agent} --allow-unsealed",
)

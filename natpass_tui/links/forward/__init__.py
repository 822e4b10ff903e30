"""The forward kind: `rules` is what is asked for, `forwards` carries it, `rows` is what to show of it.

`listener` is the base of what rules do: `local`, `remote`, `dynamic` (with `socks`) and `datagrams`. The commands are
`cli` (with `run`), `connect` and `ssh_config`.
"""

import click

from natpass_tui.links.kind import Kind
from natpass_tui.links.words import Words
from natpass_wire.pb.link_pb2 import ConnectRequest


def _command() -> click.Command:
    from natpass_tui.links.forward.cli import command  # noqa: PLC0415 - loaded on demand

    return command


def _connect() -> click.Command:
    from natpass_tui.links.forward.connect import command  # noqa: PLC0415 - loaded on demand

    return command


def _ssh_config() -> click.Command:
    from natpass_tui.links.forward.ssh_config import command  # noqa: PLC0415 - loaded on demand

    return command


KIND = Kind(
    name="forward",
    wire=ConnectRequest.forward,
    words=Words(noun="forward", at="to"),
    command=_command,
    more_commands={"connect": _connect, "ssh-config": _ssh_config},
    demo="natpass_tui.links.forward.demo",
    tables=("forward",),
)

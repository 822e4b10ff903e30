"""The forward kind: `rules` is what is asked for, `forwards` carries it, `rows` is what to show of it.

`listener` is the base of what rules do: `local`, `remote`, `dynamic` (with `socks`) and `datagrams`. The commands are
`cli` (with `run`), `connect` and `ssh_config`. `tab` is the model of a tab, `handed` gives it its links, `typed`,
`meter` and `columns` are what it shows (pure), `pane` and `tables` its widgets.
"""

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import click

from natpass_tui.links.kind import FleetKey, Kind, KindSettings, KindTabs, Offer, OpenTab, PlainRules, PrefixKey
from natpass_tui.links.words import Words
from natpass_wire.pb.link_pb2 import ConnectRequest

if TYPE_CHECKING:
    from natpass_tui.model.relay_port import LinkOpener
    from natpass_wire.aio.link import Link


def _command() -> click.Command:
    from natpass_tui.links.forward.cli import command  # noqa: PLC0415 - loaded on demand

    return command


def _connect() -> click.Command:
    from natpass_tui.links.forward.connect import command  # noqa: PLC0415 - loaded on demand

    return command


def _ssh_config() -> click.Command:
    from natpass_tui.links.forward.ssh_config import command  # noqa: PLC0415 - loaded on demand

    return command


def _settings() -> type[KindSettings]:
    from natpass_tui.links.forward.settings import ForwardSettings  # noqa: PLC0415 - loaded on demand

    return ForwardSettings


def _opener() -> OpenTab:
    from natpass_tui.links.forward.pane import open_tab  # noqa: PLC0415 - as above: Textual comes with it

    return open_tab


def _played(agent: str, opener: "LinkOpener") -> tuple["Link", Coroutine[Any, Any, None]]:
    from natpass_tui.links.forward.existing import played  # noqa: PLC0415 - loaded on demand

    return played(agent, opener)


KIND = Kind(
    name="forward",
    wire=ConnectRequest.forward,
    words=Words(noun="forward", at="to"),
    command=_command,
    plain=PlainRules(played=_played),
    more_commands={"connect": _connect, "ssh-config": _ssh_config},
    demo="natpass_tui.links.forward.demo",
    tables=("forward",),
    instead="carry no forwards",
    tabs=KindTabs(
        opener=_opener,
        key=PrefixKey(("t",), "t", "forwards", "forwards of the same agent: ports, proxies"),
        fleet=FleetKey(("t",), "t", "forwards", "t", "its forwards: ports, proxies, UDP"),
        same=Offer("Forwards", "Ports, proxies and UDP of the same agent"),
        at_cursor=Offer("Forwards", "Ports, proxies and UDP of {agent}"),
        others=Offer("Forwards of {agent}", "{host}", is_shown=False),
        own_keys="In a tab of forwards",
        help=(
            ("a", "add a forward, as in L 8080:localhost:80"),
            ("d", "delete the one under the cursor"),
            ("s", "start one that is offered from tui.toml"),
            ("Enter", "its connections; Esc goes back"),
            ("↑ ↓ PgUp PgDn Home End", "move (also j k g G)"),
        ),
        is_single=True,
    ),
    settings=_settings,
)

"""The desktop kind. Pure: `request`, `decode`, `screen`, `keys`, `outbox`, `meter`, `status`. `pump` decodes in a
thread, `tab` runs a desktop over a link, `pane` shows it."""

import click

from natpass_tui.links.kind import FleetKey, Kind, KindTabs, Offer, OpenTab, PlainRules, PrefixKey
from natpass_tui.links.words import Words
from natpass_wire.pb.link_pb2 import ConnectRequest


def _command() -> click.Command:
    from natpass_tui.links.desktop.cli import command  # noqa: PLC0415 - loaded on demand

    return command


def _opener() -> OpenTab:
    from natpass_tui.links.desktop.pane import open_tab  # noqa: PLC0415 - as above: Textual comes with it

    return open_tab


KIND = Kind(
    name="desktop",
    wire=ConnectRequest.vnc,
    words=Words(noun="desktop", at="of", ends_with_tab=False),
    command=_command,
    plain=PlainRules(),
    tabs=KindTabs(
        opener=_opener,
        key=PrefixKey(
            ("v",),
            "v",
            "desktop",
            "the desktop of the same agent",
            moved=("d",),  # reserved for detaching
            moved_text="{prefix} v opens the desktop; {prefix} d will detach some day",
        ),
        fleet=FleetKey(("v", "d"), "v", "desktop", "v", "open its desktop"),  # `d` is the former key
        same=Offer("Desktop", "The desktop of the same agent"),
        at_cursor=Offer("Desktop", "The desktop of {agent}"),
        others=Offer("Desktop of {agent}", "{host}", is_shown=False),
        help=(("paste", "on a desktop: goes to its clipboard"),),
    ),
    actions={
        "keys": PrefixKey(
            ("k",), "k", "keys", "on a desktop: Ctrl, Alt, Shift, Super for the next key; Ctrl+Alt+Del …"
        ),
    },
)

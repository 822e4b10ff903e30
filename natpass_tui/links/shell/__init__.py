"""The shell kind: `state` is its state machine (pure), `tab` runs a shell over a link, `pane` shows it."""

import click

from natpass_tui.links.kind import FleetKey, Kind, KindSettings, KindTabs, Offer, OpenTab, PlainRules, PrefixKey
from natpass_tui.links.words import Words
from natpass_wire.pb.link_pb2 import ConnectRequest


def _command() -> click.Command:
    from natpass_tui.links.shell.cli import command  # noqa: PLC0415 - loaded on demand

    return command


def _settings() -> type[KindSettings]:
    from natpass_tui.links.shell.settings import ShellSettings  # noqa: PLC0415 - as above

    return ShellSettings


def _opener() -> OpenTab:
    from natpass_tui.links.shell.pane import open_tab  # noqa: PLC0415 - as above: Textual comes with it

    return open_tab


def _plain_fault(request: ConnectRequest) -> str:
    """Return why an existing program can't run the request: it would open its default shell instead."""
    shell = request.cshell
    if len(shell.argv) > 1 or (shell.argv and not shell.exec) or shell.cwd or shell.timeout_ms:
        return "over a link to an existing natpass program, a program runs only without arguments, and in its home"
    return ""


KIND = Kind(
    name="shell",
    wire=ConnectRequest.shell,
    words=Words(noun="shell", at="on"),
    command=_command,
    plain=PlainRules(_plain_fault),
    tabs=KindTabs(
        opener=_opener,
        key=PrefixKey(("c",), "c", "new shell", "another shell on the same agent", is_often=True),
        key_in_fleet=False,
        fleet=FleetKey((), "Enter", "shell", "Enter, double click", "open a shell on the agent"),
        same=Offer("New shell on {agent}", "Another shell on the same agent"),
        at_cursor=Offer("Shell on {agent}", "{host}"),
        others=Offer("Shell on {agent}", "{host}"),
        help=(
            ("drag", "select and copy (with shift where the application has the mouse)"),
            ("Enter", "after a shell has ended: open another"),
        ),
    ),
    actions={
        "scroll": PrefixKey(
            ("[", "left_square_bracket", "pageup", "up"),
            "[",
            "scroll",
            "scroll back (also PgUp ↑); the wheel does it too",
            is_often=True,
        ),
    },
    settings=_settings,
)

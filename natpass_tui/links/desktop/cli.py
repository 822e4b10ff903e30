"""The command `natpass-tui desktop`."""

import click

from natpass_tui.links.desktop.request import DEFAULT_FPS, DEFAULT_QUALITY, DesktopRequest
from natpass_tui.login import CONFIG_KEYS, HELP
from natpass_tui.screen_command import Opening, open_screen, screen_options
from natpass_wire.program.options import common_options, connection_options, gather


@click.command("desktop", context_settings=HELP)
@click.argument("agent")
@click.option(
    "--fps", type=click.IntRange(1, 50), default=DEFAULT_FPS, show_default=True, help="The most pictures a second."
)
@click.option(
    "--quality",
    type=click.IntRange(1, 100),
    default=DEFAULT_QUALITY,
    show_default=True,
    help="Quality of the pictures, in percent; 100: not compressed.",
)
@click.option("--cursor", is_flag=True, help="Draw the remote pointer into the picture.")
@connection_options
@screen_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, agent: str, fps: int, quality: int, cursor: bool, **_: object) -> int:
    """Show the screen of AGENT at once, and use it.

    Keys go to the remote desktop. The prefix and then k latches Ctrl, Alt, Shift or Super for the next key, and has
    Ctrl+Alt+Del and others that a terminal can't send. What you paste goes to the remote clipboard.
    """
    opening = Opening(agent, "desktop", DesktopRequest(fps, quality, cursor))
    return open_screen(gather(ctx, config_keys=CONFIG_KEYS), opening)

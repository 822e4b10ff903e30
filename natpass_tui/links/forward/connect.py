"""The command `natpass-tui connect`: one connection beyond an agent, between stdin and stdout."""

import os
import socket
import stat

import click

from natpass_tui.links.forward.rules import parse_target
from natpass_tui.links.forward.stdio import StdioChannel
from natpass_tui.links.outcome import FAILED, Counts, Outcome
from natpass_tui.links.run import Run
from natpass_tui.links.streams import Reader, Writer, fill_closed
from natpass_tui.login import CONFIG_KEYS, HELP, PROGRAM, NotReachedError, listed_agents, relay_target
from natpass_wire.aio import runtime
from natpass_wire.aio.channels import ChannelLink
from natpass_wire.aio.link import Link
from natpass_wire.aio.tasks import Tasks
from natpass_wire.channels.events import ChannelAsked, Endpoint, ListenAsked
from natpass_wire.errors import UserError
from natpass_wire.ids import client_id_fault
from natpass_wire.pb.forward_pb2 import ChannelRefused
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.program.main import BROKEN_PIPE, complain
from natpass_wire.program.options import common_options, connection_options, gather
from natpass_wire.text import printable

_STDOUT = 1


@click.command("connect", context_settings=HELP)
@click.argument("agent")
@click.argument("target", metavar="HOST:PORT")
@click.option(
    "--strip",
    metavar="SUFFIX",
    default="",
    help="Leave this out at the end of AGENT: ssh-config uses it for names such as web1.natpass.",
)
@connection_options
@common_options
@click.pass_context
def command(ctx: click.Context, /, agent: str, target: str, **_: object) -> int:
    """Connect stdin and stdout to HOST:PORT beyond AGENT, which resolves the name; or to a Unix socket's /PATH there.

    \b
      natpass-tui connect web1 localhost:25
      ssh -o ProxyCommand='natpass-tui connect web1 %h:%p' ann@localhost

    Bytes pass as they are. The end of stdin closes that half of the connection, and the other end's closes stdout. A
    lost connection to the relay only delays.

    Exit status: 0 when both halves were closed, 255 with one line that says why if the target or the agent can't be
    reached or the connection was reset, 130 and 143 after a signal, 2 after a mistake in the command line.
    """
    fill_closed()
    values = gather(ctx, config_keys=CONFIG_KEYS)
    agent = agent.removesuffix(values["strip"])
    if fault := client_id_fault(agent):
        raise UserError(f"{printable(agent)!r} is not an agent's id: {fault}")
    run = ConnectRun(agent, parse_target(target), allow_unsealed=values["allow_unsealed"])
    relay = relay_target(values, says_relay=False)
    try:
        return runtime.run(run.status(relay, listed_agents(values)))
    except NotReachedError as error:
        return complain(PROGRAM, str(error), FAILED)


class ConnectRun(Run):
    """One run.

    Args:
        agent: the agent's id.
        target: where to connect to.
        allow_unsealed: allow existing agents too.
    """

    def __init__(self, agent: str, target: Endpoint, *, allow_unsealed: bool = False) -> None:
        super().__init__(agent, ())
        self.allow_unsealed = allow_unsealed
        self._target = target
        self._channel: StdioChannel | None = None

    def _request(self) -> ConnectRequest:
        return ConnectRequest(name="forward", kind=ConnectRequest.forward)

    def _refused(self, reason: str) -> str:
        return reason

    def _counts(self) -> Counts:
        return self._channel.counts if self._channel is not None else Counts()

    def _stop(self, status: int) -> bool:
        if self._channel is None:
            return False
        self._channel.stop(status)
        return True

    async def _carry(self, link: Link) -> Outcome:
        channels = ChannelLink(link, is_console=True, asked=lambda asked: _refuse(channels, asked))
        tasks = Tasks()
        running = tasks.start(channels.run(), "connect channels")
        try:
            self._channel = StdioChannel(channels, Reader(0), Writer(_STDOUT), _end_stdout)
            return await self._channel.run(self._target)
        except BrokenPipeError:
            return Outcome(BROKEN_PIPE)
        except OSError as error:
            return Outcome(FAILED, f"cannot read stdin or write stdout: {error.strerror}")
        finally:
            link.close()
            await running
            await tasks.close()


def _refuse(channels: ChannelLink, asked: ChannelAsked | ListenAsked) -> None:
    channels.refuse(asked.id, ChannelRefused.NOT_ALLOWED, "the console has no listener")


def _end_stdout() -> None:
    """Close stdout for its reader: /dev/null takes its place. A socket may be stdin, too, so only half of it ends."""
    if stat.S_ISSOCK(os.fstat(_STDOUT).st_mode):
        with socket.socket(fileno=os.dup(_STDOUT)) as both:
            both.shutdown(socket.SHUT_WR)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, _STDOUT)
    os.close(null)

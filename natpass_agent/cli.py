"""The command `natpass-agent`."""

# Why: docs/decisions/016-a-failed-start-leaves-nothing.md

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import click

from natpass_agent import check_cli, control, fingerprint_cli, instance, status_cli
from natpass_agent.agent import Agent
from natpass_agent.authorized import AuthorizedConsolesFile
from natpass_agent.links import KINDS
from natpass_agent.links.kind import Worker
from natpass_agent.links.options import kind_options, kind_values
from natpass_agent.links.servers import all_servers
from natpass_agent.platform.environment import MARKER, check_patterns
from natpass_agent.platform.lock import locks
from natpass_agent.trust import SealedPeers
from natpass_wire.aio import runtime
from natpass_wire.aio.sealing import Sealing
from natpass_wire.aio.streams import KEEP_SECONDS
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.program import logs, signals
from natpass_wire.program.control.place import socket_path
from natpass_wire.program.control.server import Handler, serving
from natpass_wire.program.identity import known_identity, load_identity
from natpass_wire.program.main import INTERRUPTED, run
from natpass_wire.program.options import common_options, connection_options, gather
from natpass_wire.program.platform_files import raise_open_files
from natpass_wire.program.settings import ConnectionSettings

log = logging.getLogger(__name__)

PROGRAM = "natpass-agent"
#: Seconds between two looks at authorized_consoles and the time. Two looks end a link, and its program has 2 s to go:
#: what is no longer allowed is gone within 5 s.
REVIEW_SECONDS = 1.0


def listed(words: Sequence[str], conjunction: str) -> str:
    """Return words as an English list, such as "a, b and c"; empty words are left out.

    Args:
        words: the words; at least one is not empty.
        conjunction: the word before the last.
    """
    *others, last = filter(None, words)
    return f"{', '.join(others)} {conjunction} {last}" if others else last


@click.group(
    invoke_without_command=True,
    subcommand_metavar="[COMMAND]",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=f"Serve {listed([kind.serves for kind in KINDS], 'and')} of this machine to consoles, through a relay.\n\n"
    "It never gives up: when it can't reach its relay or loses it, it tries again.",
)
@connection_options
@click.option("--id", metavar="NAME", help="This agent's name. Default: the host name.")
@kind_options
@click.option(
    "--keep-links",
    type=click.IntRange(10, 7 * 24 * 3600),
    metavar="SECONDS",
    default=int(KEEP_SECONDS),
    show_default=True,
    help=f"How long to keep a {listed([kind.keeps for kind in KINDS], 'or')} whose console is cut off, so that it can "
    "resume.",
)
@check_cli.AUTHORIZED_CONSOLES
@click.option(
    "--pass-env",
    metavar="NAME",
    multiple=True,
    help="Pass this variable of the agent's environment on to the programs that it starts; * and ? stand for any "
    f"characters. Repeatable. Without it programs get what sshd would give them, and {MARKER}.",
)
@common_options
@click.pass_context
def command(ctx: click.Context, /, **_: object) -> int:
    """Run an agent, unless a command is named; return the exit status."""
    if ctx.invoked_subcommand is not None:
        return 0
    values = gather(ctx)
    client_id = instance.own_id(values["id"])  # checked before an invite is used up
    passed = check_patterns(values["pass_env"])
    settings = ConnectionSettings.from_values(PROGRAM, values)
    state = settings.common.state_dir
    logs.set_up(settings.common.log_level, settings.common.log_file)
    consoles = AuthorizedConsolesFile.at(values["authorized_consoles"], state, client_id)
    instance.check(state, client_id)
    known_identity(state, "agent")
    settings = settings.with_secret(PROGRAM, who=f"agent {client_id}")  # from here on, files are written
    with instance.lock(state, client_id, locks()):
        consoles.begin()
        identity = load_identity(state, "agent")
        token = instance.token(state, client_id)
        seal = partial(Sealing, identity.private, trust=SealedPeers(), clock=time.monotonic)
        target = settings.target(client_id, Role.ROLE_AGENT, token, (), PROGRAM, seal=seal)
        options, repeated = kind_values(values)
        files = raise_open_files()
        kinds = all_servers(options, repeated, agent=client_id, passed=passed, files=files)
        agent = partial(Agent, target, kinds=kinds, rights_of=consoles.rights_of, is_listed=consoles.lists)
        agent = partial(agent, keep_seconds=values["keep_links"], allow_unsealed=values["allow_unsealed"])
        handlers = partial(control.handlers, repeated=repeated, allow_unsealed=values["allow_unsealed"])
        return runtime.run(serve(agent, consoles, socket_path(state, status_cli.KIND, client_id), handlers))


async def serve(
    make_agent: Callable[[], Agent],
    consoles: AuthorizedConsolesFile,
    control_socket: Path,
    handlers: Callable[[Agent], dict[str, Handler]],
) -> int:
    """Run an agent until a signal says to stop; return the exit status: 130 after INT, else 0."""
    stopped: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def stop(status: int) -> None:
        if not stopped.done():
            stopped.set_result(status)

    signals.handle(lambda number: stop(INTERRUPTED if number == signal.SIGINT else 0), _nothing_to_reload)
    with suppress(AttributeError):  # not on Windows; while it is ignored, children leave no exit status
        signal.signal(getattr(signal, "SIGCHLD"), signal.SIG_DFL)  # noqa: B009 - not on Windows
    agent = make_agent()
    async with serving(control_socket, handlers(agent)), asyncio.TaskGroup() as group:
        running = group.create_task(agent.run(), name="agent")
        running.add_done_callback(lambda _: stop(1))  # it has failed, and the group raises its exception
        watching = group.create_task(_watch(agent, consoles), name="authorized consoles")
        watching.add_done_callback(lambda _: stop(1))
        await stopped
        running.cancel()
        watching.cancel()
    log.info("stopped")
    return stopped.result()


async def _watch(agent: Agent, consoles: AuthorizedConsolesFile) -> None:
    """Look whether consoles have lost rights, and end what they may no longer have."""
    while True:
        await asyncio.sleep(REVIEW_SECONDS)
        agent.review(consoles.look())
        agent.tick()


def _nothing_to_reload() -> None:
    log.info("SIGHUP: nothing to reload (authorized_consoles is watched; other options need a restart)")


for _command in (fingerprint_cli.command, check_cli.command, status_cli.status, status_cli.end):
    command.add_command(_command)


def _worker_command(worker: Worker) -> click.Command:
    """Return the hidden command that runs a kind's worker."""

    @click.command(worker.name, hidden=True, context_settings={"ignore_unknown_options": True, "help_option_names": []})
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def run_worker(arguments: tuple[str, ...]) -> int:
        return worker.main(arguments)

    return run_worker


for _worker in filter(None, (kind.worker for kind in KINDS)):
    command.add_command(_worker_command(_worker))


def main() -> None:
    """Run the command."""
    run(command, PROGRAM)

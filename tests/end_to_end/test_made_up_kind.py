"""A new link kind of the agent is its folder, and one line of the registry: all else asks its descriptor.

A kind that nobody has heard of is added to a copy of the agent, which then runs as a program with a real relay.
"""

import filecmp
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

import natpass_agent
from natpass_agent.links import FOLDERS
from natpass_wire.aio.dial import RelayAddress, RelayTarget
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.identity.keys import PublicKey
from natpass_wire.login import v2
from natpass_wire.login.keys import LoginKey
from natpass_wire.pb.envelope_pb2 import MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import SECRET, Program
from tests.support.relay import CONSOLE, TestClient, instance
from tests.support.sealing import link_key, sealing
from tests.support.waiting import wait_for

on_both_loops = pytest.mark.both_loops

NUMBER = 142
DESCRIPTOR = f'''
"""The made-up kind: it greets, and stays."""

from natpass_agent.links.kind import Kind, Limits, Option


def _server(services):
    from natpass_agent.links.madeup.server import MadeUpServer

    return MadeUpServer(services.options["made-up-greeting"] or "hello")


KIND = Kind(
    number={NUMBER},
    wire_name="madeup",
    name="madeup",
    make_server=_server,
    read_only="there is nothing made-up to look at",
    allows_unsealed=False,
    limits=Limits(holds_process=False, places=4, answer_seconds=0.5, keep_seconds=20.0),
    serves="made-up things",
    keeps="made-up thing",
    options=(Option("made-up-greeting", "TEXT", "What made-up links begin with."),),
)
'''
SERVER = '''
"""Serves made-up links."""

from natpass_agent.links.madeup import KIND
from natpass_agent.links.running import Running, RunningFor
from natpass_wire.identity.authorized import ALL
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.shell_pb2 import ShellData


class MadeUpServer:
    kind = KIND

    def __init__(self, greeting):
        self._greeting = greeting
        self.running = RunningFor()

    async def serve(self, link, request, rights=ALL):
        if request.name == "never answer":
            await link.ended()
            return
        with self.running.noted(link, Running("a made-up thing", None, "a made-up thing")):
            link.accept()
            await link.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=self._greeting.encode())))
            await link.ended()
'''
ORIGINAL = Path(natpass_agent.__file__).parent


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A folder with an agent that serves one more kind."""
    copy = tmp_path / "code"
    shutil.copytree(ORIGINAL, copy / "natpass_agent", ignore=shutil.ignore_patterns("__pycache__"))
    kind = copy / "natpass_agent" / "links" / "madeup"
    kind.mkdir()
    (kind / "__init__.py").write_text(DESCRIPTOR)
    (kind / "server.py").write_text(SERVER)
    registry = kind.parent / "__init__.py"
    last = f'    "{FOLDERS[-1]}",\n'
    text = registry.read_text()
    assert text.count(last) == 1
    registry.write_text(text.replace(last, f'{last}    "madeup",\n'))
    return copy


def touched(compared: "filecmp.dircmp[str]", folder: Path = Path()) -> Iterator[str]:
    """Give the paths of the files and folders that differ."""
    for name in (*compared.diff_files, *compared.left_only, *compared.right_only, *compared.funny_files):
        if name != "__pycache__":
            yield (folder / name).as_posix()
    for name, below in compared.subdirs.items():
        yield from touched(below, folder / name)


def test_it_touches_its_folder_and_the_registry(code: Path) -> None:
    assert sorted(touched(filecmp.dircmp(ORIGINAL, code / "natpass_agent"))) == ["links/__init__.py", "links/madeup"]
    before, after = ((folder / "links" / "__init__.py").read_text() for folder in (ORIGINAL, code / "natpass_agent"))
    assert after.replace('    "madeup",\n', "") == before


def run(code: Path, *arguments: str) -> str:
    """Return what `natpass-agent` prints."""
    command = [sys.executable, "-c", "from natpass_agent.cli import main; main()", *arguments]
    environment = {"HOME": str(code.parent), "PATH": os.environ["PATH"], "COLUMNS": "200"}
    done = subprocess.run(command, cwd=code, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_help_names_it(code: Path) -> None:
    words = " ".join(run(code, "--help").split())
    assert "Serve shells, the desktop, forwards and made-up things of this machine to consoles" in words
    assert "How long to keep a shell, command, forward or made-up thing whose console is cut off" in words
    assert "--made-up-greeting TEXT What made-up links begin with." in words


class Place:
    """A relay and the agent as programs, and consoles in this process."""

    def __init__(self, code: Path, port: int, agent: Program, tasks: Tasks) -> None:
        self.code = code
        self.agent = agent
        self._port = port
        self._tasks = tasks
        self._authorized = code.parent / "agent" / "authorized_consoles"

    async def console(self, name: str, options: str | None = None) -> TestClient:
        """Start a console; with `options`, a line of `authorized_consoles` lets it in."""
        seals = sealing(link_key(SECRET))
        if options is not None:
            key = PublicKey(seals.identity.public_key().public_bytes_raw())
            with self._authorized.open("a") as file:
                file.write(f"{options} {key}\n")
            self._authorized.chmod(0o600)
        claims = v2.Claims(name, CONSOLE, (), "test 1", instance(name))
        address, login = RelayAddress("127.0.0.1", self._port), LoginKey.from_secret(SECRET)
        console = TestClient(RelayTarget(address, tls=False, claims=claims, login=login, sealing=seals))
        self._tasks.start(console.client.run(), name)
        await console.client.online()
        return console


@asynccontextmanager
async def place(code: Path) -> AsyncIterator[Place]:
    options = ["--made-up-greeting", "good morning", "--allow-unsealed"]
    tasks = Tasks()
    with (
        agent_programs.relay(code.parent) as (_, port),
        agent_programs.agent(code.parent, port, *options, cwd=code) as agent,
    ):
        agent.said(r"logged in at 127\.0\.0\.1:\d+ as box")
        try:
            yield Place(code, port, agent, tasks)
        finally:
            await tasks.close()


def request(number: int = NUMBER, name: str = "test") -> ConnectRequest:
    return ConnectRequest(name=name, kind=number)  # type: ignore[arg-type]  # a number that has no name here


async def opened(console: TestClient) -> Link:
    return await console.client.open_link("box", request())


async def refusal(console: TestClient, asked: ConnectRequest, *, plain: bool = False) -> str:
    with pytest.raises(LinkEndedError) as caught:
        await console.client.open_link("box", asked, plain=plain)
    return caught.value.end.text


@on_both_loops
async def test_the_agent_serves_it_and_says_so(code: Path) -> None:
    async with place(code) as there:
        console = await there.console("tui-1")
        console.watch()
        await wait_for(lambda: "box" in console.present())
        assert list(console.mirror.entries["box"].about.serves) == [
            "bench",
            "exec",
            "forward",
            "madeup",
            "shell",
            "tcp",
            "udp",
            "vnc",
        ]
        link = await opened(console)
        message = await link.receive()
        assert (message.type, message.sdata.data) == (MsgType.shell_data, b"good morning")
        status = run(code, "status", "--state-dir", str(code.parent / "agent"))
        assert "  madeup for " in status
        assert ": a made-up thing\n" in status
        other = await refusal(console, request(77))
        assert (
            other
            == "this agent does not serve kind 77 links (it serves: bench, exec, forward, madeup, shell, tcp, udp, vnc)"
        )


@on_both_loops
async def test_its_limits_hold(code: Path) -> None:
    async with place(code) as there:
        console, other = await there.console("tui-1"), await there.console("tui-2")
        assert "too busy" in await refusal(console, request(name="never answer"))
        existing = await there.console("tui-3")  # one that has never sealed a link
        assert await refusal(existing, request(), plain=True) == "this agent serves sealed madeup links only"
        first = [await opened(console) for _ in range(4)]
        full = "this agent has 4 madeup links already, {} of them yours, and takes no more"
        assert await refusal(console, request()) == full.format(4)
        for _ in range(2):
            await opened(other)
        assert await refusal(other, request()) == full.format(2)
        ended = [(await link.ended()).text for link in first[2:]]
        assert ended == ["its place was needed for somebody else"] * 2
        assert [link.end for link in first[:2]] == [None, None]
        other.connection._socket.abort()
        kept = r"the console of madeup [0-9a-f]{4} of tui-2 \(a made-up thing\) is out of reach: .*kept for 20 s"
        await wait_for(lambda: re.search(kept, there.agent.output))


@on_both_loops
async def test_rights_know_it(code: Path) -> None:
    async with place(code) as there:
        some = await there.console("tui-1", 'kinds="madeup"')
        onlooker = await there.console("tui-2", "read-only")
        without = await there.console("tui-3", 'kinds="shell,nothing"')
        assert (await (await opened(some)).receive()).sdata.data == b"good morning"
        shell = await refusal(some, request(ConnectRequest.shell))
        assert shell == "your console's key may not do this here (it may: madeup)"
        assert await refusal(onlooker, request()) == "there is nothing made-up to look at"
        assert "line 3 of this agent's authorized_consoles" in await refusal(without, request())
        there.agent.said(
            "line 3 grants nothing: kinds are some of shell, exec, desktop, forward, bench, madeup, with commas"
        )

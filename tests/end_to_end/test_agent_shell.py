"""Shells through a real relay and real sockets, with and without TLS, all in one process."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from natpass_agent.agent import Agent
from natpass_agent.platform.host import HostFacts
from natpass_relay.certificate import make_self_signed
from natpass_relay.server import RelayServer, RelaySettings, TlsFiles
from natpass_wire.aio.client import RelayClient
from natpass_wire.aio.dial import RelayTarget
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.stream import Stream
from natpass_wire.aio.tasks import Tasks
from natpass_wire.links import End
from natpass_wire.login.keys import LoginKey
from natpass_wire.login.v2 import Claims
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse, ConnectShell, LinkEnd
from natpass_wire.pb.login_pb2 import Role
from natpass_wire.pb.shell_pb2 import ShellData, ShellResize
from tests.support.sealing import sealing
from tests.support.waiting import Progress, patience, wait_for

KEY = LoginKey(bytes(range(32)))


class Console:
    """What opens shells."""

    def __init__(self, client: RelayClient) -> None:
        self.client = client

    async def shell(self, program: str = "", *env: str, rows: int = 0, cols: int = 0) -> Link:
        shell = ConnectShell(exec=program, env=env, rows=rows, cols=cols)
        return await self.client.open_link("box", ConnectRequest(kind=ConnectRequest.shell, cshell=shell))

    async def refusal(self, program: str, *env: str) -> End:
        with pytest.raises(LinkEndedError) as caught:
            await self.shell(program, *env)
        return caught.value.end


@pytest.fixture(params=["tls", "bare"])
async def console(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Console]:
    tls = None
    if request.param == "tls":
        (tmp_path / "pem").write_bytes(b"".join(make_self_signed()))
        tls = TlsFiles(tmp_path / "pem", tmp_path / "pem")
    relay = RelayServer(RelaySettings(key=KEY, tls=tls))
    (address,) = await relay.start()

    def target(client_id: str, role: Role) -> RelayTarget:
        return RelayTarget(
            address, tls is not None, Claims(client_id, role, (), "test", bytes(16)), KEY, sealing=sealing()
        )

    tasks = Tasks()
    agent = Agent(target("box", Role.ROLE_AGENT), facts=HostFacts("h", "o", "u"))
    client = RelayClient(target("tui-test-01234567", Role.ROLE_CONSOLE))
    tasks.start(agent.run(), "agent")
    tasks.start(client.run(), "console")
    async with asyncio.timeout(patience()):
        await agent.client.online()
        await client.online()
    yield Console(client)
    async with asyncio.timeout(patience()):
        await tasks.close()
        await relay.stop()


async def say(link: Link, data: bytes) -> None:
    await link.send(Msg(type=MsgType.shell_data, sdata=ShellData(data=data)))


async def said(link: Link, wanted: bytes) -> bytes:
    found = b""
    async with asyncio.timeout(patience()):
        while wanted not in found:
            found += (await link.receive()).sdata.data
    return found


async def all_said(link: Link) -> tuple[bytes, End]:
    """Return everything up to the link's end, and the end."""
    found = bytearray()
    try:
        async with Progress() as progress:
            while True:
                found += (await link.receive()).sdata.data
                progress.made()
    except LinkEndedError as error:
        return bytes(found), error.end


async def test_a_long_output_arrives_whole_and_then_its_end(console: Console) -> None:
    output, end = await all_said(await console.shell("seq 1 150000"))
    assert output.split() == [b"%d" % number for number in range(1, 150_001)]
    assert end == End(LinkEnd.EXITED, "exited with status 0", 0)


async def test_the_login_shell_talks(console: Console) -> None:
    link = await console.shell("", "GREETING=é中", rows=31, cols=97)
    await say(link, b"echo $((6*7))-$GREETING; stty size; exit 7\n")
    output, end = await all_said(link)
    assert "42-é中".encode() in output
    assert b"31 97" in output
    assert end == End(LinkEnd.EXITED, "exited with status 7", 7)


async def test_bytes_are_unchanged_and_sizes_change(console: Console) -> None:
    script = "stty raw -echo; printf ready; dd bs=1 count=12 2>/dev/null; stty size"
    link = await console.shell(f"sh -c '{script}'", rows=24, cols=80)
    await said(link, b"ready")
    await link.send(Msg(type=MsgType.shell_resize, sresize=ShellResize(rows=43, cols=132)))
    data = "é中".encode() + b"\xff\xfe\xc3(\x00\r\x80"
    assert len(data) == 12
    await say(link, data)
    output, _ = await all_said(link)
    assert output.startswith(data)
    assert b"43 132" in output


async def test_what_can_not_be_started_is_refused_with_the_reason(console: Console) -> None:
    missing = await console.refusal("no-such-program")
    assert missing.text == "no such program: no-such-program"
    assert missing.reason == ConnectResponse.FAILED
    assert "is a directory" in (await console.refusal("/tmp")).text
    assert "malformed env entry" in (await console.refusal("env", "X")).text


async def test_other_kinds_are_refused_with_the_reason(console: Console) -> None:
    with pytest.raises(LinkEndedError) as caught:
        await console.client.open_link("box", ConnectRequest(kind=ConnectRequest.code))
    assert "does not serve code" in caught.value.end.text


async def test_a_reader_that_stalls_stops_the_program_and_nothing_is_lost(console: Console) -> None:
    link = await console.shell("seq 1 1000000")  # 7.9 MB: more than all buffers on the way hold
    assert isinstance(link, Stream)
    await wait_for(lambda: link.core.kept_units > 4 * 1024, "as much as its pace allows")
    output, end = await all_said(link)
    assert output.split() == [b"%d" % number for number in range(1, 1_000_001)]
    assert end.status == 0

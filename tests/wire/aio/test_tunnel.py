"""Connections through proxies: real ones, and ones that misbehave; on both event loops."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from natpass_wire.aio import reach as reach_module
from natpass_wire.aio.client import Phase
from natpass_wire.aio.dial import RelayTarget
from natpass_wire.proxy import parse
from natpass_wire.race import Address
from tests.support.proxies import PASSWORD, USER, microsocks, needs_proxies, tinyproxy
from tests.support.waiting import wait_for
from tests.wire.aio.plugs import HOST, Tls
from tests.wire.aio.stub import StubRelay
from tests.wire.aio.watched import running, target

pytestmark = pytest.mark.both_loops

PROXIES: dict[str, Any] = {"http": tinyproxy, "socks5": microsocks}
AUTH = f"{USER}:{PASSWORD}@"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def proxied(port: int, url: str, *, tls: bool, host: str = "localhost") -> RelayTarget:
    return replace(target(port, tls=tls, host=host), proxy=parse(url, "--proxy"))


@pytest.mark.programs
@needs_proxies
@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("auth", [False, True])
async def test_a_real_proxy_leads_to_the_relay(tmp_path: Path, tls: Tls | None, kind: str, auth: bool) -> None:
    with PROXIES[kind](tmp_path, auth=auth) as proxy:
        relay = StubRelay(tls=tls)
        url = f"{kind}://{AUTH if auth else ''}127.0.0.1:{proxy}"
        async with relay.running() as port, running(proxied(port, url, tls=tls is not None)) as watched:
            await watched.client.online()
            guest = await relay.guest()
            await wait_for(lambda: watched.client.round_trip is not None)
            guest.socket.abort()
            await relay.guest(2)
            await wait_for(lambda: watched.client.connection)


@pytest.mark.programs
@needs_proxies
@pytest.mark.parametrize(
    ("kind", "login", "said"),
    [
        ("http", "operator:wrong@", "refuses: 401 Unauthorized"),
        ("http", "", "refuses: 407 Proxy Authentication Required"),
        ("socks5", "operator:wrong@", "refuses: Username and password authentication failure"),
        ("socks5", "", "refuses: No acceptable authentication methods were offered"),
    ],
)
async def test_a_real_proxys_refusal_is_said_as_the_proxys(tmp_path: Path, kind: str, login: str, said: str) -> None:
    with PROXIES[kind](tmp_path, auth=True) as proxy:
        async with running(proxied(1, f"{kind}://{login}127.0.0.1:{proxy}", tls=True)) as watched:
            reason = (await watched.until(Phase.WAITING)).reason
            assert reason == f"the proxy {kind}://127.0.0.1:{proxy} {said}"


@pytest.mark.programs
@needs_proxies
@pytest.mark.parametrize(
    ("kind", "said"), [("http", "refuses: 500 Unable to connect"), ("socks5", "refuses: Host unreachable")]
)
async def test_names_are_resolved_by_the_proxy(
    tmp_path: Path, kind: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    resolve = reach_module.resolve

    async def resolved(host: str, port: int) -> list[Address]:
        asked.append(host)
        return await resolve(host, port)

    monkeypatch.setattr(reach_module, "resolve", resolved)
    with PROXIES[kind](tmp_path) as proxy:
        url = f"{kind}://127.0.0.1:{proxy}"
        async with running(proxied(6154, url, tls=True, host="relay.invalid")) as watched:
            reason = (await watched.until(Phase.WAITING)).reason
            assert said in reason or "General SOCKS server failure" in reason
            assert set(asked) == {"127.0.0.1"}


@pytest.mark.programs
@needs_proxies
async def test_what_a_real_proxy_filters_is_said(tmp_path: Path) -> None:
    with tinyproxy(tmp_path, "ConnectPort 443") as proxy:
        async with running(proxied(6154, f"http://127.0.0.1:{proxy}", tls=True)) as watched:
            reason = (await watched.until(Phase.WAITING)).reason
            assert reason.startswith(f"the proxy http://127.0.0.1:{proxy} refuses: 403 ")


@contextlib.asynccontextmanager
async def a_proxy(serve: Serve) -> AsyncIterator[str]:
    """Run a proxy of a few lines; give its URL."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(served, HOST, 0)
    async with server:
        yield f"http://{AUTH}127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_an_answer_in_two_parts_is_one_answer(certified: Tls) -> None:
    """python-socks takes the second part for the relay's first bytes."""
    relay = StubRelay(tls=certified)
    heads: list[bytes] = []
    flows: list[asyncio.Task[None]] = []

    async def flow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        theirs, ours = await asyncio.open_connection(HOST, port)
        writer.write(b"HTTP/1.1 200 OK\r\n")
        await writer.drain()
        flows.append(asyncio.get_running_loop().create_task(flow(reader, ours)))
        until = asyncio.get_running_loop().time() + 0.05
        await wait_for(lambda: asyncio.get_running_loop().time() > until)  # in a segment of its own
        writer.write(b"Via: x\r\n\r\n")
        await flow(theirs, writer)

    async with relay.running() as port, a_proxy(serve) as url, running(proxied(port, url, tls=True)) as watched:
        await watched.client.online()
        assert heads[0].startswith(f"CONNECT localhost:{port} HTTP/1.1\r\n".encode())
    await asyncio.gather(*flows)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed the connection"),
        (b"SSH-2.0-x\r\n\r\n", "does not speak HTTP"),
        (b"x" * 20_000, "does not speak HTTP: its answer has no end"),
        (b"HTTP/1.1 200 OK\r\n\r\nhello", "sends data before the relay could"),
        (b"HTTP/1.1 403 \x1b[2Jno\r\n\r\n", "refuses: 403 \ufffd[2Jno"),
    ],
)
async def test_a_proxy_that_misbehaves_is_named(answer: bytes, said: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()

    async with a_proxy(serve) as url, running(proxied(1, url, tls=True)) as watched:
        reason = (await watched.until(Phase.WAITING)).reason
        assert reason == f"the proxy {url.replace(AUTH, '')} {said}"


async def test_a_proxy_that_does_not_answer_is_named(certified: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach_module, "CONNECT_SECONDS", 0.6)
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()

    async with a_proxy(serve) as url, running(proxied(1, url, tls=True)) as watched:
        reason = (await watched.until(Phase.WAITING)).reason
        assert reason == f"no answer from the proxy {url.replace(AUTH, '')} within 1 s"
        over.set()
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with running(proxied(1, nobody, tls=True)) as watched:
            reason = (await watched.until(Phase.WAITING)).reason
            assert reason == f"cannot reach the proxy {nobody}: Connection refused"
    async with running(proxied(1, "http://proxy.invalid", tls=True)) as watched:
        reason = (await watched.until(Phase.WAITING)).reason
        assert reason.startswith("cannot reach the proxy http://proxy.invalid:1080: ")


async def test_what_is_wrong_behind_the_proxy_is_said_as_that(certified: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach_module, "CONNECT_SECONDS", 0.6)
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await over.wait()

    async with a_proxy(serve) as url, running(proxied(1, url, tls=True)) as watched:
        reason = (await watched.until(Phase.WAITING)).reason
        shown = url.replace(AUTH, "")
        assert reason.startswith(f"no answer from localhost:1 through the proxy {shown} within 1 s")
        over.set()


async def test_a_client_that_is_stopped_while_a_proxy_thinks_leaves_nothing() -> None:
    asked = asyncio.Event()
    heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        asked.set()
        heard.set_result(head + await reader.read())  # up to the end of the connection

    async with a_proxy(serve) as url:
        async with running(proxied(1, url, tls=True)):
            await asked.wait()
            assert not heard.done()
        assert (await heard).startswith(b"CONNECT localhost:1 HTTP/1.1\r\n")
        assert (await heard).endswith(b"\r\n\r\n")  # and nothing behind it


@pytest.mark.parametrize("host", ["a\0b", "a b", "x" * 64 + ".example", ".example"])
async def test_a_name_that_is_none_is_said_before_the_proxy_is_asked(host: str) -> None:
    async with running(proxied(1, "http://127.0.0.1:1", tls=False, host=host)) as watched:
        assert "this is not a host name" in (await watched.until(Phase.WAITING)).reason

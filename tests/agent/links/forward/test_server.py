"""A forward at the agent: connections, listeners, flows and their limits, on real sockets."""

import contextlib
import logging
import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from natpass_agent.links.forward import datagrams
from natpass_agent.links.forward import session as sessions
from natpass_agent.targets.targets import Rules
from natpass_wire.channels.events import Endpoint
from natpass_wire.identity.patterns import parse
from natpass_wire.pb.forward_pb2 import ChannelRefused
from tests.agent.links.forward.world import User, World, forwarded, rights
from tests.support.peers import HOST, UNIX, Peer, Target
from tests.support.waiting import wait_for

pytestmark = pytest.mark.both_loops


@contextlib.contextmanager
def udp_socket():  # type: ignore[no-untyped-def]
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind((HOST, 0))
        sock.setblocking(False)
        yield sock


async def datagram(sock: socket.socket) -> tuple[bytes, tuple[str, int]]:
    found: list[tuple[bytes, tuple[str, int]]] = []

    def came() -> bool:
        with contextlib.suppress(BlockingIOError):
            found.append(sock.recvfrom(65536))
        return bool(found)

    await wait_for(came, "a datagram")
    return found[0]


async def test_a_connection_to_a_target() -> None:
    async with forwarded() as world:
        with contextlib.closing(Target()) as target:
            client = await Peer.to(await world.forward(target.endpoint))
            with contextlib.closing(client):
                await client.send(b"question")
                client.end()
                there = await target.accept()
                assert await there.read_all() == b"question"
                assert str(world.session) == "1 connection"
                await there.send(b"answer")
                there.end()
                assert await client.read_all() == b"answer"
            await wait_for(lambda: not world.session.connections, "its end")
            assert world.locals[0].address == (HOST, target.endpoint.port)
            assert (world.session.traffic.sent, world.session.traffic.received) == (6, 8)
            assert world.session.total == 1


@pytest.mark.parametrize("host", ["localhost", "0.0.0.0", "::ffff:127.0.0.1", HOST])
async def test_hosts_are_looked_up_here_and_the_address_is_told(host: str) -> None:
    async with forwarded() as world:
        with contextlib.closing(Target()) as target:
            user = await world.answer(Endpoint(host, target.endpoint.port))
            assert user.address == (HOST, target.endpoint.port)


async def test_a_unix_socket(tmp_path: Path) -> None:
    async with forwarded() as world:
        with contextlib.closing(Target(str(tmp_path / "target"))) as target:
            channel, user = world.ask(target.endpoint)
            world.console.write(channel, b"hello")
            world.console.end(channel)
            there = await target.accept()
            assert await there.read_all() == b"hello"
            there.close()
            await wait_for(lambda: user.has_ended, "its end")


async def test_a_pattern_of_a_folder_that_is_a_link_stands_for_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "alias").symlink_to("run")
    async with forwarded(rights(f"unix:{tmp_path}/alias/target", f"unix:{tmp_path}/alias/*")) as world:
        with contextlib.closing(Target(str(tmp_path / "run" / "target"))) as target:
            channel, user = world.ask(Endpoint(path=os.fsencode(tmp_path / "alias" / "target")))
            there = await target.accept()
            await wait_for(lambda: user.address is not None)
            world.console.write(channel, b"question")
            assert await there.read(8) == b"question"
            await there.send(b"answer")
            await wait_for(lambda: user.data)
            _, listener = await world.listen(Endpoint(path=os.fsencode(tmp_path / "alias" / "here")))
            await review(world, rights(f"unix:{tmp_path}/alias/*", f"unix:{tmp_path}/alias/here"))
            assert (user.why, listener.why) == (None, None)


async def test_datagrams_go_to_no_unix_socket(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with forwarded() as world:
        with contextlib.closing(Target(str(tmp_path / "target"))) as target:
            user = await world.answer(Endpoint(path=os.fsencode(target.path), datagrams=True))
            assert user.reason == ChannelRefused.FAILED
            assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_name_with_many_addresses_is_no_way_around_the_number_of_descriptors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lookup(host: str, port: int):  # type: ignore[no-untyped-def]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{number}", port)) for number in range(1, 41)]

    async with forwarded() as world:
        monkeypatch.setattr(world.session._resolver, "_lookup", lookup)
        _, user = await world.listen(Endpoint("many.example", 0))
        assert user.reason == ChannelRefused.TOO_MANY


async def test_why_a_target_can_not_be_reached(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with contextlib.closing(socket.socket()) as unused:
        unused.bind((HOST, 0))
        port = unused.getsockname()[1]
        async with forwarded(rules=Rules(forward=parse("localhost:*,unix:*,no-such.invalid:*"))) as world:
            for target, reason in [
                (Endpoint(HOST, port), ChannelRefused.NOT_LISTENING),
                (Endpoint("no-such.invalid", 80), ChannelRefused.NO_HOST),
                (Endpoint("", 80), ChannelRefused.NO_HOST),
                (Endpoint("10.0.0.7", 80), ChannelRefused.NOT_ALLOWED),
                (Endpoint(path=str(tmp_path / "none").encode()), ChannelRefused.NOT_LISTENING),
            ]:
                user = await world.answer(target)
                assert user.reason == reason, user
                assert user.why
                assert "\n" not in user.why
            for _ in range(50):
                await world.answer(Endpoint(HOST, port))
            assert str(world.session) == "0 connections"
    lines = [record.getMessage() for record in caplog.records if "could not reach" in record.getMessage()]
    assert len(lines) == 5
    assert f"could not reach {HOST}:{port}: {HOST}:{port}: connection refused" in lines[0]


async def test_rules_of_the_agent_and_of_the_key_both_hold() -> None:
    with (
        contextlib.closing(Target()) as one,
        contextlib.closing(Target()) as two,
        contextlib.closing(Target()) as three,
    ):
        first, second, third = (each.endpoint for each in (one, two, three))
        agents = Rules(forward=parse(f"localhost:{first.port},localhost:{second.port}"))
        async with forwarded(rights(f"*:{second.port},*:{third.port}"), rules=agents) as world:
            assert (await world.answer(second)).address
            for target in (first, third):
                assert (await world.answer(target)).reason == ChannelRefused.NOT_ALLOWED
        async with forwarded(rights("none")) as world:
            assert (await world.answer(first)).reason == ChannelRefused.NOT_ALLOWED


async def test_a_name_that_leads_elsewhere_is_dialled_only_where_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(Target()) as target:
        port = target.endpoint.port
        asked = []

        def lookup(host: str, port: int):  # type: ignore[no-untyped-def]
            asked.append(host)
            addresses = ["127.0.0.1", "127.0.0.2"] if len(asked) == 1 else ["127.0.0.1"]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

        async with forwarded(rights("127.0.0.2:*")) as world:
            monkeypatch.setattr(world.session._resolver, "_lookup", lookup)
            user = await world.answer(Endpoint("rebinding.example", port))
            assert user.reason == ChannelRefused.NOT_LISTENING  # at 127.0.0.2; nothing came to 127.0.0.1
            user = await world.answer(Endpoint("rebinding.example", port))
            assert user.reason == ChannelRefused.NOT_ALLOWED
        assert asked == ["rebinding.example"] * 2
        with pytest.raises(BlockingIOError):
            target.sock.accept()


async def test_what_comes_while_it_connects_arrives() -> None:
    async with forwarded() as world:
        with contextlib.closing(Target()) as target:
            channel, _ = world.ask(Endpoint("localhost", target.endpoint.port))
            world.console.write(channel, b"early")
            world.console.end(channel)
            assert await (await target.accept()).read_all() == b"early"


async def test_a_channel_that_is_given_up_while_it_connects_leaves_nothing() -> None:
    async with forwarded() as world:
        with contextlib.closing(Target()) as target:
            channel, _ = world.ask(Endpoint("localhost", target.endpoint.port))
            await wait_for(lambda: world.session._taken, "the question")
            world.console.reset(channel, "never mind")
            await wait_for(lambda: not world.session._taken, "its place")
            assert not world.session.connections


# listeners


@pytest.mark.parametrize("host", ["", "localhost", HOST])
async def test_a_listener_on_loopback(host: str) -> None:
    async with forwarded() as world:
        with contextlib.closing(Target()) as target:
            world.target = target.endpoint
            listener, user = await world.listen(Endpoint(host, 0))
            assert user.address is not None
            assert user.address[0] == HOST
            client = await Peer.to(user.address[1])
            with contextlib.closing(client):
                there = await target.accept()
                assert world.asked[0].listener == listener
                assert world.asked[0].source.startswith(HOST)
                await client.send(b"in")
                assert await there.read(2) == b"in"
                assert "listening at" in str(world.session)
                world.console.reset(listener, "removed")
                await wait_for(lambda: not world.session.listeners, "its end")
                await there.send(b"still")  # its connections go on
                assert await client.read(5) == b"still"
            with pytest.raises(ConnectionRefusedError):
                await Peer.to(user.address[1])


async def test_a_taken_port_is_refused() -> None:
    async with forwarded() as world:
        with contextlib.closing(Target()) as target:
            _, user = await world.listen(Endpoint(HOST, target.endpoint.port))
            assert user.reason == ChannelRefused.IN_USE
            assert user.why == f"listening at {HOST}:{target.endpoint.port}: address already in use"


@pytest.mark.parametrize("host", ["*", "0.0.0.0", "::"])
async def test_more_than_loopback_only_if_a_rule_says_so(host: str) -> None:
    async with forwarded() as world:
        _, user = await world.listen(Endpoint(host, 0))
        assert user.reason == ChannelRefused.NOT_ALLOWED
    async with forwarded(rights(listen="*:*")) as world:
        _, user = await world.listen(Endpoint(host, 0))
        assert user.address is not None
    async with forwarded(rights(listen="*:*"), rules=Rules(listen=parse("localhost:*"))) as world:
        _, user = await world.listen(Endpoint(host, 0))
        assert user.reason == ChannelRefused.NOT_ALLOWED
    async with forwarded(rights(listen="none")) as world:
        _, user = await world.listen(Endpoint("", 0))
        assert user.reason == ChannelRefused.NOT_ALLOWED


async def test_a_listener_at_a_path_is_for_the_agents_user_only(tmp_path: Path) -> None:
    path = str(tmp_path / "listener")
    async with forwarded() as world:
        _, user = await world.listen(Endpoint(path=path.encode()))
        assert user.reason == ChannelRefused.NOT_ALLOWED
    async with forwarded(rights(listen=f"unix:{os.path.realpath(tmp_path)}/*")) as world:  # noqa: ASYNC240 - a test
        with contextlib.closing(Target()) as target:
            world.target = target.endpoint
            listener, user = await world.listen(Endpoint(path=path.encode()))
            assert user.address == ("", 0)
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600  # noqa: PTH116 - a test
            client = await Peer.to(path)
            with contextlib.closing(client):
                await client.send(b"in")
                assert await (await target.accept()).read(2) == b"in"
            _, again = await world.listen(Endpoint(path=path.encode()))
            assert again.reason == ChannelRefused.IN_USE
            world.console.reset(listener)
            await wait_for(lambda: not os.path.exists(path), "the path's end")  # noqa: PTH110 - as sockets name it
            with contextlib.closing(socket.socket(UNIX)) as dead:
                dead.bind(path)  # as an agent that was killed leaves it
            _, user = await world.listen(Endpoint(path=path.encode()))
            assert user.address == ("", 0)


async def test_a_file_is_never_removed_for_a_listener(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("precious")
    async with forwarded(rights(listen="unix:*")) as world:
        _, user = await world.listen(Endpoint(path=str(file).encode()))
        assert user.reason == ChannelRefused.IN_USE
    assert file.read_text() == "precious"


# datagrams


async def test_datagrams_to_a_target_stay_whole() -> None:
    async with forwarded() as world:
        with udp_socket() as target:
            channel, user = world.ask(Endpoint(HOST, target.getsockname()[1], datagrams=True))
            for size in (1, 8192, 0):
                world.console.write_datagram(channel, bytes(size))
            sizes = []
            for _ in range(3):
                data, source = await datagram(target)
                sizes.append(len(data))
            assert sorted(sizes) == [0, 1, 8192]
            target.sendto(b"answer", source)
            await wait_for(lambda: user.data == [b"answer"], "the answer")


async def test_flows_of_a_listener() -> None:
    async with forwarded() as world:
        _, user = await world.listen(Endpoint(HOST, 0, datagrams=True))
        assert user.address is not None
        with udp_socket() as one, udp_socket() as two:
            one.sendto(b"1", user.address)
            two.sendto(b"2", user.address)
            one.sendto(b"11", user.address)
            await wait_for(lambda: sum(len(each.data) for each in world.users.values()) == 3, "the datagrams")
            assert sorted(b"".join(each.data) for each in world.users.values()) == [b"111", b"2"]
            for asked in world.asked:
                world.console.write_datagram(asked.id, b"to " + asked.source.encode())
            for sock in (one, two):
                assert (await datagram(sock))[0] == f"to {HOST}:{sock.getsockname()[1]}".encode()


async def test_a_listener_has_few_flows_and_the_idlest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagrams, "MOST_FLOWS", 2)
    async with forwarded() as world:
        _, user = await world.listen(Endpoint(HOST, 0, datagrams=True))
        assert user.address is not None
        with contextlib.ExitStack() as stack:
            for number in range(3):
                sock = stack.enter_context(udp_socket())
                sock.sendto(b"x", user.address)
                await wait_for(lambda: len(world.asked) == number + 1, "a flow")  # noqa: B023 - it is waited for
            await wait_for(lambda: world.users[world.asked[0].id].why, "the end of the first")
            assert len(world.session.connections) == 2


async def test_an_idle_flow_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(sessions, "_LOOK_SECONDS", 0.01)
    async with forwarded() as world:
        with udp_socket() as target:
            user = await world.answer(Endpoint(HOST, target.getsockname()[1], datagrams=True))
            await wait_for(lambda: user.why == "idle", "its end")
            await wait_for(lambda: not world.session.connections, "its place")


# limits


async def test_no_more_connections_than_descriptors_and_the_rest_goes_on() -> None:
    async with forwarded(files=40) as world:  # 20 of them for forwards, 10 for one console
        with contextlib.closing(Target()) as target:
            answers = [await world.answer(target.endpoint) for _ in range(30)]
            opened = [each for each in answers if each.address]
            assert {each.reason for each in answers if not each.address} == {ChannelRefused.TOO_MANY}
            assert len(opened) == 10
            there = await target.accept()
            there.reset()
            await wait_for(lambda: len(world.session.connections) == 9, "a free place")
            assert (await world.answer(target.endpoint)).address


async def test_without_descriptors_a_connection_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def none(*arguments: int) -> socket.socket:
        if len(arguments) >= 2:
            raise OSError(24, "Too many open files")
        return real(*arguments)

    async with forwarded() as world:
        with contextlib.closing(Target()) as target:
            with monkeypatch.context() as patched:
                patched.setattr("natpass_agent.targets.dial.socket.socket", none)
                user = await world.answer(target.endpoint)
            assert user.reason == ChannelRefused.TOO_MANY
            assert (await world.answer(target.endpoint)).address


# rights


async def review(world: World, *given: object) -> None:
    for each in given:
        world.server.review(world.at_agent, each)  # type: ignore[arg-type]


async def test_what_is_no_longer_allowed_ends_at_the_second_look() -> None:
    async with forwarded(rights(listen="*:*")) as world:
        with contextlib.closing(Target()) as kept, contextlib.closing(Target()) as lost, udp_socket() as flow:
            users = [await world.answer(each.endpoint) for each in (kept, lost)]
            users.append(await world.answer(Endpoint(HOST, flow.getsockname()[1], datagrams=True)))
            _, everywhere = await world.listen(Endpoint("0.0.0.0", 0))
            _, loopback = await world.listen(Endpoint("", 0))
            assert everywhere.address
            client = await Peer.to(everywhere.address[1])
            with contextlib.closing(client):
                await wait_for(lambda: world.asked, "its connection")
                less = rights(f"localhost:{kept.endpoint.port}", "localhost:*")
                await review(world, less, rights(listen="*:*"), less)
                assert len(world.session.listeners) == 2
                assert (await world.answer(lost.endpoint)).reason == ChannelRefused.NOT_ALLOWED  # at once, nothing new
                await review(world, less)
                await wait_for(lambda: users[1].why == sessions.NO_LONGER, "the connection's end")
                await wait_for(lambda: users[2].why == sessions.NO_LONGER, "the flow's end")
                await wait_for(lambda: everywhere.why == sessions.NO_LONGER, "the listener's end")
                with pytest.raises(ConnectionResetError):
                    await client.read_all()
            assert users[0].why is None
            assert loopback.why is None
            assert len(world.session.connections) == 1
            assert (await world.answer(kept.endpoint)).address
            await review(world, rights(), rights())
            assert (await world.answer(lost.endpoint)).address


async def test_rights_that_go_while_a_connection_is_made_count(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = threading.Event()

    def lookup(host: str, port: int):  # type: ignore[no-untyped-def]
        changed.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (HOST, port))]

    async with forwarded() as world:
        with contextlib.closing(Target()) as target:
            monkeypatch.setattr(world.session._resolver, "_lookup", lookup)
            _, user = world.ask(Endpoint("web", target.endpoint.port))
            await wait_for(lambda: world.session._taken, "the question")
            await review(world, rights("none"))
            changed.set()
            await wait_for(lambda: user.reason is not None or user.address, "the answer")
            assert user.reason == ChannelRefused.NOT_ALLOWED


async def test_rights_that_go_while_a_listener_begins_count(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = threading.Event()

    def lookup(host: str, port: int):  # type: ignore[no-untyped-def]
        changed.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (HOST, port))]

    async with forwarded() as world:
        monkeypatch.setattr(world.session._resolver, "_lookup", lookup)
        user = User()
        world.console.listen(user, Endpoint("web", 0))
        await wait_for(lambda: world.session._taken, "the question")
        await review(world, rights(listen="none"), rights(listen="none"))
        changed.set()
        await wait_for(lambda: user.why, "the answer")
        assert user.address is None
        assert not world.session.listeners


async def test_the_log_says_who_and_how_much(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with forwarded() as world:
        with contextlib.closing(Target()) as target:
            channel, _ = world.ask(target.endpoint)
            world.console.write(channel, b"12345")
            assert await (await target.accept()).read(5) == b"12345"
    said = [record.getMessage() for record in caplog.records if record.getMessage().startswith("forward")]
    assert said[0].startswith("forward for console (key SHA256:")
    assert "1 connections, 0 bytes to it and 5 from it" in said[1]
    assert len(said) == 2


async def test_the_agents_stop_ends_connections_and_listeners() -> None:
    async with forwarded() as world:
        with contextlib.closing(Target()) as target:
            client = await Peer.to(await world.forward(target.endpoint))
            with contextlib.closing(client):
                there = await target.accept()
                _, listening = await world.listen(Endpoint("", 0))
                assert listening.address
                session = world.session
                world.at_agent.close("the agent is shutting down")
                with pytest.raises(ConnectionResetError):
                    await there.read_all()
                await wait_for(lambda: not session.connections and not session.listeners, "the end of all")
                with pytest.raises(ConnectionRefusedError):
                    await Peer.to(listening.address[1])

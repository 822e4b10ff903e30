"""Rules of existing programs (tcp, udp, bench), by their bytes, with our relay and our agent as programs."""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import LEGACY_SECRET
from tests.support import witness
from tests.support.waiting import wait_until
from tests.support.witness import BENCH, TCP, UDP, Witness

pytestmark = pytest.mark.programs


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def where(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A relay that admits existing programs, and an agent that serves them; the relay's port."""
    folder = tmp_path_factory.mktemp("forwards")
    with (
        agent_programs.relay(folder, "--legacy", "md5") as (_, port),
        agent_programs.agent(folder, port, "--allow-unsealed", loop=request.param) as agent,
    ):
        agent.said("logged in at")
        yield port


@pytest.fixture
def opener(where: int) -> Iterator[Witness]:
    with closing(Witness("127.0.0.1", where, "existing opener")) as found:
        found.log_in(witness.md5_proof(LEGACY_SECRET))
        yield found


@contextmanager
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        found.settimeout(10)
        yield found


def port_of(found: socket.socket) -> int:
    port = found.getsockname()[1]
    assert isinstance(port, int)
    return port


def test_a_connection_carries_every_byte_both_ways(opener: Witness) -> None:
    data = os.urandom(3_000_000)
    answers = os.urandom(3_000_000)
    got = hashlib.sha256()
    with listening() as server:
        link = opener.ask_for_address("box", TCP, "localhost", port_of(server))
        assert opener.answer_of(link) == (True, "")
        target, _ = server.accept()

        def serve() -> None:
            with target:
                left = len(data)
                while left:
                    piece = target.recv(65536)
                    assert piece
                    got.update(piece)
                    left -= len(piece)
                target.sendall(answers)

        serving = threading.Thread(target=serve)
        serving.start()
        for at in range(0, len(data), 16384):  # as np-cli reads
            opener.send_data("box", link, data[at : at + 16384])
        pieces = list(opener.data_of(link))  # up to the disconnect
        serving.join()
    assert got.digest() == hashlib.sha256(data).digest()
    assert b"".join(pieces) == answers


def test_what_was_sent_before_the_disconnect_arrives(opener: Witness) -> None:
    data = os.urandom(500_000)
    with listening() as server:
        link = opener.ask_for_address("box", TCP, "127.0.0.1", port_of(server))
        assert opener.answer_of(link) == (True, "")
        target, _ = server.accept()
        for at in range(0, len(data), 16384):
            opener.send_data("box", link, data[at : at + 16384])
        opener.disconnect("box", link)
        with target:
            target.settimeout(10)
            got = b""
            while piece := target.recv(65536):
                got += piece
    assert got == data


def test_a_target_that_refuses_is_a_refusal(opener: Witness) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ok, reason = opener.answer_of(opener.ask_for_address("box", TCP, "127.0.0.1", port_of(taken)))
    assert not ok
    assert reason.endswith("connection refused")


def test_a_slow_connect_is_answered_before_an_opener_gives_up(opener: Witness) -> None:
    """A full backlog: the connection is made when there is room again, after more than the second of a desktop."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = port_of(server)
        fillers = [socket.socket() for _ in range(8)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        since = time.monotonic()
        link = opener.ask_for_address("box", TCP, "127.0.0.1", port)
        with pytest.raises(TimeoutError):
            opener.answer_of(link, timeout=1.0)
        accepted = []
        for filler in fillers:
            filler.close()
        server.settimeout(0.05)

        def answer() -> bool:
            with suppress(TimeoutError):
                accepted.append(server.accept())
            try:
                return opener.answer_of(link, timeout=0.05)[0]
            except TimeoutError:
                return False

        assert wait_until(answer)
        assert time.monotonic() - since > 1.0
        for connection, _ in accepted:
            connection.close()


def test_forty_connections_at_once(opener: Witness) -> None:
    with listening() as server:
        links = [opener.ask_for_address("box", TCP, "127.0.0.1", port_of(server)) for _ in range(40)]
        answers: dict[str, bool] = {}
        while len(answers) < len(links):
            found = opener.receive_where(lambda m: m.kind == witness.CONNECT_REP)
            answers[found.text(witness.LINK_ID)] = bool(found.part(witness.CREP).number(1))
        assert all(answers[link] for link in links)
        targets = [server.accept()[0] for _ in links]
        for number, link in enumerate(links):
            opener.send_data("box", link, b"%02d" % number)
        seen = set()
        for target in targets:
            target.settimeout(10)
            number_text = target.recv(2)
            seen.add(number_text)
            target.sendall(number_text)
        assert len(seen) == len(links)
        echoes: dict[str, bytes] = {}
        while len(echoes) < len(links):
            found = opener.receive_where(lambda m: m.kind == witness.FORWARD)
            echoes[found.text(witness.LINK_ID)] = found.part(witness.DATA).content(1)
        assert echoes == {link: b"%02d" % number for number, link in enumerate(links)}
        for target in targets:
            target.close()


def test_datagrams_stay_whole(opener: Witness) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        link = opener.ask_for_address("box", UDP, "127.0.0.1", port_of(server))
        assert opener.answer_of(link) == (True, "")
        back = opener.data_of(link)
        for size in (1, 1200, 8192, 60_000):
            opener.send_data("box", link, b"d" * size)
            data, source = server.recvfrom(65536)
            assert data == b"d" * size
            server.sendto(b"answer" + data[6:], source)
            assert next(back) == b"answer" + data[6:]
        opener.disconnect("box", link)


def test_a_bench_page_gets_its_answer_however_often_it_asks(opener: Witness) -> None:
    """Its opener never ends a link."""
    for _ in range(50):
        assert opener.answer_of(opener.ask_for_bench("box")) == (True, "")


def test_an_agent_that_takes_sealed_links_only_refuses(tmp_path: Path) -> None:
    with (
        agent_programs.relay(tmp_path, "--legacy", "md5") as (_, port),
        agent_programs.agent(tmp_path, port) as agent,
        closing(Witness("127.0.0.1", port, "existing opener")) as opener,
    ):
        agent.said("logged in at")
        opener.log_in(witness.md5_proof(LEGACY_SECRET))
        for kind in (TCP, UDP, BENCH):
            ok, reason = opener.answer_of(opener.ask_for_address("box", kind, "127.0.0.1", 1))
            assert not ok
            assert "sealed links only" in reason


def test_rules_of_forwards_hold_for_existing_programs(tmp_path: Path) -> None:
    with (
        listening() as server,
        agent_programs.relay(tmp_path, "--legacy", "md5") as (_, port),
        agent_programs.agent(
            tmp_path, port, "--allow-unsealed", "--allow-forward", f"127.0.0.1:{port_of(server)}"
        ) as agent,
        closing(Witness("127.0.0.1", port, "existing opener")) as opener,
    ):
        agent.said("logged in at")
        opener.log_in(witness.md5_proof(LEGACY_SECRET))
        assert opener.answer_of(opener.ask_for_address("box", TCP, "127.0.0.1", port_of(server))) == (True, "")
        for kind in (TCP, UDP):
            ok, reason = opener.answer_of(opener.ask_for_address("box", kind, "127.0.0.1", port))
            assert not ok
            assert "allow" in reason

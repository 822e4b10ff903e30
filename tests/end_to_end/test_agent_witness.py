"""An existing opener, by its bytes, with our relay and our agent as programs: shells, byte by byte."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import psutil
import pytest

from tests.agent.processes import is_gone
from tests.end_to_end import agent_programs
from tests.end_to_end.agent_programs import LEGACY_SECRET
from tests.support import witness
from tests.support.waiting import wait_until
from tests.support.witness import Witness, number_field

assert sys.platform != "win32"

#: A program whose terminal changes nothing, and that says when that is so.
RAW = "sh -c 'stty raw -echo; printf ready; exec {}'"


class Opener(Witness):
    """An existing opener that has logged in, and the agent that it talks to."""

    agent: psutil.Process

    def opened(self, program: str = "", *env: str, ours: bytes = b"") -> str:
        return self.open_shell("box", program=program, env=env, ours=ours)

    def refused(self, program: str, *env: str) -> str:
        since = time.monotonic()
        ok, reason = self.answer_of(self.ask_for_shell("box", program=program, env=env))
        assert not ok
        assert time.monotonic() - since < 1.0
        return reason

    def output(self, link_id: str) -> bytes:
        return b"".join(self.shell_output(link_id))

    def say(self, link_id: str, data: bytes) -> None:
        self.send_shell("box", link_id, data)


@pytest.fixture(scope="module", params=["md5", "hmac"])
def where(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int, int]]:
    """A relay that admits an older dialect, and an agent of ours; the dialect, the port, the agent's process id."""
    folder = tmp_path_factory.mktemp("witness")
    with (
        agent_programs.relay(folder, "--legacy", request.param) as (_, port),
        agent_programs.agent(folder, port, "--allow-unsealed") as agent,
    ):
        agent.said("logged in at")
        yield request.param, port, agent.process.pid


@pytest.fixture
def opener(where: tuple[str, int, int]) -> Iterator[Opener]:
    dialect, port, pid = where
    proof = witness.md5_proof(LEGACY_SECRET) if dialect == "md5" else witness.hmac_proof(LEGACY_SECRET)
    opener = Opener("127.0.0.1", port, "existing opener")
    with closing(opener):
        opener.log_in(proof)
        opener.agent = psutil.Process(pid)
        yield opener


def test_a_long_output_arrives_whole(opener: Opener) -> None:
    output = opener.output(opener.opened("seq 1 150000"))
    assert output == b"".join(b"%d\r\n" % number for number in range(1, 150_001))


def test_a_shell_without_a_program_is_the_users(opener: Opener) -> None:
    link = opener.opened("", "GREETING=h\u00e9")
    opener.say(link, b"seq 1 150000; echo $((6*7)) $GREETING; exit\n")
    output = opener.output(link)
    assert b"".join(b"%d\r\n" % number for number in range(1, 150_001)) in output
    assert "42 h\u00e9".encode() in output


def test_a_resize_is_seen_by_the_program(opener: Opener) -> None:
    link = opener.opened("sh -c 'stty -echo; printf ready; while read line; do stty size; done'")
    opener.read_until(link, b"ready")
    opener.resize("box", link, 43, 132)
    opener.say(link, b"\n")
    assert opener.read_until(link, b"\n").strip() == b"43 132"
    opener.resize("box", link, 0, 0)
    opener.resize("box", link, 70_000, 80)
    opener.say(link, b"\n")
    assert opener.read_until(link, b"\n").strip() == b"43 132"
    opener.disconnect("box", link)


def test_the_size_before_the_first_resize(opener: Opener) -> None:
    assert opener.output(opener.opened("stty size")) == b"24 80\r\n"


def test_characters_and_invalid_bytes_are_unchanged_for_who_announces_itself(opener: Opener) -> None:
    size = number_field(100, 24) + number_field(101, 80)
    link = opener.opened(RAW.format("cat"), ours=size)
    opener.read_until(link, b"ready")
    data = "é中".encode() + b"\xff\xfe\xc3(\xe4\xb8" + bytes(range(256))
    for at in range(len(data)):  # each character is cut
        opener.say(link, data[at : at + 1])
    echoed = b""
    for piece in opener.shell_output(link):
        echoed += piece
        if len(echoed) >= len(data):
            break
    assert echoed == data
    opener.disconnect("box", link)


def pieces_of(opener: Opener, link: str, size: int) -> list[bytes]:
    """Return what a shell says, as it comes, up to `size` bytes."""
    pieces: list[bytes] = []
    for piece in opener.shell_output(link):
        pieces.append(piece)
        if sum(map(len, pieces)) >= size:
            break
    return pieces


def test_existing_openers_get_frames_of_whole_characters(opener: Opener) -> None:
    """As np-cli's web terminal needs them: each frame is valid UTF-8 by itself."""
    link = opener.opened(RAW.format("cat"))
    opener.read_until(link, b"ready")
    data = "é中🎉".encode() + b"\xff\xfe\xc3(\xe4\xb8" + bytes(range(256))
    for at in range(len(data)):  # each character is cut
        opener.say(link, data[at : at + 1])
    wanted = data.decode("utf-8", "replace").encode()
    pieces = pieces_of(opener, link, len(wanted))
    assert b"".join(pieces) == wanted
    assert all(piece.decode("utf-8") for piece in pieces)
    opener.disconnect("box", link)


def test_large_output_for_existing_openers_is_cut_between_characters(opener: Opener) -> None:
    link = opener.opened(f"{sys.executable} -c \"print('x' + '中🎉' * 100000, end='')\"")
    pieces = list(opener.shell_output(link))
    assert b"".join(pieces).decode() == "x" + "中🎉" * 100_000
    assert all(piece.decode("utf-8") for piece in pieces)
    assert len(pieces) > 10


def test_an_incomplete_character_at_the_end_is_not_lost(opener: Opener) -> None:
    assert opener.output(opener.opened("printf 'a\\377\\344\\270'")) == "a\ufffd\ufffd".encode()


def test_what_can_not_be_started_is_refused_with_the_reason_within_a_second(opener: Opener) -> None:
    assert opener.refused("no-such-program") == "no such program: no-such-program"
    assert opener.refused("/etc") == "/etc is a directory"
    assert "malformed env entry" in opener.refused("env", "no equals sign")


def test_closing_the_link_ends_the_child(opener: Opener) -> None:
    link = opener.opened("sh -c 'trap \"\" HUP; echo pid-$$-; while :; do sleep 1000; done'")
    found = re.search(rb"pid-(\d+)-", opener.read_until(link, b"-\r\n"))
    assert found is not None
    child = psutil.Process(int(found[1]))
    assert child.parent() == opener.agent
    opener.disconnect("box", link)
    wait_until(lambda: is_gone(child))
    wait_until(lambda: not opener.agent.children())


def test_leaving_without_a_word_ends_the_child_as_well(opener: Opener) -> None:
    opener.opened("sleep 1000")
    (child,) = opener.agent.children()
    opener.close()
    wait_until(lambda: is_gone(child))


def test_a_second_use_of_a_link_id_is_refused_and_the_first_goes_on(opener: Opener) -> None:
    link = opener.opened(RAW.format("cat"))
    opener.read_until(link, b"ready")
    opener.ask_for_shell("box", link_id=link)
    assert not opener.answer_of(link)[0]
    opener.say(link, b"still here")
    opener.read_until(link, b"still here")
    opener.disconnect("box", link)


def test_frames_on_ended_links_disturb_nobody(opener: Opener) -> None:
    link = opener.opened("cat")
    opener.disconnect("box", link)
    opener.say(link, b"too late")
    opener.resize("box", link, 1, 1)
    opener.disconnect("box", link)
    assert opener.output(opener.opened("echo fine")) == b"fine\r\n"

"""What consoles can write into an agent's log."""

import logging

import pytest

from natpass_agent.links.exec.server import ExecServer
from natpass_agent.links.lines import LinkLines
from natpass_agent.platform.processes.fake import FakeProcesses
from natpass_agent.platform.programs import FakePrograms
from natpass_wire.pb.exec_pb2 import ConnectExec
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.strangers import SUMMARY_SECONDS
from tests.agent.fake_link import FakeOpener

COMMAND = ConnectRequest(kind=ConnectRequest.exec, cexec=ConnectExec(argv=[b"true"]))


def opener(key: bytes | None) -> FakeOpener:
    made = FakeOpener(COMMAND)
    made.link.key = key
    return made


async def test_a_key_s_commands_are_lines_up_to_a_rate_and_then_a_number(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    now = [0.0]
    server = ExecServer(FakeProcesses({}), FakePrograms(set()))
    server.lines = LinkLines(logging.getLogger("natpass_agent.test"), most=5, clock=lambda: now[0])
    for _ in range(50):
        await server.serve(opener(b"k" * 32).link, COMMAND)
    await server.serve(opener(b"o" * 32).link, COMMAND)
    assert len(caplog.messages) == 6
    now[0] = SUMMARY_SECONDS
    server.lines.tick()
    assert [line.split(" times more from key ")[0] for line in caplog.messages[6:]] == ["no command: 45"]


def test_keys_that_anybody_can_make_do_not_take_the_lines_of_listed_ones(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lines = LinkLines(logging.getLogger("natpass_agent.test"), most=10, most_of_all=100, clock=lambda: 0.0)
    lines.is_listed = lambda key: key == b"a" * 32
    for number in range(2000):
        lines.say("commands", opener(number.to_bytes(2, "big") * 16).link, "flood")
    for _ in range(10):
        lines.say("commands", opener(b"a" * 32).link, "admin")
    assert caplog.messages.count("admin") == 10
    assert 10 < caplog.messages.count("flood") <= 50

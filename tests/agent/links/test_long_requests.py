"""Requests that come in pieces have one room in an agent, whatever their kind."""

import sys

import pytest

from natpass_agent.links.exec import KIND as EXEC
from natpass_agent.links.kind import KindServer
from natpass_agent.links.servers import all_servers
from natpass_agent.links.shell import KIND as SHELL
from natpass_wire.aio.tasks import Tasks
from natpass_wire.commands import MAX_REQUEST_BYTES
from natpass_wire.pb.exec_pb2 import ConnectExec
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectShell
from tests.agent.fake_link import FakeOpener
from tests.support.waiting import wait_for

assert sys.platform != "win32"

pytestmark = pytest.mark.programs


async def test_commands_with_and_without_a_terminal_have_one_room() -> None:
    tasks, most = Tasks(), MAX_REQUEST_BYTES
    servers = {server.kind: server for server in all_servers()}

    def ask(server: KindServer, request: ConnectRequest) -> FakeOpener:
        opener = FakeOpener(request)
        tasks.start(server.serve(opener.link, opener.request), "long")
        return opener

    command = ConnectRequest(kind=ConnectRequest.exec, cexec=ConnectExec(follows=most))
    shell = ConnectRequest(kind=ConnectRequest.shell, cshell=ConnectShell(argv=[b""], follows=most))
    try:
        answers = []
        for server, request in ((EXEC, command), (SHELL, shell), (SHELL, shell)):
            opener = ask(servers[server], request)
            answers.append(await wait_for(lambda opener=opener: opener.answer))  # type: ignore[misc]  # bound at once
        assert [answer is not None and answer.ok for answer in answers] == [True, True, False]
        assert answers[-1] is not None
        assert "other long commands of this console" in answers[-1].msg
    finally:
        await tasks.close()

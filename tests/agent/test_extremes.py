"""Whatever a console asks for or sends, however extreme: the agent has no error of its own."""

import asyncio
import logging
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natpass_agent.links.desktop.view import MOST_FPS, MOST_LEASE, RAW_QUALITY, View
from natpass_agent.links.desktop.worker.controls import Controls
from natpass_agent.links.desktop.worker.input.fake import FakeDevices
from natpass_agent.links.exec.request import parse as parse_exec
from natpass_agent.links.exec.server import ExecServer
from natpass_agent.links.kind import KindServer
from natpass_agent.links.request import BadRequestError
from natpass_agent.links.shell.server import ShellServer
from natpass_agent.platform.processes.fake import FakeProcesses
from natpass_agent.platform.programs import FakePrograms
from natpass_agent.platform.pty.fake import FakePtys
from natpass_wire.aio.tasks import Tasks
from natpass_wire.pb.desktop_pb2 import VncControl
from natpass_wire.pb.envelope_pb2 import Msg
from natpass_wire.pb.exec_pb2 import ConnectExec
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectVnc
from tests.agent.fake_link import FakeOpener
from tests.support.extremes import extreme

PROGRAMS = FakePrograms({"sh", "a", "true"})


async def waits(_: object) -> int:
    """Run until it is ended."""
    await asyncio.Event().wait()
    return 0


@given(extreme(ConnectVnc), st.lists(extreme(VncControl), max_size=3))
def test_views(request: ConnectVnc, controls: list[VncControl]) -> None:
    view = View.from_request(request)
    for control in controls:
        view = view.changed_by(control)
    assert 1 <= view.fps <= MOST_FPS
    assert 1 <= view.quality <= RAW_QUALITY
    assert 0 <= view.lease <= MOST_LEASE


@given(st.lists(extreme(Msg), max_size=8))
def test_input(messages: list[Msg]) -> None:
    devices = FakeDevices()
    controls = Controls(devices)
    for each in messages:
        controls.take(each)
    controls.release_all()
    moved = [word for done in devices.done if done.startswith("move ") for word in done.split()[1:]]
    assert all(0 <= int(word) <= 0x7FFF for word in moved)


@given(extreme(ConnectExec))
def test_commands(request: ConnectExec) -> None:
    with suppress(BadRequestError):
        parse_exec(request)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["shell", "exec"])
@settings(max_examples=50)
@given(request=extreme(ConnectRequest), messages=st.lists(extreme(Msg), max_size=8))
async def test_programs(
    kind: str, request: ConnectRequest, messages: list[Msg], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    told: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(str(context)))
    server: KindServer = (
        ShellServer(FakePtys({"sh": waits, "a": waits, "true": waits}, grace_seconds=0.0), PROGRAMS)
        if kind == "shell"
        else ExecServer(FakeProcesses({"a": waits, "true": waits}, grace_seconds=0.0), PROGRAMS)
    )
    opener = FakeOpener(request)
    tasks = Tasks()
    serving = tasks.start(server.serve(opener.link, request), "serve")
    for each in messages:
        await asyncio.sleep(0)
        opener.deliver(each)
        if hasattr(opener.link, "urgent") and opener.link.urgent is not None:
            opener.overtake(each)
    opener.hang_up()
    await asyncio.wait([serving], timeout=10)
    await tasks.close()
    assert serving.cancelled() or serving.exception() is None
    assert not told
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]

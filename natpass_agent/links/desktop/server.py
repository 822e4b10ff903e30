"""Serves desktops: starts one worker process for each link, and forwards messages between the two."""

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Any

from natpass_agent.links.desktop import KIND
from natpass_agent.links.desktop.protocol import (
    FROM_ONLOOKER,
    TO_ONLOOKER,
    TO_VIEWER,
    TO_WORKER,
    WorkerProtocolError,
    join,
    type_of,
)
from natpass_agent.links.desktop.view import View
from natpass_agent.links.desktop.worker_host import WorkerEndedError, WorkerHost
from natpass_agent.links.lines import LinkLines
from natpass_agent.links.running import Running, RunningFor
from natpass_agent.links.who import who_of
from natpass_agent.platform.display import why_no_display
from natpass_wire.aio.link import IncomingLink, Link, LinkEndedError
from natpass_wire.errors import LocalProtocolError
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.desktop_pb2 import VncClipboard, VncControl
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.link_pb2 import ConnectRequest, LinkEnd

log = logging.getLogger(__name__)

#: An existing viewer waits 1 s for its answer (docs/wire.md §5). If the worker is not ready in time, we accept the
#: link anyway, and end it with the reason if the worker fails later.
ANSWER_SECONDS = 0.6
#: We give up a worker that takes no input for so long: what waits for it holds up all other links.
STALLED_SECONDS = 10.0
#: Messages that are never resent: the screen's current content replaces them.
_WORKER = "the desktop's worker"
_NEWEST = frozenset({MsgType.vnc_image, MsgType.vnc_frame})
READ_ONLY = "this desktop is only shown to you (read-only): what you type, click and paste is not passed on"


class DesktopServer:
    """Shows this machine's screen, and lets viewers use it.

    Args:
        display: the X display to show; None: the one in the environment.
        environment: the environment that workers inherit; by default ours.
        answer_seconds: after this time a link is accepted even if its worker is not ready.
    """

    kind = KIND

    def __init__(
        self,
        display: str | None = None,
        environment: Mapping[str, str] | None = None,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._display = display
        self._given_environment = environment
        self._answer_seconds = answer_seconds
        self.running = RunningFor()
        #: The log.
        self.lines = LinkLines(log)
        #: The workers of the open links.
        self.workers: set[WorkerHost] = set()

    async def serve(self, link: IncomingLink, request: ConnectRequest, rights: Rights = ALL) -> None:
        """Start a worker, accept the link, and forward messages until either ends; then end the other."""
        who = who_of(link)
        answer_by = asyncio.get_running_loop().time() + self._answer_seconds
        environment = self._environment()
        if (fault := why_no_display(environment)) is not None:
            self.lines.say("no desktop", link, f"no desktop for {who}: {fault}")
            link.refuse(fault)
            return
        try:
            async with WorkerHost(request.name, environment) as worker:
                self.workers.add(worker)
                try:
                    with self.running.noted(link, Running(_WORKER, worker.pid, _WORKER)):
                        await self._serve(link, worker, View.from_request(request.cvnc), answer_by, rights)
                finally:
                    self.workers.discard(worker)
        except WorkerEndedError as error:
            self.lines.say("no desktop", link, f"no desktop for {who}: {error}")
            if link.is_asked:
                link.refuse(str(error))
            else:
                link.close(str(error), LinkEnd.FAILED)
        except LinkEndedError:
            pass  # the viewer has given up
        why = (link.end and link.end.text) or "its viewer closed it"
        self.lines.say("desktops that have ended", link, f"desktop of {who} has ended: {why}")

    async def _serve(
        self, link: IncomingLink, worker: WorkerHost, view: View, answer_by: float, rights: Rights
    ) -> None:
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(_until_ended(link), name="desktop link")
            accepting = group.create_task(_accept(link, worker, answer_by), name="desktop answer")
            either: list[asyncio.Future[Any]] = [worker.ready, ended]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            if not worker.ready.done():
                accepting.cancel()
        if link.end is not None:
            return
        hello = worker.ready.result()
        size = f"{hello.width} x {hello.height} pixels"
        self.lines.say("desktops", link, f"desktop for {who_of(link)}: {size} (worker {worker.pid})")
        await worker.start(view)
        await _carry(link, worker, _Upkeep(link, worker, view), read_only=rights.read_only)

    def _environment(self) -> dict[str, str]:
        """Return the environment that a worker inherits, without the agent's own variables."""
        given = os.environ if self._given_environment is None else self._given_environment
        environment = {key: value for key, value in given.items() if not key.startswith("NATPASS_")}
        if self._display is not None:
            environment["DISPLAY"] = self._display
        return environment


async def _accept(link: IncomingLink, worker: WorkerHost, answer_by: float) -> None:
    """Accept the link when its worker is ready or the time is up; not if the worker can't serve."""
    rest = answer_by - asyncio.get_running_loop().time()
    await asyncio.wait([worker.ready], timeout=max(rest, 0.0))
    if not worker.ready.done():
        log.info("the desktop's worker is slow to start; the link is accepted without it")
    elif worker.ready.exception() is not None:
        return
    if link.is_asked:  # the viewer may have given up
        link.accept()


class _Upkeep:
    """Restores a desktop when its viewer is reachable again.

    (The worker releases the keys that the viewer held, when their lease runs out.)

    Args:
        link: the link to the viewer.
        worker: the worker that shows the screen.
        view: the initial view.
    """

    def __init__(self, link: Link, worker: WorkerHost, view: View) -> None:
        self._link = link
        self._worker = worker
        self._view = view
        self._resumes = link.resumes
        self._changed = asyncio.Event()
        link.watch(self._changed.set)

    async def send(self, message: Msg) -> None:
        """Send the viewer's input to the worker.

        Raises:
            TimeoutError: the worker takes no input.
            WorkerEndedError: the worker has ended.
        """
        if message.type == MsgType.vnc_ctrl:
            self._view = self._view.changed_by(message.vctrl)
        await self._put(message)

    async def run(self) -> WorkerEndedError | None:
        """Restore after each resume until the worker ends; return its error."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                if self._link.resumes != self._resumes:
                    # Lost pictures are not sent again. 0 keeps quality and rate; the cursor has to be repeated.
                    self._resumes = self._link.resumes
                    await self._put(Msg(type=MsgType.vnc_ctrl, vctrl=VncControl(cursor=self._view.cursor)))
        except TimeoutError:
            return _stalled()
        except WorkerEndedError as error:
            return error

    async def _put(self, message: Msg) -> None:
        async with asyncio.timeout(STALLED_SECONDS):
            await self._worker.send(join(message))


def _stalled() -> WorkerEndedError:
    return WorkerEndedError(f"the desktop's worker took no input for {STALLED_SECONDS:.0f} s")


async def _carry(link: Link, worker: WorkerHost, upkeep: _Upkeep, *, read_only: bool) -> None:
    """Forward messages both ways until one end is gone; `read_only`: only pictures and view changes.

    Raises:
        WorkerEndedError: the worker is gone, or broke the protocol.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(_to_viewer(link, worker, read_only=read_only), name="desktop pictures"),
            group.create_task(_to_worker(link, upkeep, read_only=read_only), name="desktop input"),
            group.create_task(upkeep.run(), name="desktop upkeep"),
            group.create_task(_until_ended(link), name="desktop link"),
        ]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
    for task in done:
        if (error := task.result()) is not None:
            raise error


async def _to_viewer(link: Link, worker: WorkerHost, *, read_only: bool) -> WorkerEndedError | None:
    """Forward the worker's messages until either ends; take none while the network is blocked.

    A picture that is lost on the way is not sent again: `_Upkeep` requests the screen's current content.
    """
    passes = TO_ONLOOKER if read_only else TO_VIEWER
    try:
        if read_only:
            await _say_read_only(link, VncClipboard())
        while True:
            message = await worker.receive()
            message_type = type_of(message)
            if message_type in passes:
                await link.send_serialised(message, newest=message_type in _NEWEST)
            else:
                log.debug("the desktop's worker sent a message of type %d, which is not for viewers", message_type)
    except (WorkerProtocolError, LocalProtocolError) as error:
        return WorkerEndedError(f"the desktop's worker broke the protocol: {error}")
    except WorkerEndedError as error:
        return error
    except LinkEndedError:
        return None


async def _say_read_only(link: Link, notice: VncClipboard) -> None:
    """Tell the viewer that it is read-only, by the only message with a text for the user.

    Raises:
        LinkEndedError: the viewer is gone.
    """
    notice.notice = READ_ONLY
    await link.send(Msg(type=MsgType.vnc_clipboard, vclipboard=notice))


async def _to_worker(link: Link, upkeep: _Upkeep, *, read_only: bool) -> WorkerEndedError | None:
    """Forward the viewer's input until either ends."""
    try:
        while True:
            message = await link.receive()
            if message.type not in TO_WORKER:
                log.debug("ignored a message of type %d on a desktop link", message.type)
                continue
            if read_only and message.type not in FROM_ONLOOKER:
                if message.type == MsgType.vnc_clipboard:  # the user waits for the result
                    await _say_read_only(link, VncClipboard(set=True))
                continue
            await upkeep.send(message)
    except TimeoutError:
        return _stalled()
    except WorkerEndedError as error:
        return error
    except LinkEndedError:
        return None


async def _until_ended(link: Link) -> None:
    await link.ended()

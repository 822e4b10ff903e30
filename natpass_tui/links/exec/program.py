"""One command on an agent: it carries bytes between a link and three streams, and says how it ended."""

# Why: docs/decisions/038-time-limit-at-the-agent.md

import asyncio
from itertools import groupby
from operator import attrgetter

from natpass_tui.links.outcome import BROKEN_PIPE, FAILED, INTERRUPTED, TIMED_OUT, Counts, Outcome, outcome
from natpass_tui.links.streams import ByteSource, Sink
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ExecInput, ExecOutput, ExecRequest, ExecSignal

#: The agent sees to the time limit; should it not be heard of, this is so many seconds later.
BACKSTOP_SECONDS = 5.0
#: Messages that one read of stdin is for, when they are as large as they get.
READ_MESSAGES = 4
_INT = 2


def _to_read(room: int) -> int:
    """Return how many bytes of stdin to take when one message has room for so many.

    As many; but on a fast line some messages' worth, since the thread that reads is handed each read by itself.
    """
    return READ_MESSAGES * MAX_DATA_BYTES if room == MAX_DATA_BYTES else room


class ExecProgram:
    """A command that runs on an agent.

    Args:
        link: to the agent, accepted.
        source: the command's input.
        out: where its output goes.
        err: where its errors go.
        timeout: seconds that it may take, None: as many as it likes.
        request: the rest of what was asked for, which goes before all else.
    """

    def __init__(
        self,
        link: Link,
        source: ByteSource,
        out: Sink,
        err: Sink,
        timeout: float | None = None,
        *,
        request: bytes = b"",
    ) -> None:
        self._link = link
        self._source = source
        self._out = out
        self._err = err
        self._timeout = timeout
        self._request = request
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._was_interrupted = False
        #: What was carried so far.
        self.counts = Counts()

    async def run(self) -> Outcome:
        """Carry until the command has ended, or is given up; then the link has ended as well."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._receive(), name="exec output"),
                    group.create_task(self._send_input(), name="exec input"),
                ]
                await asyncio.wait([self._over])
                self._link.close()
                for task in tasks:
                    task.cancel()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._link.close()
        return self._over.result()

    def interrupt(self) -> None:
        """Interrupt the command; the second time, give it up."""
        if self._was_interrupted:
            self.stop(INTERRUPTED)
            return
        # It overtakes: the command may never read the input that was sent before.
        message = Msg(type=MsgType.exec_signal, exec_signal=ExecSignal(number=_INT))
        self._was_interrupted = self._link.send_urgent(message)

    def stop(self, status: int) -> None:
        """Give the command up: the agent ends it. `run` returns this status."""
        self._end(Outcome(status))

    def _end(self, how: Outcome) -> None:
        if not self._over.done():
            self._over.set_result(how)

    def _watch_time(self) -> None:
        """Give up some time after the agent should have ended the command."""
        if self._timeout is not None:
            text = f"timed out after {self._timeout:g} s, and the agent does not say so"
            loop = asyncio.get_running_loop()
            # call_later, not asyncio.timeout: nothing is cancelled, what has come is still written
            self._timer = loop.call_later(self._timeout + BACKSTOP_SECONDS, self._end, Outcome(TIMED_OUT, text))

    async def _receive(self) -> None:
        """Write what the command writes. A batch is asked for when the last but one is written: that is credit.

        By batches, since handing one over to the thread that writes costs more than a message does.
        """
        try:
            while True:
                if not self._link.has_unread:  # otherwise the next batch is taken while this one is written
                    await self._flush()
                batch = await self._link.receive_batch()
                outputs = [message.exec_output for message in batch if message.type == MsgType.exec_output]
                for stream, run in groupby(outputs, attrgetter("stream")):
                    await self._write(stream, b"".join(output.data for output in run))
        except LinkEndedError as error:
            self._end(outcome(error.end))  # has_unread is false then: everything is written
        except BrokenPipeError:
            self._end(Outcome(BROKEN_PIPE))
        except OSError as error:
            self._end(Outcome(FAILED, f"cannot write the command's output: {error.strerror}"))

    async def _write(self, stream: ExecOutput.Stream, data: bytes) -> None:
        """Begin to write to one of the two, once the other one has written everything: their order is kept."""
        if stream == ExecOutput.STDERR:
            await self._out.flush()
            await self._err.write(data)
            self.counts.bytes_err += len(data)
        else:
            await self._err.flush()
            await self._out.write(data)
            self.counts.bytes_out += len(data)

    async def _flush(self) -> None:
        await self._out.flush()
        await self._err.flush()

    async def _send_input(self) -> None:
        """Send what is left of the request, what there is on stdin, and its end. Nothing is read that can't be sent."""
        try:
            at = 0
            while at < len(self._request):
                piece = self._request[at : at + await self._link.room()]
                self._link.put(Msg(type=MsgType.exec_request, exec_request=ExecRequest(data=piece)))
                at += len(piece)
            self._watch_time()
            while data := await self._source.read(_to_read(await self._link.room())):
                at = 0
                while at < len(data):
                    piece = data[at : at + await self._link.room()]  # the line may have become slow since it was read
                    self._link.put(Msg(type=MsgType.exec_input, exec_input=ExecInput(data=piece)))
                    at += len(piece)
                    self.counts.bytes_in += len(piece)
            await self._link.send(Msg(type=MsgType.exec_input, exec_input=ExecInput(eof=True)))
        except LinkEndedError:
            return  # whoever reads the link says what happened
        except OSError as error:
            self._end(Outcome(FAILED, f"cannot read stdin: {error.strerror}"))

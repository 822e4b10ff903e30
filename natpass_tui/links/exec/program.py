"""A command on an agent: carries bytes between a link and three streams, and returns its outcome."""

# Why: docs/decisions/038-time-limit-at-the-agent.md

import asyncio
from itertools import groupby
from operator import attrgetter

from natpass_tui.links.long_request import LongRequest
from natpass_tui.links.outcome import BROKEN_PIPE, FAILED, INTERRUPTED, TIMED_OUT, Counts, Outcome, outcome
from natpass_tui.links.streams import ByteSource, Sink
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ExecInput, ExecOutput, ExecSignal

#: Seconds after the time limit at which we give up: normally the agent enforces it.
BACKSTOP_SECONDS = 5.0
#: Messages' worth of bytes in one read of stdin, if messages have their full size.
READ_MESSAGES = 4
_INT = 2


def _to_read(room: int) -> int:
    """Return how many bytes of stdin to read if one message has room for so many.

    As many; but on a fast line several messages' worth, since each read is handed to a thread.
    """
    return READ_MESSAGES * MAX_DATA_BYTES if room == MAX_DATA_BYTES else room


class ExecProgram:
    """A command that runs on an agent.

    Args:
        link: the accepted link to the agent.
        source: the command's input.
        out: takes its output.
        err: takes its error output.
        timeout: the time limit in seconds; None: no limit.
        request: the rest of the request, which is sent first.
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
        self._request = LongRequest(request)
        self._timer: asyncio.TimerHandle | None = None
        self._over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._was_interrupted = False
        #: The bytes carried so far.
        self.counts = Counts()

    async def run(self) -> Outcome:
        """Run until the command ends or is given up; then the link has ended too."""
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
        # Urgent: the command may never read the input that was sent before.
        message = Msg(type=MsgType.exec_signal, exec_signal=ExecSignal(number=_INT))
        self._was_interrupted = self._link.send_urgent(message)

    def stop(self, status: int) -> None:
        """Give the command up: the agent ends it. `run` returns this status."""
        self._end(Outcome(status))

    def _end(self, how: Outcome) -> None:
        if not self._over.done():
            self._over.set_result(how)

    def _watch_time(self) -> None:
        """Schedule giving up, for an agent that does not end the command in time."""
        if self._timeout is not None:
            text = f"timed out after {self._timeout:g} s, and the agent does not say so"
            loop = asyncio.get_running_loop()
            # call_later, not asyncio.timeout: it cancels nothing, so received output is still written
            self._timer = loop.call_later(self._timeout + BACKSTOP_SECONDS, self._end, Outcome(TIMED_OUT, text))

    async def _receive(self) -> None:
        """Write the command's output. Asking for a batch gives credit, so it waits until the last but one is written.

        In batches, since handing one over to the writer's thread costs more than a message.
        """
        try:
            while True:
                if not self._link.has_unread:  # otherwise we take the next batch while this one is written
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
        """Begin to write to one of the two after the other has written everything, to keep their order."""
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
        """Send the rest of the request, stdin, and its end. Read only what can be sent."""
        try:
            while self._request:
                self._link.put(self._request.take(await self._link.room()))
            self._watch_time()
            while data := await self._source.read(_to_read(await self._link.room())):
                at = 0
                while at < len(data):
                    piece = data[at : at + await self._link.room()]  # the line may have become slow since the read
                    self._link.put(Msg(type=MsgType.exec_input, exec_input=ExecInput(data=piece)))
                    at += len(piece)
                    self.counts.bytes_in += len(piece)
            await self._link.send(Msg(type=MsgType.exec_input, exec_input=ExecInput(eof=True)))
        except LinkEndedError:
            return  # `_receive` reports the reason
        except OSError as error:
            self._end(Outcome(FAILED, f"cannot read stdin: {error.strerror}"))

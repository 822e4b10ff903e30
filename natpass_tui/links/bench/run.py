"""The run of a bench, from login to exit status."""

import asyncio
import time
from collections.abc import Sequence

from google.protobuf.message import DecodeError

from natpass_tui.links.bench.measure import REQUEST, Bench
from natpass_tui.links.bench.report import BenchReport
from natpass_tui.links.outcome import FAILED, INTERRUPTED, Counts, Outcome
from natpass_tui.links.run import Run
from natpass_tui.login import PROGRAM, says
from natpass_wire.aio.dial import RelayTarget
from natpass_wire.aio.link import Link, LinkEndedError
from natpass_wire.aio.tasks import Tasks
from natpass_wire.pb.link_pb2 import ConnectRequest
from natpass_wire.text import printable


class BenchRun(Run):
    """The run of a bench. `report` has what is known so far, at any time.

    Args:
        agent: the agent's id.
        relay: the relay's address, for the report.
        seconds: for about how long to measure.
    """

    def __init__(self, agent: str, relay: str, seconds: float) -> None:
        super().__init__(agent, ())
        self._seconds = seconds
        self._since = time.perf_counter()
        self._measuring: asyncio.Task[None] | None = None
        self._status = 0
        #: What is known so far.
        self.report = BenchReport(printable(agent), printable(relay))

    async def status(self, target: RelayTarget, listed: Sequence[str]) -> int:
        """Log in, measure, and return the exit status, see `Run`."""
        self._since = time.perf_counter()
        return await super().status(target, listed)

    def _request(self) -> ConnectRequest:
        return REQUEST

    def _counts(self) -> Counts:
        return Counts()

    def _stop(self, status: int) -> bool:
        if self._measuring is None:
            return False
        self._status = status
        self._measuring.cancel()
        return True

    async def _carry(self, link: Link) -> Outcome:
        report, console = self.report, self._console
        assert console is not None
        report.start = time.perf_counter() - self._since
        report.is_sealed = link.peer_key is not None
        console.show_rows([self._agent])  # has the relay measure the way to the agent
        bench = Bench(console, link, report, lambda: console.latencies.get(self._agent))
        tasks = Tasks()
        since = time.perf_counter()

        def progress() -> str:
            return f"{PROGRAM}: {bench.phase} … {time.perf_counter() - since:.0f} of about {self._seconds:.0f} s"

        self._measuring = tasks.start(bench.run(self._seconds), "bench")
        try:
            with says(progress, after=0.0):
                await asyncio.wait([self._measuring])
            if not self._measuring.cancelled():
                await self._measuring
        except LinkEndedError as error:
            return self._failed(error.end.text or "the link has ended")
        except TimeoutError:
            return self._failed("the agent does not answer any more")
        except DecodeError:
            return self._failed("the agent's answer is invalid")
        finally:
            link.close()
            await tasks.close()
        if self._status:
            report.stopped = "interrupted" if self._status == INTERRUPTED else "by a signal"
        return Outcome(self._status)

    def _failed(self, text: str) -> Outcome:
        self.report.stopped = text
        return Outcome(FAILED, text)

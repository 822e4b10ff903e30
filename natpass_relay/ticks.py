"""The relay's periodic steps, which must go on when one of them fails."""

import logging
import time
from collections.abc import Callable
from typing import ParamSpec

from natpass_wire.repeats import Repeats
from natpass_wire.text import printable

log = logging.getLogger(__name__)

Args = ParamSpec("Args")


class Ticks:
    """Runs the steps of the relay's clocks.

    A failing step is a bug of ours. But if it stopped the clock, all time limits, the roster and all keepalives would
    end silently. So this is the one place that catches every exception: it logs the traceback, counts the fault, and
    goes on with the other steps.
    """

    def __init__(self) -> None:
        self._repeats = Repeats()
        #: Steps that failed.
        self.faults = 0

    def run(self, step: Callable[Args, None], *args: Args.args, **kwargs: Args.kwargs) -> None:
        """Call `step`; log what it raises, repeats at most once a minute."""
        try:
            step(*args, **kwargs)
        except Exception as error:  # a bug of ours in one step: the other steps go on, and it is logged and counted
            self.faults += 1
            name = getattr(step, "__name__", repr(step))
            said = self._repeats.note(f"{name} failed: {type(error).__name__}: {error}", time.monotonic())
            if said is not None:
                log.error("a bug of the relay: %s", printable(said), exc_info=error)

"""What happens again and again, and must go on whatever one step of it runs into."""

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

    A step that fails is a bug of ours; but a clock that stops for it would end all time limits, the roster and the
    keepalives of everybody, without a word. So this is the one place that takes any exception: it is logged with its
    traceback and counted, and the other steps go on.
    """

    def __init__(self) -> None:
        self._repeats = Repeats()
        #: Steps that failed.
        self.faults = 0

    def run(self, step: Callable[Args, None], *args: Args.args, **kwargs: Args.kwargs) -> None:
        """Call `step`; log what it raises, the same thing once a minute."""
        try:
            step(*args, **kwargs)
        except Exception as error:
            self.faults += 1
            name = getattr(step, "__name__", repr(step))
            said = self._repeats.note(f"{name} failed: {type(error).__name__}: {error}", time.monotonic())
            if said is not None:
                log.error("a bug of the relay: %s", printable(said), exc_info=error)

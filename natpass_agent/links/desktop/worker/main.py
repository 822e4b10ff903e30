"""The worker's process: `natpass-agent vnc.worker --name RULE --port PORT`, with the one-time token on standard input.

Standard input stays open while the agent lives: when it ends, the worker ends too, whatever else waits.
"""

import argparse
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence

from natpass_wire.aio import runtime

#: The most seconds from the agent's end to ours; by then the websocket's end has released all keys and buttons.
LAST_SECONDS = 2.0
#: Exit status without a desktop; the reason is the last line of standard error.
NO_DESKTOP = 3
_TOKEN_CHARACTERS = 64


def main(arguments: Sequence[str]) -> int:
    """Run a worker; return the exit status. The arguments are those after `vnc.worker`."""
    parser = argparse.ArgumentParser("natpass-agent vnc.worker", description=__doc__)
    parser.add_argument("--name", required=True, help="the rule's name, for people who look at the process list")
    parser.add_argument("--port", required=True, type=int, help="where the agent's websocket listens on 127.0.0.1")
    return run(parser.parse_args(arguments).port)


def run(port: int) -> int:
    """Serve the agent whose websocket listens on `port` of 127.0.0.1; return the exit status."""
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(message)s", level=logging.WARNING)
    token = _read_token(sys.stdin.fileno())
    if len(token) != _TOKEN_CHARACTERS:
        sys.stderr.write("the agent starts this, with a one-time token on its standard input\n")
        return NO_DESKTOP
    threading.Thread(target=_end_with_the_agent, args=(sys.stdin.fileno(),), name="lifeline", daemon=True).start()

    # Late: without a display we fail before loading all that.
    from natpass_agent.links.desktop.worker.desktop import open_desktop  # noqa: PLC0415 - see above
    from natpass_agent.links.desktop.worker.errors import DesktopError  # noqa: PLC0415 - see above
    from natpass_agent.links.desktop.worker.serve import serve  # noqa: PLC0415 - see above

    async def work() -> int:
        with open_desktop() as desktop:
            await serve(port, token, desktop)
        return 0

    try:
        return runtime.run(work())
    except DesktopError as error:
        sys.stderr.write(f"{error}\n")
        return NO_DESKTOP


def _read_token(handle: int) -> str:
    """Return the first line of standard input, read byte by byte: the rest is the lifeline."""
    line = b""
    while len(line) <= _TOKEN_CHARACTERS and not line.endswith(b"\n"):
        byte = os.read(handle, 1)
        if not byte:
            break
        line += byte
    return line.decode("ascii", "replace").strip()


def _end_with_the_agent(handle: int) -> None:
    """Wait for the agent's end; then end this process, even if the X server does not answer."""
    while os.read(handle, 1):
        pass
    time.sleep(LAST_SECONDS)
    os._exit(1)

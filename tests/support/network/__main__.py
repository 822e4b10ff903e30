"""A proxy as a separate process: `python -m tests.support.network TARGET --rate B/S --delay S`; prints its port."""

import argparse
import sys

from tests.support.network.line import QUEUE_BYTES, Shape
from tests.support.network.proxy import NetworkProxy


def main() -> int:
    """Forward until standard input ends, so that it never outlives its parent."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.network", description=__doc__)
    parser.add_argument("target", type=int, help="the port of loopback to forward to")
    parser.add_argument("--rate", type=float, required=True, help="bytes a second")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds one way")
    parser.add_argument("--queue", type=int, default=QUEUE_BYTES, help="the most bytes that wait for the line")
    parser.add_argument("--jitter", type=float, default=0.0, help="mean of a packet's extra delay, seconds one way")
    told = parser.parse_args()
    with NetworkProxy(told.target, shape=Shape(told.rate, told.delay, told.queue, told.jitter)) as proxy:
        print(proxy.port, flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())

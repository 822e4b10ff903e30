"""A proxy as a process of its own: `python -m tests.support.network TARGET --rate B/S --delay S`; prints its port."""

import argparse
import sys

from tests.support.network.line import QUEUE_BYTES, Shape
from tests.support.network.proxy import NetworkProxy


def main() -> int:
    """Forward until the standard input ends, so that it never outlives the one that started it."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.network", description=__doc__)
    parser.add_argument("target", type=int, help="the port of loopback to forward to")
    parser.add_argument("--rate", type=float, required=True, help="bytes a second")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds one way")
    parser.add_argument("--queue", type=int, default=QUEUE_BYTES, help="bytes that wait for the line at most")
    parser.add_argument("--jitter", type=float, default=0.0, help="what a packet takes longer, mean, seconds one way")
    told = parser.parse_args()
    with NetworkProxy(told.target, shape=Shape(told.rate, told.delay, told.queue, told.jitter)) as proxy:
        print(proxy.port, flush=True)
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())

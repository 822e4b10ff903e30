"""The time until a running command's bytes flow again after 5 s without network, on either side of the relay."""

import os
import select
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.stage import ChaosError, Stage
from tests.support.network.journal import percentile
from tests.support.network.proxy import NetworkProxy

assert sys.platform != "win32"

TIMES = 20
AWAY_SECONDS = 5.0
BAR = 3.0
_TICKS = "while :; do echo x; sleep 0.02; done"
_HUNG_SECONDS = 60.0


def read(descriptor: int) -> float:
    """Wait for bytes; return the time when they came."""
    if not select.select([descriptor], [], [], _HUNG_SECONDS)[0] or not os.read(descriptor, 1 << 16):
        raise ChaosError(f"nothing came for {_HUNG_SECONDS:.0f} s")
    return time.monotonic()


def outage(network: NetworkProxy, descriptor: int) -> float:
    """Interrupt the network for a while; return the seconds from its return to the next bytes."""
    network.down()
    until = time.monotonic() + AWAY_SECONDS
    while (rest := until - time.monotonic()) > 0:
        if select.select([descriptor], [], [], rest)[0]:  # bytes that were already on their way
            os.read(descriptor, 1 << 16)
    returned = network.up()
    return read(descriptor) - returned


def main() -> int:
    """Measure; return 1 if the bar was not kept."""
    waits: dict[str, list[float]] = {"console": [], "agent": []}
    with tempfile.TemporaryDirectory() as name, Stage(Path(name), dead_after=15) as stage:
        console = stage.console("sh", "-c", _TICKS)
        assert console.stdout is not None
        descriptor = console.stdout.fileno()
        read(descriptor)
        for number in range(TIMES):
            side, network = (("console", stage.consoles), ("agent", stage.agents))[number % 2]
            for _ in range(20):  # until it runs steadily again
                read(descriptor)
            waits[side].append(outage(network, descriptor))
    for side, found in waits.items():
        p50, most = percentile(found, 0.5), max(found)
        print(f"{side}'s network away for {AWAY_SECONDS:g} s, {len(found)} times: p50 {p50:.2f} s, most {most:.2f} s")
    most = max(wait for found in waits.values() for wait in found)
    print(f"from the network's return to bytes, most: {most:.2f} s (bar {BAR:g} s): {most / BAR:.2f}")
    return 0 if most <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())

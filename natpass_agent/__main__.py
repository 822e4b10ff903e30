"""`python -m natpass_agent` is the command `natpass-agent`.

The agent starts its desktop workers this way (docs/wire.md §4). A viewer waits for them, so a worker does not load what
it does not need (the agent itself, its options, TLS): that would double the time of its start.
"""

import sys

from natpass_agent.links import KINDS


def _main() -> None:
    for worker in (kind.worker for kind in KINDS):
        if worker is not None and sys.argv[1:2] == [worker.name]:
            raise SystemExit(worker.main(sys.argv[2:]))
    from natpass_agent.cli import main as command  # noqa: PLC0415 - a worker needs none of it

    command()


_main()

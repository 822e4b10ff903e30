"""`python -m natpass_agent` is the command `natpass-agent`.

The agent starts its desktop workers this way (docs/wire.md §4). A viewer waits for them, so what a worker does not need
(the agent itself, its options, TLS) is not loaded for one: half of its start would be that.
"""

import sys

_WORKER = "vnc.worker"


def _main() -> None:
    if sys.argv[1:2] == [_WORKER]:
        from natpass_agent.links.desktop.worker.main import main  # noqa: PLC0415 - see above

        raise SystemExit(main(sys.argv[2:]))
    from natpass_agent.cli import main as command  # noqa: PLC0415 - a worker needs none of it

    command()


_main()

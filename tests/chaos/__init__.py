"""Shows with the real programs what survives a bad network: `make chaos`, or `python -m tests.chaos --help`.

- `pipe`: random data through `exec … cat` while connections are cut, and the relay killed.
- `forward`: the same through forwards, both ways, with datagrams beside it.
- `sessions`: many commands while the relay is killed and started again.
- `memory`: one end is cut off while far more data waits than may be buffered.

`stage` has the programs and the networks between them, `watch` inspects processes.
"""

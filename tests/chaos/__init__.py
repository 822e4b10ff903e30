"""What is said to survive a bad network, shown with the real programs: `make chaos`, or `python -m tests.chaos --help`.

- `pipe`: random data through `exec … cat` while connections are cut, and the relay killed.
- `sessions`: many commands while the relay is killed and started again.
- `memory`: one end cut off while much more waits than may be kept.

`stage` has the programs and the networks between them, `watch` what is asked of processes.
"""

"""`natpass-tui demo`: a relay and an agent on this machine's loopback, while the console runs.

The programs do not import each other: `keeper` is a process of its own that starts the two commands. It ends them
when its standard input closes; the system closes it even if the console was killed.
"""

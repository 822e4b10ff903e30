"""`natpass-tui demo`: a relay and an agent on this machine's loopback, for as long as the console lives.

The programs do not import each other: `keeper` is a process of its own that starts the two commands, and ends them
when its standard input closes, which the system does for a console that was killed, too.
"""

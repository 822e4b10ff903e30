"""The control socket, by which commands on this machine talk to a running program of ours.

`protocol` is pure; `server` is the running program's end, `client` the command's; `place` gives the socket's path.
"""

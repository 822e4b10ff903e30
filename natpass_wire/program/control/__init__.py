"""The control socket: how commands on this machine speak to a program of ours that runs.

`protocol` is pure; `server` is the running program's end, `client` the command's; `place` says where they meet.
"""

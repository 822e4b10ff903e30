"""natpass together with other people's programs, one module a tool.

Each module has a `TOOL`: its small case is a test of `make test`, its heavy one runs by hand (`make interop`).
"""

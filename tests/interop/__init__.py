"""natpass together with foreign programs, one module for each tool.

Each module has a `TOOL`: its small case is a test of `make test`, its heavy one is for `make interop`.
"""

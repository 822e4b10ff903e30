"""The shell kind: a program on a pty (WIRE.md §4)."""

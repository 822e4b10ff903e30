"""The shell kind: a program on a pty (docs/wire.md §4)."""

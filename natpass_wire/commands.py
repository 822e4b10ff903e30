"""The largest request for a command, for both ends."""

# Why: docs/decisions/036-long-requests.md

#: The longest request for a command: the arguments and variables that Linux accepts (ARG_MAX with a stack of 8 MiB),
#: and the protobuf fields around them.
MAX_REQUEST_BYTES = 2 * 1024 * 1024 + 64 * 1024

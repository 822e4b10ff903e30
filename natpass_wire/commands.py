"""What both ends have to know of commands."""

# Why: docs/decisions/036-long-requests.md

#: The longest request for a command: what Linux takes of arguments and variables (ARG_MAX with a stack of 8 MiB), and
#: what it takes to say them.
MAX_REQUEST_BYTES = 2 * 1024 * 1024 + 64 * 1024

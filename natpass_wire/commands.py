"""The largest request for a command, for both ends."""

# Why: docs/decisions/036-long-requests.md

from natpass_wire.errors import UserError

#: The longest request for a command: the arguments and variables that Linux accepts (ARG_MAX with a stack of 8 MiB),
#: and the protobuf fields around them.
MAX_REQUEST_BYTES = 2 * 1024 * 1024 + 64 * 1024


def check_size(size: int) -> None:
    """Raise UserError if a request of so many bytes is longer than any command can be."""
    if size > MAX_REQUEST_BYTES:
        raise UserError(f"the command and its variables have {size} bytes, at most {MAX_REQUEST_BYTES} can be sent")

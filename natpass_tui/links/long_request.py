"""Requests that are too long for one message: announced by their size, and sent in pieces once that is accepted."""

# Why: docs/decisions/036-long-requests.md

from natpass_wire.frame import MAX_DATA_BYTES
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.exec_pb2 import ExecRequest

#: The answer of an agent that does not know announced requests: it finds no command.
_OLDER = "which command?"


class LongRequest:
    """The bytes of a request that are still to be sent; false when all are.

    Args:
        data: the request; empty if it fits into one message.
    """

    def __init__(self, data: bytes = b"") -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def take(self, most: int) -> Msg:
        """Return the message with the next bytes, at most so many."""
        piece = self._data[self._at : self._at + most]
        self._at += len(piece)
        return Msg(type=MsgType.exec_request, exec_request=ExecRequest(data=piece))


def refusal_of(reason: str, size: int) -> str:
    """Return an agent's reason for refusing, in other words if it is too old for a long request.

    Args:
        reason: what it said.
        size: the bytes that were announced, 0 if the request was sent whole.
    """
    if size and reason == _OLDER:
        return f"the natpass-agent there is older, and takes commands of at most {MAX_DATA_BYTES} bytes, not {size}"
    return reason

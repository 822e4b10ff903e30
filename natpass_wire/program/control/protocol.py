"""What is said on a control socket: one request and one answer a connection, a line of JSON each.

    {"control": 1, "command": "status", "arguments": {}}
    {"control": 1, "result": {...}}   or   {"control": 1, "error": "one line for a person"}

Pure: bytes in, values out. Programs and commands of different versions may meet, after an update without a restart: a
number other than ours is said as that. What is added to a request or a result takes a name of its own; unknown names
are ignored.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.text import printable

VERSION = 1
#: A line with its line end. An answer may name all links of an agent: 256, at most 2 KiB each.
MAX_REQUEST_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 1024 * 1024
#: Seconds in which a request has to be there, and its answer.
REQUEST_SECONDS, ANSWER_SECONDS = 5.0, 20.0


@dataclass(frozen=True, slots=True)
class Request:
    """What a command asks for."""

    command: str
    arguments: Mapping[str, Any]

    def to_line(self) -> bytes:
        """Return the request as it is sent."""
        return _line({"command": self.command, "arguments": dict(self.arguments)})

    @classmethod
    def from_line(cls, line: bytes) -> "Request":
        """Return the request that a line holds.

        Raises:
            RemoteProtocolError: it holds none.
        """
        fields = _fields(line, MAX_REQUEST_BYTES, "request")
        command, arguments = fields.get("command"), fields.get("arguments", {})
        if not isinstance(command, str) or not isinstance(arguments, dict):
            raise RemoteProtocolError("a request has a command and its arguments")
        return cls(command, arguments)


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """What the program says.

    Attributes:
        result: what was asked for; of no meaning if there is an error.
        error: why there is none, for a person; empty if there is.
    """

    result: Mapping[str, Any]
    error: str = ""

    def to_line(self) -> bytes:
        """Return the answer as it is sent."""
        return _line({"error": self.error} if self.error else {"result": dict(self.result)})

    @classmethod
    def from_line(cls, line: bytes) -> "ControlAnswer":
        """Return the answer that a line holds; an error is safe to print.

        Raises:
            RemoteProtocolError: it holds none.
        """
        fields = _fields(line, MAX_ANSWER_BYTES, "answer")
        result, error = fields.get("result", {}), fields.get("error", "")
        if not isinstance(result, dict) or not isinstance(error, str) or not ("result" in fields or error):
            raise RemoteProtocolError("an answer has a result or an error")
        return cls(result, printable(error, 500))


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps({"control": VERSION, **fields}).encode() + b"\n"


def _fields(line: bytes, most: int, what: str) -> dict[str, Any]:
    if len(line) > most:
        raise RemoteProtocolError(f"a {what} has at most {most} bytes")
    if not line.endswith(b"\n"):
        raise RemoteProtocolError(f"the {what} is not complete")
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise RemoteProtocolError(f"the {what} is no JSON") from None
    if not isinstance(found, dict) or "control" not in found:
        raise RemoteProtocolError(f"the {what} is not of this protocol")
    if found["control"] != VERSION or isinstance(found["control"], bool):
        theirs = printable(str(found["control"]), 20)
        raise RemoteProtocolError(
            f"version {theirs} of the control protocol is not understood here, but {VERSION}: "
            "restart the program, it is older or newer than the command"
        )
    return found

"""The protocol of a control socket: one request and one answer for each connection, a line of JSON each.

    {"control": 1, "command": "status", "arguments": {}}
    {"control": 1, "result": {...}}   or   {"control": 1, "error": "one line for a person"}

Pure: bytes in, values out. Programs and commands of different versions may meet, after an update without a restart; an
error says so if the version differs. Additions to a request or a result need new names; unknown names are ignored.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from natpass_wire.errors import RemoteProtocolError
from natpass_wire.text import printable

VERSION = 1
#: The longest lines, with their line end. An answer may list all links of an agent: 256, at most 2 KiB each.
MAX_REQUEST_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 1024 * 1024
#: Seconds for a request to arrive, and for its answer.
REQUEST_SECONDS, ANSWER_SECONDS = 5.0, 20.0


@dataclass(frozen=True, slots=True)
class Request:
    """A command's request."""

    command: str
    arguments: Mapping[str, Any]

    def to_line(self) -> bytes:
        """Return the request as it is sent."""
        return _line({"command": self.command, "arguments": dict(self.arguments)})

    @classmethod
    def from_line(cls, line: bytes) -> "Request":
        """Parse the request in a line.

        Raises:
            RemoteProtocolError: the line is invalid.
        """
        fields = _fields(line, MAX_REQUEST_BYTES, "request")
        command, arguments = fields.get("command"), fields.get("arguments", {})
        if not isinstance(command, str) or not isinstance(arguments, dict):
            raise RemoteProtocolError("a request has a command and its arguments")
        return cls(command, arguments)


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """A program's answer.

    Attributes:
        result: the result; meaningless if there is an error.
        error: why there is no result, for a person; empty if there is one.
    """

    result: Mapping[str, Any]
    error: str = ""

    def to_line(self) -> bytes:
        """Return the answer as it is sent."""
        return _line({"error": self.error} if self.error else {"result": dict(self.result)})

    @classmethod
    def from_line(cls, line: bytes) -> "ControlAnswer":
        """Parse the answer in a line; an error is safe to print.

        Raises:
            RemoteProtocolError: the line is invalid.
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
        raise RemoteProtocolError(f"the {what} is not JSON") from None
    if not isinstance(found, dict) or "control" not in found:
        raise RemoteProtocolError(f"the {what} is not of this protocol")
    if found["control"] != VERSION or isinstance(found["control"], bool):
        theirs = printable(str(found["control"]), 20)
        raise RemoteProtocolError(
            f"version {theirs} of the control protocol is not supported here, only {VERSION}: "
            "restart the program, it is older or newer than the command"
        )
    return found

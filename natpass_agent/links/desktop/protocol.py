"""The protocol between the agent and its desktop worker over their websocket, without I/O.

Binary messages are the wire's own: a serialised `Msg` that has a type and at most one payload field, and no addresses.
The agent prepends the addresses, and never parses a picture.

Text messages stay between the two processes: JSON objects whose type is in `say`.

    worker -> agent   {"say": "hello", "width": 1920, "height": 1080, "serves": []}   once it can serve
    agent -> worker   {"say": "start", "fps": 10, "quality": 50, "cursor": false,      the answer
                      "lease": 2.0}

Both sides ignore unknown messages and unknown keys, so a new request (scaling to a viewer's size, pacing) needs no new
version: a worker names in `serves` what it understands beyond this page.

A worker that can't go on writes the reason as the last line of its standard error, and exits.
"""

import json
from dataclasses import asdict, dataclass

from natpass_agent.links.desktop.view import LEAST_LEASE, MOST_FPS, MOST_LEASE, RAW_QUALITY, View
from natpass_wire import envelope
from natpass_wire.errors import LocalProtocolError, NatpassError
from natpass_wire.frame import MAX_PAYLOAD_BYTES
from natpass_wire.pb.envelope_pb2 import Msg, MsgType

#: The websocket's path, and the header with the token in the worker's request.
PATH = "/vnc.worker"
TOKEN_HEADER = "Authorization"  # noqa: S105 - the name of a header
TOKEN_PREFIX = "Bearer "  # noqa: S105 - the name of a scheme
#: The longest message: with its addresses it has to fit into a frame.
MAX_MESSAGE_BYTES = MAX_PAYLOAD_BYTES

#: What a worker sends to a viewer, and a viewer to a worker.
TO_VIEWER = frozenset({MsgType.vnc_image, MsgType.vnc_clipboard, MsgType.vnc_frame, MsgType.vnc_hold})
TO_WORKER = frozenset(
    {
        MsgType.vnc_ctrl,
        MsgType.vnc_mouse,
        MsgType.vnc_keyboard,
        MsgType.vnc_cad,
        MsgType.vnc_scroll,
        MsgType.vnc_clipboard,
        MsgType.vnc_hold,
    }
)
#: Those that a read-only viewer gets.
TO_ONLOOKER = frozenset({MsgType.vnc_image, MsgType.vnc_frame})
FROM_ONLOOKER = frozenset({MsgType.vnc_ctrl})


class WorkerProtocolError(NatpassError):
    """The other process sent an invalid message: it is not one of ours, or has another version."""


@dataclass(frozen=True, slots=True)
class Hello:
    """The worker can serve.

    Attributes:
        width: the screen's columns of pixels.
        height: its rows of pixels.
        serves: what it understands beyond this module's docstring.
    """

    width: int
    height: int
    serves: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Start:
    """Begin to send the screen."""

    view: View


def to_text(said: Hello | Start) -> str:
    """Return the text message that says this."""
    match said:
        case Hello():
            return json.dumps({"say": "hello"} | asdict(said))
        case Start(view):
            return json.dumps({"say": "start"} | asdict(view))


def from_text(text: str) -> Hello | Start | None:
    """Parse a text message; None if its type is unknown.

    Raises:
        WorkerProtocolError: it is invalid.
    """
    try:
        said = json.loads(text)
        match said["say"]:
            case "hello":
                return Hello(int(said["width"]), int(said["height"]), tuple(map(str, said.get("serves", ()))))
            case "start":
                fps, quality = int(said["fps"]), int(said["quality"])
                if not (1 <= fps <= MOST_FPS and 1 <= quality <= RAW_QUALITY):
                    raise WorkerProtocolError("a view out of range")
                lease = float(said.get("lease", 0.0))
                if lease and not LEAST_LEASE <= lease <= MOST_LEASE:
                    raise WorkerProtocolError("a lease out of range")
                return Start(View(fps, quality, bool(said["cursor"]), lease))
    except (ValueError, KeyError, TypeError) as error:
        raise WorkerProtocolError("an invalid text message") from error
    return None


def join(message: Msg) -> bytes:
    """Return a binary message: `message` without its addresses. Unknown fields of the payload survive."""
    for field in ("from_id", "from_idx", "to", "to_idx", "link_id"):
        message.ClearField(field)
    return message.SerializeToString()


def type_of(message: bytes) -> MsgType:
    """Return a binary message's type.

    Raises:
        WorkerProtocolError: it is not a valid message.
    """
    try:
        return envelope.type_of(message)[0]
    except LocalProtocolError as error:
        raise WorkerProtocolError(str(error)) from error

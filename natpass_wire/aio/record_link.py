"""A link that carries a stream, as its connection sees it."""

from typing import Protocol

from natpass_wire.links import End, LinkState
from natpass_wire.pb.envelope_pb2 import Msg, MsgType
from natpass_wire.pb.stream_pb2 import Record
from natpass_wire.stream.transport import Transport, Unsealed


class Passenger(Protocol):
    """Whose records a link carries. All calls come from the event loop."""

    def link_received(self, link: "RecordLink", record: bytes) -> None:
        """Take a record."""

    def link_ended(self, link: "RecordLink", end: End) -> None:
        """The link is gone, whoever ended it."""

    def next_record(self, link: "RecordLink") -> bytes | None:
        """Return the next record to send, None if there is none at the moment."""
        ...


class RecordLink:
    """One link of one connection, and who rides on it. Known by identity.

    Args:
        state: the link.
        head: the envelope of its frames, serialised: what stands before the payload.
    """

    def __init__(self, state: LinkState, head: bytes) -> None:
        self.state = state
        #: Whose records it carries.
        self.passenger: Passenger
        self.transport: Transport = Unsealed()
        self._head = head

    @property
    def peer(self) -> str:
        """The other end's client id."""
        return self.state.peer

    def next_payload(self) -> bytes | None:
        """Return the payload of the next frame, None if there is nothing to send now."""
        record = self.passenger.next_record(self)
        if record is None:
            return None
        # A payload field behind the fields of the envelope, all of lower numbers: a canonical message.
        return self._head + Msg(record=Record(data=self.transport.seal(record))).SerializeToString()

    def received(self, message: Msg) -> None:
        """Take a message of this link."""
        if message.type == MsgType.record:
            self.passenger.link_received(self, self.transport.open(message.record.data))

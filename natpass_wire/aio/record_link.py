"""A link that carries a stream, as its connection sees it."""

from typing import Protocol

from natpass_wire.envelope import record_head
from natpass_wire.frame import encode_frame_of
from natpass_wire.links import End, LinkState
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
        head: the envelope of the frames that we send, serialised: what stands before the payload.
        peer_head: that of the frames that the other end sends, as far as it is canonical.
    """

    def __init__(self, state: LinkState, head: bytes, peer_head: bytes) -> None:
        self.state = state
        #: Whose records it carries.
        self.passenger: Passenger
        self.transport: Transport = Unsealed()
        self._head = head
        self.peer_head = peer_head

    @property
    def peer(self) -> str:
        """The other end's client id."""
        return self.state.peer

    def next_frame(self) -> bytes | None:
        """Return the next frame, None if there is nothing to send now."""
        record = self.passenger.next_record(self)
        if record is None:
            return None
        data = self.transport.seal(record)
        # A payload field behind the fields of the envelope, all of lower numbers: a canonical message.
        return encode_frame_of(self._head, record_head(len(data)), data)

    def received(self, data: bytes) -> None:
        """Take what came in the next record.

        Raises:
            RemoteProtocolError: it is not what the other end sent next, or it breaks the protocol of the stream.
        """
        self.passenger.link_received(self, self.transport.open(data))

"""A link of the relay that carries the records of one stream, for as long as one connection lasts."""

from typing import Protocol

from natpass_wire.aio.sealing import TrustPolicy
from natpass_wire.envelope import record_head
from natpass_wire.errors import LocalProtocolError
from natpass_wire.frame import encode_frame_of
from natpass_wire.links import End, LinkState
from natpass_wire.sealed.handshake import OpenerHandshake, TargetHandshake
from natpass_wire.stream.fair import Turns
from natpass_wire.stream.transport import Transport, Unsealed


class Passenger(Protocol):
    """Whose records are carried. All calls come from the event loop."""

    def carrier_sealed(self, carrier: "Carrier") -> None:
        """Take note that the other end has proved who it is, `carrier.peer_key`, and that it knows the secret.

        Raises:
            NotTrustedError: it is not who was there before.
        """

    def carrier_received(self, carrier: "Carrier", record: bytes) -> None:
        """Take a record."""

    def carrier_ended(self, carrier: "Carrier", end: End) -> None:
        """The carrier is gone, whoever ended it."""

    def next_record(self, carrier: "Carrier") -> bytes | None:
        """Return the next record to send, None if there is none at the moment."""
        ...


class CarrierSet(Protocol):
    """All carriers of one connection, as one of them needs them."""

    #: Whose turn it is to send.
    turns: Turns["Carrier"]

    def send(self) -> None:
        """Send records in their turn, as far as the socket takes them."""

    def end(self, carrier: "Carrier", end: End) -> None:
        """End a carrier's link, and tell its passenger."""


class Carrier:
    """One link of one connection, and who rides on it. Known by identity.

    Args:
        carriers: all of the connection.
        state: the link.
        head: the envelope of the frames that we send, serialised: what stands before the payload.
        peer_head: that of the frames that the other end sends, as far as it is canonical.
        handshake: what its records are sealed by; None: they are not.
        trust: whom we trust, where they are.
    """

    def __init__(
        self,
        carriers: CarrierSet,
        state: LinkState,
        head: bytes,
        peer_head: bytes,
        handshake: OpenerHandshake | TargetHandshake | None,
        *,
        trust: TrustPolicy | None,
    ) -> None:
        self.state = state
        self._carriers = carriers
        #: Whose records it carries.
        self.passenger: Passenger
        self._head = head
        self.peer_head = peer_head
        self._handshake = handshake
        self._trust = trust
        self._transport: Transport | None = Unsealed() if handshake is None else None
        #: The other end's static key, once it has proved that it has it and knows the secret; None: not sealed.
        self.peer_key: bytes | None = None
        self._unproved: bytes | None = None  # the same, until it has proved to know the secret

    @property
    def peer(self) -> str:
        """The other end's client id."""
        return self.state.peer

    def wake(self) -> None:
        """Take note that the passenger may have something to send. Nothing happens once the carrier is gone."""
        if self.state.end is None:
            self._carriers.turns.wake(self)
            self._carriers.send()

    def close(self, end: End) -> None:
        """End the link; the passenger is told. Nothing happens if it had ended."""
        self._carriers.end(self, end)

    def answer(self, offer: bytes) -> bytes:
        """Target: return what goes into the answer to `offer`.

        Raises:
            RemoteProtocolError: the offer is none.
        """
        return self._handshake.second(offer) if isinstance(self._handshake, TargetHandshake) else b""

    def answered(self, answer: bytes) -> bytes | None:
        """Opener: take the target's answer; return the frame that has to go out before all others, if there is one.

        Raises:
            RemoteProtocolError: the answer is none.
            NotTrustedError: it comes from somebody whom we do not trust, who has learnt nothing of us.
        """
        if not isinstance(self._handshake, OpenerHandshake):
            return None
        key = self._handshake.second(answer)
        if self._trust is not None:
            self._trust.check(self.peer, key)
        self._unproved = key
        data, self._transport = self._handshake.third()
        return encode_frame_of(self._head, record_head(len(data)), data)

    def next_frame(self) -> bytes | None:
        """Return the next frame, None if there is nothing to send now."""
        if self._transport is None:
            return None
        record = self.passenger.next_record(self)
        if record is None:
            return None
        data = self._transport.seal(record)
        # A payload field behind the fields of the envelope, all of lower numbers: a canonical message.
        return encode_frame_of(self._head, record_head(len(data)), data)

    def received(self, data: bytes) -> None:
        """Take what came in the next record.

        Raises:
            RemoteProtocolError: it is not what the other end sent next, or it breaks the protocol of the stream.
            NotTrustedError: it ends the handshake with somebody whom we do not trust.
        """
        if self._transport is not None:
            record = self._transport.open(data)
            if self._unproved is not None:
                self._proved(self._unproved)
            self.passenger.carrier_received(self, record)
            return
        if not isinstance(self._handshake, TargetHandshake):
            raise LocalProtocolError("a record before the answer")  # the table of links lets none through
        key, transport = self._handshake.third(data)
        if self._trust is not None:
            self._trust.check(self.peer, key)
        self._transport = transport
        self._proved(key)

    def _proved(self, key: bytes) -> None:
        self._unproved = None
        if self._trust is not None:
            self._trust.proved(self.peer, key)
        self.peer_key = key
        self.passenger.carrier_sealed(self)

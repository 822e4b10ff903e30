"""A link of the relay that carries the records of one stream, for as long as one connection lasts."""

from typing import Protocol

from natpass_wire.aio.sealing import NotTrustedError, TrustPolicy
from natpass_wire.envelope import record_head
from natpass_wire.errors import LocalProtocolError, RemoteProtocolError
from natpass_wire.frame import encode_frame_of
from natpass_wire.links import End, LinkState
from natpass_wire.sealed.handshake import OpenerHandshake, TargetHandshake
from natpass_wire.stream.fair import Turns
from natpass_wire.stream.transport import Transport, Unsealed


class Passenger(Protocol):
    """The owner of the records on a carrier. All calls come from the event loop."""

    def carrier_sealed(self, carrier: "Carrier") -> None:
        """Record that the other end has proved its key, `carrier.peer_key`, and that it knows the secret.

        Raises:
            NotTrustedError: the key differs from the one before.
        """

    def carrier_received(self, carrier: "Carrier", record: bytes) -> None:
        """Take a record."""

    def carrier_ended(self, carrier: "Carrier", end: End) -> None:
        """Record that the carrier is gone, ended by either side."""

    def next_record(self, carrier: "Carrier") -> bytes | None:
        """Return the next record to send, None if there is none now."""
        ...


class CarrierSet(Protocol):
    """All carriers of one connection, as each of them sees it."""

    #: Which carrier sends next.
    turns: Turns["Carrier"]

    def send(self) -> None:
        """Send records, each carrier in its turn, while the socket accepts them."""

    def end(self, carrier: "Carrier", end: End) -> None:
        """End a carrier's link, and notify its passenger."""

    def broken(self, carrier: "Carrier", error: RemoteProtocolError | NotTrustedError) -> None:
        """End the link of a carrier whose peer broke the protocol, or has the wrong key."""


class Carrier:
    """One link of one connection, with its passenger. Compared by identity.

    Args:
        carriers: all carriers of the connection.
        state: the link.
        head: the serialised envelope of the frames that we send, without the payload.
        peer_head: the same for the frames that the other end sends, if they are canonical.
        handshake: the handshake that seals its records, None if they are not sealed.
        trust: decides whose keys we trust, None without sealing.
        origin: target: the relay's name for the opener's network; empty if the relay gives none.
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
        origin: bytes = b"",
    ) -> None:
        self.state = state
        self.origin = origin
        self._carriers = carriers
        #: The owner of its records.
        self.passenger: Passenger
        self._head = head
        self.peer_head = peer_head
        self._handshake = handshake
        self._trust = trust
        self._transport: Transport | None = Unsealed() if handshake is None else None
        #: The other end's static key, once it has proved that it has it and knows the secret; None if not sealed.
        self.peer_key: bytes | None = None
        self._unproved: bytes | None = None  # the same, until it has proved to know the secret

    @property
    def peer(self) -> str:
        """The other end's client id."""
        return self.state.peer

    def wake(self) -> None:
        """Note that the passenger may have something to send. No-op once the carrier is gone."""
        if self.state.end is None:
            self._carriers.turns.wake(self)
            self._carriers.send()

    def close(self, end: End) -> None:
        """End the link and notify the passenger. No-op if it has ended."""
        self._carriers.end(self, end)

    def answer(self, offer: bytes) -> bytes:
        """Target: return the handshake message that answers `offer`.

        Raises:
            RemoteProtocolError: the offer is invalid.
        """
        return self._handshake.second(offer) if isinstance(self._handshake, TargetHandshake) else b""

    def answered(self, answer: bytes) -> bytes | None:
        """Opener: take the target's answer; return the frame to send before all others, None if there is none.

        Raises:
            RemoteProtocolError: the answer is invalid.
            NotTrustedError: we do not trust the other end's key; it has learnt nothing about us.
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
        # The payload field comes after the envelope's fields, whose numbers are lower: a canonical message.
        return encode_frame_of(self._head, record_head(len(data)), data)

    def received(self, data: bytes) -> None:
        """Take the data of the next record. A peer that breaks the protocol or is not trusted loses this carrier."""
        try:
            if self._transport is None:
                self._third(data)
            else:
                record = self._transport.open(data)
                if self._unproved is not None:
                    self._proved(self._unproved)
                self.passenger.carrier_received(self, record)
        except (RemoteProtocolError, NotTrustedError) as error:
            self._carriers.broken(self, error)

    def _third(self, data: bytes) -> None:
        """Target: take the message that ends the handshake.

        Raises:
            RemoteProtocolError: it is not what the other end sent next.
            NotTrustedError: we do not trust the other end's key.
        """
        if not isinstance(self._handshake, TargetHandshake):
            raise LocalProtocolError("a record before the answer")  # the link table lets none through
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

"""Simple attacks: bit flips, sizes, drops, repeats, orders, envelopes."""

from natpass_wire.pb.envelope_pb2 import Msg
from tests.hostile.attack import RECORDS, LinkAttack, PlaceAttack, Scene, data_of, with_data
from tests.hostile.relay import REQUEST, UP, Place, SeenLink


class BitFlips(PlaceAttack):
    """One bit of a handshake or a sealed record is flipped."""

    name = "bit flips"
    weight = 4.0

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Flip it."""
        data = bytearray(data_of(message))
        bit = self.random.randrange(len(data) * 8)
        data[bit // 8] ^= 1 << bit % 8
        self.hit = link
        self.adversary.forward(with_data(message, bytes(data)))


class Sizes(PlaceAttack):
    """Bytes are removed or added at the end."""

    name = "other sizes"

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Cut some, or add some."""
        data = data_of(message)
        if self.random.random() < 0.5:
            data = data[: self.random.randrange(len(data))]
        else:
            data += self.random.randbytes(self.random.randint(1, 200))
        self.hit = link
        self.adversary.forward(with_data(message, data))


class Drops(PlaceAttack):
    """A message is missing, and the next one comes."""

    name = "drops"
    weight = 2.0

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._in: SeenLink | None = None

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Drop it."""
        self._in = link

    def follow(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Check that a later message makes the gap detectable."""
        if link is self._in and place[0] == self.place[0] and place[1] > max(self.place[1], -1):
            self.hit = link
        super().follow(link, place, message)


class Repeats(PlaceAttack):
    """A record is repeated, at once or after others."""

    name = "repeats"
    weight = 2.0
    places = ((UP, 0), *RECORDS)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._after = self.random.choice((0, 0, 1))
        self._kept: tuple[SeenLink, Msg] | None = None

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Pass it on, and again."""
        self.adversary.forward(message)
        if self._after:
            self._kept = link, message
        else:
            self.hit = link
            self.adversary.forward(message)

    def follow(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Repeat it after the next one of its direction."""
        super().follow(link, place, message)
        if self._kept is not None and self._kept[0] is link and place[0] == self.place[0]:
            self.hit = link
            self.adversary.forward(self._kept[1])
            self._kept = None

    def release(self) -> None:
        """Forget it."""
        self._kept = None


class AskedAgain(PlaceAttack):
    """The request or the answer is repeated to its receiver."""

    name = "requests and answers repeated"
    weight = 0.5
    places = (REQUEST, ("down", -1))

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Pass it on, and send it again outside of the relay's routing."""
        self.adversary.forward(message)
        self.adversary.inject(message.to, message)


class Reorders(PlaceAttack):
    """A record is delivered after its successor."""

    name = "reorders"
    weight = 2.0
    places = ((UP, 0), *RECORDS)

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._held: tuple[SeenLink, Msg] | None = None

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Hold it."""
        self._held = link, message

    def follow(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Pass on what comes, and then what was held."""
        super().follow(link, place, message)
        if self._held is not None and self._held[0] is link and place[0] == self.place[0]:
            self.hit = link
            self.release()

    def release(self) -> None:
        """Pass it on."""
        held, self._held = self._held, None
        if held is not None:
            self.adversary.forward(held[1])


class Envelopes(PlaceAttack):
    """One bit of a whole message is flipped: addresses, types, tags, lengths."""

    name = "bit flips in envelopes"
    weight = 0.02  # an invalid message ends the connection, and clients wait before they dial again

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Flip it."""
        payload = bytearray(message.SerializeToString())
        bit = self.random.randrange(len(payload) * 8)
        payload[bit // 8] ^= 1 << bit % 8
        self.adversary.inject_raw(message.to, bytes(payload))


class Cuts(PlaceAttack):
    """The relay ends the link, which it may; this is for comparison."""

    name = "cuts"

    def strike(self, link: SeenLink, place: Place, message: Msg) -> None:
        """Cut it."""
        self.adversary.cut(link)


ATTACKS: tuple[type[LinkAttack], ...] = (
    BitFlips,
    Sizes,
    Drops,
    Repeats,
    AskedAgain,
    Reorders,
    Envelopes,
    Cuts,
)

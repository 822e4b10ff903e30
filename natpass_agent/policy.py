"""The agent's policy: which links it allows, without I/O. The kinds' descriptors say what differs between kinds."""

from collections.abc import Sequence
from dataclasses import dataclass

from natpass_agent.links.kind import ONLY_LOOK, Kind, names_of
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse

#: Links with a process at once, including those that are closing: each also costs some descriptors.
MAX_LINKS = 256


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a link is refused, for a person and for a program."""

    text: str
    reason: ConnectResponse.Reason


@dataclass(frozen=True, slots=True)
class Policy:
    """The kinds of an agent. How many links there may be is for `natpass_agent.places`.

    Attributes:
        kinds: the link kinds that it serves.
    """

    kinds: Sequence[Kind]

    def refusal(
        self,
        number: ConnectRequest.Kind,
        rights: Rights = ALL,
        *,
        is_sealed: bool = True,
    ) -> Refusal | None:
        """Return why a link is refused, None if it is allowed.

        Args:
            number: the number of the requested kind.
            rights: the opener's rights.
            is_sealed: whether the link is sealed.
        """
        kind = next((served for served in self.kinds if served.number == number), None)
        if (text := self._forbidden(kind, rights)) is not None:
            return Refusal(text, ConnectResponse.REFUSED)
        if kind is None:
            served = ", ".join(sorted(known.wire_name for known in self.kinds)) or "nothing"
            text = f"this agent does not serve {self.kind_name(number)} links (it serves: {served})"
            return Refusal(text, ConnectResponse.REFUSED)
        if not is_sealed and not kind.allows_unsealed:
            return Refusal(f"this agent serves sealed {kind.wire_name} links only", ConnectResponse.REFUSED)
        return None

    def kind_name(self, number: ConnectRequest.Kind) -> str:
        """Return the wire's name of a link kind; its number if the kind is unknown."""
        for kind in self.kinds:
            if kind.number == number:
                return kind.wire_name
        known = number in ConnectRequest.Kind.values()
        return ConnectRequest.Kind.Name(number) if known else f"kind {int(number)}"

    def no_longer(self, kind: Kind, then: Rights, rights: Rights) -> str:
        """Return why an opener may not keep a link of a kind, empty if it may.

        Args:
            kind: the link's kind.
            then: the opener's rights when the link was opened.
            rights: its rights now.
        """
        if (text := self._forbidden(kind, rights)) is not None:
            return text
        return ONLY_LOOK if rights.read_only and not then.read_only else ""

    def _forbidden(self, kind: Kind | None, rights: Rights) -> str | None:
        """Return why the opener may not have links of a kind (None if it is not served), None if it may."""
        if rights.kinds is not None and (kind is None or kind.name not in rights.kinds):
            allowed = names_of(known for known in self.kinds if known.name in rights.kinds)
            return f"your console's key may not do this here (it may: {allowed})"
        if rights.read_only:
            return ONLY_LOOK if kind is None else kind.read_only
        return None

"""What an agent allows, without I/O: values in, an answer out. What differs between kinds, their descriptors say."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from natpass_agent.links.kind import ONLY_LOOK, Kind
from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse

#: Links with a process that an agent has at once, those that are being ended included: each costs some descriptors too.
MAX_LINKS = 256
#: How many of them one opener may have, so that none takes the room of all others.
MAX_LINKS_OF_OPENER = MAX_LINKS // 2


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a link is refused: for a person, and for a program; `is_for_room`: only because there are so many."""

    text: str
    reason: ConnectResponse.Reason
    is_for_room: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """What is allowed.

    Attributes:
        kinds: the link kinds that are served.
        max_links: how many links with a process at once, at least 1.
        max_links_of_opener: how many of them one opener may have.
    """

    kinds: Sequence[Kind]
    max_links: int = MAX_LINKS
    max_links_of_opener: int = MAX_LINKS_OF_OPENER

    def refusal(
        self,
        number: ConnectRequest.Kind,
        links: Iterable[Kind] = (),
        of_opener: Iterable[Kind] = (),
        rights: Rights = ALL,
        *,
        is_sealed: bool = True,
    ) -> Refusal | None:
        """Return why a link is refused, None if it is allowed.

        Args:
            number: the number of the kind that is asked for.
            links: the kinds of the links that there are already.
            of_opener: the kinds of those that are the opener's.
            rights: what the opener may do.
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
        return self._no_room(kind, list(links), list(of_opener))

    def kind_name(self, number: ConnectRequest.Kind) -> str:
        """Return the wire's name of a link kind; one that we don't know is shown by its number."""
        for kind in self.kinds:
            if kind.number == number:
                return kind.wire_name
        known = number in ConnectRequest.Kind.values()
        return ConnectRequest.Kind.Name(number) if known else f"kind {int(number)}"

    def _forbidden(self, kind: Kind | None, rights: Rights) -> str | None:
        """Return why the opener may not have links of this kind (None: one that is not served), None if it may."""
        if rights.kinds is not None and (kind is None or kind.name not in rights.kinds):
            allowed = ", ".join(known.name for known in self.kinds if known.name in rights.kinds)
            return f"your console's key may not do this here (it may: {allowed})"
        if rights.read_only:
            return ONLY_LOOK if kind is None else kind.read_only
        return None

    def _no_room(self, kind: Kind, links: Sequence[Kind], of_opener: Sequence[Kind]) -> Refusal | None:
        limits = kind.limits
        if limits.places is not None:
            if (count := links.count(kind)) >= limits.places:
                text = f"this agent has {count} {kind.wire_name} links already and takes no more"
                return Refusal(text, ConnectResponse.REFUSED)
            if (count := of_opener.count(kind)) >= max(1, limits.places // 2):
                text = f"you have {count} {kind.wire_name} links to this agent already"
                return Refusal(text, ConnectResponse.REFUSED)
        if limits.holds_process:  # last: for one that is refused for room alone, another may be put out
            if (count := _with_process(links)) >= self.max_links:
                text = f"this agent has {count} links already and takes no more"
                return Refusal(text, ConnectResponse.REFUSED, is_for_room=True)
            if (count := _with_process(of_opener)) >= self.max_links_of_opener:
                return Refusal(f"you have {count} links to this agent already", ConnectResponse.REFUSED)
        return None


def _with_process(links: Iterable[Kind]) -> int:
    return sum(kind.limits.holds_process for kind in links)

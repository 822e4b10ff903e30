"""What an agent allows, without I/O: values in, an answer out."""

from collections.abc import Collection
from dataclasses import dataclass

from natpass_wire.identity.authorized import ALL, Rights
from natpass_wire.pb.link_pb2 import ConnectRequest, ConnectResponse

#: Links that an agent has at once, those that are being ended included: each holds a process and some descriptors.
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
        max_links: how many links at once, at least 1.
        max_links_of_opener: how many of them one opener may have.
    """

    kinds: Collection[ConnectRequest.Kind]
    max_links: int = MAX_LINKS
    max_links_of_opener: int = MAX_LINKS_OF_OPENER

    def refusal(
        self, kind: ConnectRequest.Kind, links: int, of_opener: int = 0, rights: Rights = ALL
    ) -> Refusal | None:
        """Return why a link is refused, None if it is allowed.

        Args:
            kind: what is asked for.
            links: how many links there are already.
            of_opener: how many of them are the opener's.
            rights: what the opener may do.
        """
        if (text := rights.refusal(kind)) is not None:
            return Refusal(text, ConnectResponse.REFUSED)
        if kind not in self.kinds:
            served = ", ".join(sorted(kind_name(known) for known in self.kinds)) or "nothing"
            text = f"this agent does not serve {kind_name(kind)} links (it serves: {served})"
            return Refusal(text, ConnectResponse.REFUSED)
        if links >= self.max_links:
            text = f"this agent has {links} links already and takes no more"
            return Refusal(text, ConnectResponse.REFUSED, is_for_room=True)
        if of_opener >= self.max_links_of_opener:
            return Refusal(f"you have {of_opener} links to this agent already", ConnectResponse.REFUSED)
        return None


def kind_name(kind: ConnectRequest.Kind) -> str:
    """Return the name of a link kind; one that we don't know is shown by its number."""
    return ConnectRequest.Kind.Name(kind) if kind in ConnectRequest.Kind.values() else f"kind {int(kind)}"

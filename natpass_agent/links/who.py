"""Who is at the other end of a link, for the log."""

from natpass_wire.aio.link import Link
from natpass_wire.identity import fingerprint
from natpass_wire.identity.keys import PublicKey
from natpass_wire.text import printable


def who_of(link: Link) -> str:
    """Return the other end's id, and the key that it has proved to have: it chose the id itself, but not the key."""
    peer = printable(link.peer)
    return peer if link.peer_key is None else f"{peer} (key {fingerprint.short(PublicKey(link.peer_key))})"

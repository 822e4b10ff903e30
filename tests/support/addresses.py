"""What may be sent on a link: `natpass_wire.aio.link.Link` says it."""

from natpass_wire.pb.envelope_pb2 import Msg


def check_no_addresses(message: Msg) -> None:
    """Fail if a message that is given to a link has addresses: a stream would send them, and its peer read them."""
    addresses = message.from_id, message.from_idx, message.to, message.to_idx, message.link_id
    assert not any(addresses), f"a link sends messages without addresses, not {addresses}"

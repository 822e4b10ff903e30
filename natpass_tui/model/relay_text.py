"""The status bar's text about the relay."""

from typing import assert_never

from natpass_wire.aio.client import Phase, RelayStatus


def relay_text(status: RelayStatus, relay: str, now: float) -> str:
    """Return one line on the relay's status.

    Args:
        status: the client's status.
        relay: the relay's address.
        now: the loop's time, as in `status.retry_at`.
    """
    why = f" — {status.reason}" if status.reason else ""
    match status.phase:
        case Phase.ONLINE:
            return f"connected to {relay}"
        case Phase.CONNECTING:
            return f"{'reconnecting' if why else 'connecting'} to {relay}{why}"
        case Phase.WAITING:
            return f"reconnecting in {max(1, round(status.retry_at - now))} s{why}"
    assert_never(status.phase)

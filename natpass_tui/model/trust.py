"""A console's trust in agents: the pinned keys of those that it has met before."""

# Why: docs/decisions/027-pin-when-the-first-record-opens.md

import logging
from collections.abc import Callable

from natpass_tui.known_agents import KnownAgentsStore
from natpass_wire.aio.sealing import NotTrustedError
from natpass_wire.errors import UserError
from natpass_wire.identity import alarm, fingerprint
from natpass_wire.identity.known import Checked, KeyStatus
from natpass_wire.text import printable

log = logging.getLogger(__name__)


class PinnedAgents:
    """Trust on first use: the first key that an agent shows is pinned, any other one is refused.

    Args:
        known: the pins.
    """

    def __init__(self, known: KnownAgentsStore) -> None:
        self._known = known
        self._news: dict[str, str] = {}

    def check(self, peer: str, key: bytes) -> None:
        """Check the `key` that agent `peer` shows.

        Raises:
            NotTrustedError: its pinned key is another one.
        """
        self._judge(peer, key, self._known.look)

    def proved(self, peer: str, key: bytes) -> None:
        """Pin `key`: the agent that shows it has proved that it knows the secret.

        Raises:
            NotTrustedError: another console has pinned another key meanwhile, or this one can't be pinned.
        """
        checked = self._judge(peer, key, self._known.check)
        if checked.trust is KeyStatus.NEW:
            self._news[peer] = (
                f"met {printable(peer)} for the first time; 'natpass-agent fingerprint' there should say\n"
                f"{fingerprint.short(checked.key)}"
            )
            log.info("%s", self._news[peer].replace("\n", " "))

    def news_of(self, peer: str) -> str:
        """Return, once, the lines for the user about having met `peer`; safe to print, "" if there are none."""
        return self._news.pop(peer, "")

    def is_sealed(self, peer: str) -> bool:
        """Tell whether `peer` has ever spoken sealed to us: then only sealed links to it are allowed."""
        try:
            return self._known.is_pinned(peer)
        except UserError:
            return True  # unknown: assume the safe answer

    def first_met(self) -> dict[str, float]:
        """Return the known agents, and when each was first met (Unix seconds); empty if the file can't be read."""
        try:
            return {pin.agent_id: pin.since.timestamp() for pin in self._known.list()}
        except UserError as error:  # opening a link reports it too
            log.warning("known agents are not listed: %s", error)
            return {}

    @staticmethod
    def _judge(peer: str, key: bytes, judge: Callable[[str, bytes], Checked]) -> Checked:
        try:
            checked = judge(peer, key)
        except UserError as error:
            raise NotTrustedError(str(error)) from error
        if checked.trust is KeyStatus.CHANGED:
            raise NotTrustedError(alarm.sentence(checked))
        return checked

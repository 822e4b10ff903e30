"""Whom a console trusts: the agents that it has met before, by their keys."""

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
    """Trust at first use: the first key that an agent shows is pinned, another one is refused for ever.

    Args:
        known: the pins.
    """

    def __init__(self, known: KnownAgentsStore) -> None:
        self._known = known
        self._news: dict[str, str] = {}

    def check(self, peer: str, key: bytes) -> None:
        """Take note that agent `peer` shows `key`.

        Raises:
            NotTrustedError: it had another one.
        """
        self._judge(peer, key, self._known.look)

    def proved(self, peer: str, key: bytes) -> None:
        """Take note that who shows `key` knows the secret as well: now it is pinned.

        Raises:
            NotTrustedError: another console has pinned another key meanwhile, or it can't be pinned.
        """
        checked = self._judge(peer, key, self._known.check)
        if checked.trust is KeyStatus.NEW:
            self._news[peer] = (
                f"met {printable(peer)} for the first time; 'natpass-agent fingerprint' there should say\n"
                f"{fingerprint.short(checked.key)}"
            )
            log.info("%s", self._news[peer].replace("\n", " "))

    def news_of(self, peer: str) -> str:
        """Return, once, what a person should know of having met `peer`: lines that are safe to print, or none."""
        return self._news.pop(peer, "")

    def is_sealed(self, peer: str) -> bool:
        """Tell whether `peer` has ever spoken sealed to us: then it is not spoken to otherwise."""
        try:
            return self._known.is_pinned(peer)
        except UserError:
            return True  # nobody can tell

    def first_met(self) -> dict[str, float]:
        """Return the agents that are known, and when each was first met (Unix seconds); none if nobody can tell."""
        try:
            return {pin.agent_id: pin.since.timestamp() for pin in self._known.list()}
        except UserError as error:  # whoever opens a link is told, too
            log.warning("the agents that are known are not listed: %s", error)
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

"""The guest's half of an invite: it has the code and receives the secret."""

from collections.abc import Callable

from natpass_wire.errors import RemoteProtocolError, UserError
from natpass_wire.invite import steps
from natpass_wire.invite.code import Code
from natpass_wire.invite.pake import GUEST_CONFIRMS, GUEST_KEPT, INVITER_CONFIRMS, Exchange
from natpass_wire.login.keys import check_secret
from natpass_wire.pb.invite_pb2 import InviteStep

_FAILURES = {
    InviteStep.USED: "this invite has been used: another machine has got the secret with it; ask for a new one",
    InviteStep.EXPIRED: "this invite has expired; ask for a new one",
    InviteStep.WITHDRAWN: "this invite was withdrawn, or three wrong codes have ended it; ask for a new one",
    InviteStep.MALFORMED: "the inviter did not understand this program: are they of different versions?",
}


class Guest:
    """A guest. Send `hello()`, then what `receive` returns, until `secret` is set; keep that, and send `kept()`.

    Args:
        code: the code that the user typed.
        host: our host name, for the inviter.
        entropy: returns so many random bytes.
    """

    def __init__(self, code: Code, host: str, entropy: Callable[[int], bytes]) -> None:
        self._host = host
        self._exchange = Exchange(code, is_guest=True, entropy=entropy)
        self._has_confirmed = False
        self._secret: str | None = None

    @property
    def secret(self) -> str | None:
        """The secret, once the inviter has sent it."""
        return self._secret

    def hello(self) -> bytes:
        """Return the first step."""
        return InviteStep(spake2=self._exchange.message).SerializeToString()

    def receive(self, data: bytes) -> bytes | None:
        """Take a step from the inviter; return the answer, None once `secret` is set.

        Raises:
            UserError: the inviter refuses, with the reason.
            RemoteProtocolError: the step is not the expected one.
        """
        step = steps.read(data, steps.MOST_INVITER_BYTES)
        if step.failure != InviteStep.NONE:
            raise UserError(self._failure(step))
        if step.spake2 and not self._has_confirmed:
            self._exchange.finish(step.spake2)
            self._has_confirmed = True
            sealed = self._exchange.seal(steps.as_host(self._host))
            return InviteStep(confirmation=self._exchange.tag(GUEST_CONFIRMS), sealed=sealed).SerializeToString()
        if step.confirmation and self._has_confirmed and self._secret is None:
            self._secret = self._open(step)
            return None
        raise RemoteProtocolError("the inviter's answer does not belong at this point")

    def kept(self) -> bytes:
        """Return the step that reports that the secret is stored."""
        assert self._secret is not None  # receive comes first
        return InviteStep(kept=self._exchange.tag(GUEST_KEPT)).SerializeToString()

    def _open(self, step: InviteStep) -> str:
        if not self._exchange.confirms(INVITER_CONFIRMS, step.confirmation):
            raise RemoteProtocolError("the other end does not know the code: there is a man in the middle")
        try:
            secret = self._exchange.open(step.sealed).decode()
        except UnicodeDecodeError:
            raise RemoteProtocolError("the inviter's secret is not text") from None  # the error would show it
        if not secret.isprintable():
            raise RemoteProtocolError("the inviter's secret is not a line of text")
        return check_secret(secret)

    @staticmethod
    def _failure(step: InviteStep) -> str:
        if step.failure == InviteStep.WRONG_CODE:
            left = min(step.tries_left, 99)
            rest = (
                f"{left} more {'try' if left == 1 else 'tries'}"
                if left
                else "that was the last try: ask for another invite"
            )
            return f"wrong invite code ({rest}); or its invite is over, or another relay's"
        return _FAILURES.get(step.failure, "the inviter refuses")

"""The errors of the wire, by whose fault they are."""


class NatpassError(Exception):
    """Base of all errors of this package."""


class ProtocolError(NatpassError):
    """The wire protocol was broken."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the protocol; the text says how. Close the connection to it."""


class LocalProtocolError(ProtocolError):
    """We were about to break the protocol: a bug of ours, never the peer's doing."""


class LoginRefusedError(NatpassError):
    """The relay does not let us in.

    Attributes:
        code: `Refusal.Code`, or 0 if the relay gave none.
        text: the reason for a person, already safe to print.
    """

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class RelayNotTrustedError(NatpassError):
    """The relay could not prove that it has the secret: it is a stranger, or there is a man in the middle."""


class UserError(NatpassError):
    """Something that the user can fix: printed as one line, exit status 2."""

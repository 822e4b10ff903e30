"""What a relay prints once it listens: where, and the two commands that reach it, ready to paste."""

import shlex
import socket
from dataclasses import dataclass, field
from pathlib import Path

from natpass_wire.aio.dial import RelayAddress

#: Addresses that mean "all of this machine's".
_ANY = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared, not listened on
#: An address of TEST-NET-1 (RFC 5737): nothing is sent there, the system just says which way it would go.
_ELSEWHERE = ("192.0.2.1", 9)


@dataclass(frozen=True, slots=True)
class Greeting:
    """What is to be said.

    Attributes:
        listening: the real address.
        reachable: the address that clients should dial.
        fingerprint: of the certificate; None without TLS.
        insecure: clients need `--insecure` for this address.
        secret: the secret, None where it must not be shown.
        secret_file: the file that holds it, None if there is none.
        has_new_secret: that file was made at this start: whoever has another secret can't log in.
        has_verifier: the relay knows no secret: clients need the one that its verifier was made from.
        left_secret: a file with a secret that it made before, and does not use any more; None if there is none.
    """

    listening: RelayAddress
    reachable: RelayAddress
    fingerprint: str | None
    insecure: bool
    secret: str | None = field(repr=False)
    secret_file: Path | None
    has_new_secret: bool = False
    has_verifier: bool = False
    left_secret: Path | None = None

    def lines(self) -> list[str]:
        """Return the lines to print; the first is always `listening on HOST:PORT`."""
        lines = [f"listening on {self.listening}"]
        if self.fingerprint is not None:
            lines.append(f"certificate SHA-256 {self.fingerprint}")
        else:
            lines.append("without TLS: everybody on the way can read and change everything")
        if self.secret_file is not None:
            lines.append(f"the secret is in {self.secret_file}")
        if self.has_new_secret:
            lines.append("made a new secret: programs with another one are refused")
        if self.has_verifier:
            lines.append("this relay has a verifier, not the secret: FILE is one with the secret that it was made from")
        if self.left_secret is not None:
            lines.append(f"a secret is still in {self.left_secret}: whoever takes this machine has it, so move it away")
        options = f"--relay {self.reachable} {self._secret_option()}"
        if self.fingerprint is None:
            options += " --no-tls" + (" --insecure" if self.insecure else "")
        return [*lines, f"natpass-agent {options}", f"natpass-tui {options}"]

    def _secret_option(self) -> str:
        if self.secret is not None:
            return f"--secret {shlex.quote(self.secret)}"
        return f"--secret-file {shlex.quote(str(self.secret_file)) if self.secret_file else 'FILE'}"


def reachable_host(host: str) -> str:
    """Return the address that others should dial to reach one that listens on `host`: for all addresses, a guess."""
    if host not in _ANY:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_ELSEWHERE)
        except OSError:  # no network
            return socket.gethostname()
        found: str = probe.getsockname()[0]
        return found

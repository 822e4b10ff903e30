"""The lines that a relay prints once it listens: its addresses, and two commands that reach it, ready to paste."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from natpass_relay.addresses import IpAddress, to_dial
from natpass_wire.aio.dial import RelayAddress


@dataclass(frozen=True, slots=True)
class Greeting:
    """The contents of the greeting.

    Attributes:
        listening: the real addresses.
        reachable: the addresses that clients should dial, two lines for each.
        fingerprint: the certificate's; None without TLS.
        secret: the secret, None if it must not be shown.
        secret_file: the file that holds it, None if there is none.
        has_new_secret: whether that file was made at this start: clients with another secret can't log in.
        has_verifier: whether the relay has a verifier only: clients need the secret that it was made from.
        left_secret: a file with a secret that it made before and no longer uses; None if there is none.
        not_named: names and addresses that are missing from the certificate.
        certificate_file: the certificate that the relay has made itself, None if there is none.
    """

    listening: Sequence[RelayAddress]
    reachable: Sequence[RelayAddress]
    fingerprint: str | None
    secret: str | None = field(repr=False)
    secret_file: Path | None
    has_new_secret: bool = False
    has_verifier: bool = False
    left_secret: Path | None = None
    not_named: Sequence[str] = ()
    certificate_file: Path | None = None

    def lines(self) -> list[str]:
        """Return the lines to print; the first is always `listening on HOST:PORT`."""
        lines = [f"listening on {address}" for address in self.listening]
        if self.fingerprint is not None:
            lines.append(f"certificate SHA-256 {self.fingerprint}")
        else:
            lines.append("without TLS: anyone on the path can read and change everything")
        if self.secret_file is not None:
            lines.append(f"the secret is in {self.secret_file}")
        if self.has_new_secret:
            lines.append("made a new secret: programs with another one are refused")
        if self.has_verifier:
            lines.append("this relay has a verifier, not the secret: FILE must hold the secret that it was made from")
        if self.left_secret is not None:
            lines.append(f"a secret is still in {self.left_secret}: an intruder here would get it, so move it away")
        if self.not_named and self.certificate_file is not None:
            lines.append(
                f"the certificate does not name {', '.join(self.not_named)}: existing natpass programs "
                f"up to 0.10 refuse it there; remove {self.certificate_file} and start again"
            )
        elsewhere = [address for address in self.reachable if not address.is_loopback]
        if self.secret is None and self.secret_file is not None and elsewhere:
            lines.append("another machine gets the secret by a one-time code, which this prints:")
            lines.append(f"natpass-relay invite {self._options(elsewhere[0])}")
            lines.append("on this machine:")
        for address in self.reachable:
            lines += [f"natpass-agent {self._options(address)}", f"natpass-tui {self._options(address)}"]
        return lines

    def _options(self, address: RelayAddress) -> str:
        """Return the options that reach the relay at one of its addresses."""
        plain = " --no-tls" + ("" if address.is_loopback else " --insecure") if self.fingerprint is None else ""
        return f"--relay {address} {self._secret_option()}{plain}"

    def _secret_option(self) -> str:
        if self.secret is not None:
            return f"--secret {shlex.quote(self.secret)}"
        return f"--secret-file {shlex.quote(str(self.secret_file)) if self.secret_file else 'FILE'}"


def reachable(listening: Iterable[RelayAddress], local: Sequence[IpAddress]) -> list[RelayAddress]:
    """Return the addresses that others should dial to reach a relay that listens on these.

    Args:
        listening: the addresses; names stay as they are.
        local: the addresses of this machine; first those that it uses to reach others.
    """
    found: dict[RelayAddress, None] = {}
    for address in listening:
        try:
            hosts = [str(ip) for ip in to_dial(ip_address(address.host), local)]
        except ValueError:
            hosts = [address.host]
        found |= dict.fromkeys(RelayAddress(host, address.port) for host in hosts)
    return list(found)

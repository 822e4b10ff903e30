"""The relay's certificate: making a self-signed one, and its names and fingerprint.

Not in `aio.tls`, which clients use: the library that makes certificates takes 15 ms to import.
"""

# Why: docs/decisions/019-the-relays-certificate.md

import datetime
import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from natpass_wire.errors import UserError

#: Nobody renews a self-signed certificate, and the login binds it whatever its date says.
_VALID_DAYS = 36_500
#: The name in a certificate without names, for clients that bind it or skip the check.
_NO_NAME = "natpass-relay"
#: Names and addresses in one certificate; a machine with hundreds of container networks has hundreds of addresses.
MOST_NAMES = 100
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_MOST_NAME_CHARACTERS = 253


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its names and fingerprint.

    Attributes:
        der: its bytes in DER.
    """

    der: bytes

    @classmethod
    def from_pem_file(cls, path: Path) -> "Certificate":
        """Return the first certificate of a PEM file.

        Raises:
            UserError: there is none, or it can't be read.
        """
        try:
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
        except OSError as error:
            raise UserError(f"cannot read the certificate {path}: {error.strerror}") from error
        except ValueError as error:
            raise UserError(f"{path} holds no PEM certificate") from error
        return cls(certificate.public_bytes(serialization.Encoding.DER))

    @property
    def names(self) -> frozenset[str]:
        """The names and addresses that it is issued for, as `certificate_name` writes them."""
        try:
            extension = x509.load_der_x509_certificate(self.der).extensions.get_extension_for_class(
                x509.SubjectAlternativeName
            )
        except (x509.ExtensionNotFound, ValueError):
            return frozenset()
        dns = extension.value.get_values_for_type(x509.DNSName)
        return frozenset([*dns, *map(str, extension.value.get_values_for_type(x509.IPAddress))])

    @property
    def sha256(self) -> bytes:
        """The SHA-256 of the certificate in DER, 32 bytes."""
        return sha256(self.der).digest()

    @property
    def fingerprint(self) -> str:
        """The SHA-256 for people: `AB:CD:...`."""
        return self.sha256.hex(":").upper()


def certificate_name(text: str) -> str | None:
    """Return a name or address in the form that certificates use, None if it is invalid; names may begin with `*.`."""
    host = text.strip().removeprefix("[").removesuffix("]").partition("%")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    star, name = ("*.", host[2:]) if host.startswith("*.") else ("", host)
    try:
        name = name.removesuffix(".").encode("idna").decode().lower()
    except UnicodeError:
        return None
    good = len(name) <= _MOST_NAME_CHARACTERS and all(_LABEL.fullmatch(label) for label in name.split("."))
    return star + name if good else None


def make_self_signed(names: Iterable[str] = ()) -> tuple[bytes, bytes]:
    """Return a new certificate and its key (ECDSA P-256), both as PEM.

    Args:
        names: host names and addresses that it is issued for, the most important first. Invalid ones are left out, and
            those beyond `MOST_NAMES`.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "natpass relay")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(_general_names([*names, _NO_NAME])), critical=False)
        # A user who adds it to a store of authorities trusts it for these names, but not to sign others.
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem_key = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), pem_key


def _general_names(names: Sequence[str]) -> list[x509.GeneralName]:
    known = dict.fromkeys(name for text in names if (name := certificate_name(text)) is not None)
    found: list[x509.GeneralName] = []
    for name in list(known)[:MOST_NAMES]:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found

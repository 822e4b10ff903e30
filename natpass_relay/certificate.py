"""The relay's certificate: one that it makes itself, and what it is known by.

Apart from `aio.tls`, which clients use: what certificates are made with takes 15 ms to import.
"""

import datetime
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from natpass_wire.errors import UserError

#: Nobody renews a self-signed certificate, and the login binds it whatever its date says.
_VALID_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, and what people know it by.

    Attributes:
        der: its bytes.
    """

    der: bytes

    @classmethod
    def from_pem_file(cls, path: Path) -> "Certificate":
        """Return the first certificate of a PEM file.

        Raises:
            UserError: there is none to be read.
        """
        try:
            certificate = x509.load_pem_x509_certificate(path.read_bytes())
        except OSError as error:
            raise UserError(f"cannot read the certificate {path}: {error.strerror}") from error
        except ValueError as error:
            raise UserError(f"{path} holds no PEM certificate") from error
        return cls(certificate.public_bytes(serialization.Encoding.DER))

    @property
    def sha256(self) -> bytes:
        """The SHA-256 of the certificate in DER, 32 bytes."""
        return sha256(self.der).digest()

    @property
    def fingerprint(self) -> str:
        """The SHA-256 as a person reads it: `AB:CD:...`."""
        return self.sha256.hex(":").upper()


def make_self_signed() -> tuple[bytes, bytes]:
    """Return a new certificate and its key (ECDSA P-256), both as PEM."""
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
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("natpass-relay")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem_key = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), pem_key

"""TLS contexts and certificates."""

import datetime
import ssl
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
    """A certificate as both ends name it.

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


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return the relay's TLS context.

    Raises:
        UserError: the files are no certificate and its key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"cannot use the certificate {certificate} with the key {key}: {why}") from error
    return context


def client_context(*, verify: bool) -> ssl.SSLContext:
    """Return a client's TLS context.

    Args:
        verify: check the relay's certificate against the system's authorities and the name. Handshake v2 needs no such
            check, since both sides prove which certificate they see; the older dialects prove nothing.
    """
    if verify:
        context = ssl.create_default_context()
    else:  # without the system's authorities, which take 20 ms to load
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context

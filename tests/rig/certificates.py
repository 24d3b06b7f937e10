"""A certificate authority of the tests' own, whose certificates are real and last for a day."""

import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cronquorum.clock import host_time

LIFE = timedelta(days=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """PEM files: the certificate, its key, both in one as Java reads them, and the authority that it is from."""

    cert: Path
    key: Path
    both: Path
    ca: Path


class Authority:
    """Makes certificates, and keeps them as files in a folder; ``ca`` is its own."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder = folder
        self._name = name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.ca = folder / f"{name}.pem"
        own = self._builder(name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.ca.write_bytes(_pem(own.sign(self._key, hashes.SHA256())))

    def issue(self, name: str, *sans: str, password: bytes | None = None) -> Certificate:
        """A certificate for these DNS names and IP addresses; with a ``password``, its key file is encrypted."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([_san(san) for san in sans])
        signed = self._builder(name, key).add_extension(names, critical=False).sign(self._key, hashes.SHA256())
        encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if password is not None:
            encryption = serialization.BestAvailableEncryption(password)
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        made = Certificate(
            cert=self._folder / f"{name}.crt",
            key=self._folder / f"{name}.key",
            both=self._folder / f"{name}-both.pem",
            ca=self.ca,
        )
        made.cert.write_bytes(_pem(signed))
        for path, content in ((made.key, secret), (made.both, secret + _pem(signed))):
            path.touch(mode=0o600)
            path.write_bytes(content)
        return made

    def _builder(self, name: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = host_time()
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self._name)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - LIFE)
            .not_valid_after(now + LIFE)
        )


def _san(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)

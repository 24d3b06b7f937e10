"""Certificates for tests, made by the code that users make them with, save for those that it would never make."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cronquorum.certificates import Credentials, TlsFiles
from cronquorum.channels import Options, secured
from cronquorum.clock import host_time
from cronquorum.roles import Role
from schedctl.authority import Authority

_numbers = itertools.count(1)


class Pki:
    """An authority in a folder of its own, made long enough ago to have signed what has expired."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = host_time()
        self.authority = Authority.create(folder, self.now - timedelta(days=400))

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    def files(self, role: Role, days: int = 30, ago: timedelta = timedelta(0), dns: Sequence[str] = ()) -> TlsFiles:
        """New files of a role, in a folder of their own."""
        out = self.folder / str(next(_numbers))
        return self.authority.issue(role, out, self.now - ago, days=days, dns=dns).files

    def expired(self, role: Role) -> TlsFiles:
        return self.files(role, days=5, ago=timedelta(days=10))

    def foreign(
        self,
        names: Sequence[str],
        usages: Sequence[x509.ObjectIdentifier] = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
        begins: datetime | None = None,
    ) -> TlsFiles:
        """What no `schedctl pki issue` makes, signed by this authority."""
        key = ec.generate_private_key(ec.SECP256R1())
        signer = load_pem_private_key((self.folder / "ca.key").read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        issuer = x509.load_pem_x509_certificate(self.ca.read_bytes())
        begins = begins or self.now - timedelta(minutes=5)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "foreign")]))
            .issuer_name(issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + timedelta(days=30))
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        )
        if names:
            alternative = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alternative, critical=False)
        folder = self.folder / str(next(_numbers))
        folder.mkdir()
        files = TlsFiles(cert=folder / "foreign.crt", key=folder / "foreign.key", ca=self.ca)
        files.cert.write_bytes(builder.sign(signer, hashes.SHA256()).public_bytes(Encoding.PEM))
        files.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files


def believing(files: TlsFiles, *cas: Path) -> TlsFiles:
    """The same certificate, with a bundle of other authorities."""
    ca = files.cert.with_name("bundle.crt")
    ca.write_bytes(b"".join(each.read_bytes() for each in cas))
    return replace(files, ca=ca)


def put(new: TlsFiles, over: TlsFiles) -> None:
    """Write the new files over those that somebody uses, one after the other, as an operator would."""
    for source, target in ((new.ca, over.ca), (new.key, over.key), (new.cert, over.cert)):
        beside = target.with_suffix(".new")
        beside.write_bytes(source.read_bytes())
        beside.replace(target)


def with_password(files: TlsFiles) -> TlsFiles:
    """The same key, encrypted."""
    key = load_pem_private_key(files.key.read_bytes(), None)
    locked = files.key.with_suffix(".locked")
    locked.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    return replace(files, key=locked)


def dial_options(files: TlsFiles, role: Role) -> tuple[grpc.ChannelCredentials, Options]:
    """What a channel is made with, of files that need not be good."""
    cert, key, ca = (path.read_bytes() for path in (files.cert, files.key, files.ca))
    ours = Credentials(cert=cert, key=key, ca=ca, names=(), ends=host_time())
    return secured(ours, role, (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)))

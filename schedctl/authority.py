"""A private authority, and the certificates that it signs: P-256 keys, X.509 version 3, PEM."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cronquorum.certificates import CertificateError, TlsFiles, read_credentials
from cronquorum.names import shown
from cronquorum.roles import Role

AUTHORITY_DAYS = 3650
LEAF_DAYS = 365
"""A year: a certificate is renewed before anybody has forgotten how."""
LONGEST_DAYS = 36_500
BACKDATED = timedelta(minutes=5)
"""How long before now a certificate begins: the clocks of those who look at it may be slow."""

CA_CERT, CA_KEY = "ca.crt", "ca.key"
READABLE, PRIVATE = 0o644, 0o600

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_DNS = re.compile(r"(\*\.)?([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")

_USAGES = {
    # nodes and executors dial as well: each other, and ZooKeeper
    Role.SCHEDULER: (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
    Role.EXECUTOR: (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH),
    Role.CLIENT: (ExtendedKeyUsageOID.CLIENT_AUTH,),
    Role.VIEWER: (ExtendedKeyUsageOID.CLIENT_AUTH,),
}


class AuthorityError(Exception):
    """Why something cannot be made. One line, which names the file or the option."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """Where the files of a new certificate are, and when it ends."""

    files: TlsFiles
    ends: datetime


class Authority:
    """Made by `create` or `open`; it lives in a folder, as `ca.crt` and `ca.key`."""

    def __init__(
        self, folder: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey, bundle: bytes
    ) -> None:
        self.folder = folder
        self._certificate = certificate
        self._key = key
        self._bundle = bundle

    @property
    def ends(self) -> datetime:
        return self._certificate.not_valid_after_utc

    @classmethod
    def create(cls, folder: Path, now: datetime, days: int = AUTHORITY_DAYS, name: str = "") -> Self:
        """Make one, in a folder that has none. Raises `AuthorityError`."""
        key = ec.generate_private_key(ec.SECP256R1())
        # a name of its own, so that two of them in one bundle are told apart
        subject = _subject(check_name("--name", name) if name else f"Cronquorum CA {secrets.token_hex(4)}")
        public = key.public_key()
        certificate = (
            _builder(subject, subject, public, now, days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(key, hashes.SHA256())
        )
        text = certificate.public_bytes(Encoding.PEM)
        _write({folder / CA_KEY: (_key_text(key), PRIVATE), folder / CA_CERT: (text, READABLE)}, replace=False)
        return cls(folder, certificate, key, text)

    @classmethod
    def open(cls, folder: Path, now: datetime) -> Self:
        """The one in a folder; in `ca.crt`, others may stand behind it. Raises `AuthorityError`."""
        cert = folder / CA_CERT
        try:
            read = read_credentials(TlsFiles(cert=cert, key=folder / CA_KEY, ca=cert), now)
        except CertificateError as error:
            raise AuthorityError(f"{error.path}: {error.problem} (schedctl pki init makes an authority)") from None
        certificate, key = x509.load_pem_x509_certificate(read.cert), load_pem_private_key(read.key, None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not _is_authority(certificate):
            raise AuthorityError(f"{cert}: not the certificate of an authority such as schedctl pki init makes")
        return cls(folder, certificate, key, read.ca)

    def issue(
        self,
        role: Role,
        out: Path,
        now: datetime,
        *,
        name: str = "",
        days: int = LEAF_DAYS,
        dns: Sequence[str] = (),
        replace: bool = False,
    ) -> Issued:
        """Sign a certificate of a role, and write `NAME.crt`, `NAME.key` and the authority's `ca.crt` to a folder.

        `name`: the role's word, unless told. `replace`: over those that are there. Raises `AuthorityError`.
        """
        name = check_name("--name", name or role.word)
        names = [role.value, *(_check_dns(each) for each in dns)]
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_subject(name), self._certificate.subject, key.public_key(), now, days)
        ends = now + timedelta(days=days)
        if ends > self.ends:
            most = (self.ends - now).days
            raise AuthorityError(f"--days: {days}: the authority itself ends in {most} days, on {self.ends:%Y-%m-%d}")
        usages = x509.ExtendedKeyUsage(_USAGES[role])
        alternative = x509.SubjectAlternativeName([x509.DNSName(each) for each in dict.fromkeys(names)])
        ours = self._certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(authority=False), critical=True)
            .add_extension(usages, critical=False)
            .add_extension(alternative, critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(ours), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        files = TlsFiles(cert=out / f"{name}.crt", key=out / f"{name}.key", ca=out / CA_CERT)
        text = certificate.public_bytes(Encoding.PEM)
        contents = {files.key: (_key_text(key), PRIVATE), files.cert: (text, READABLE)}
        if not self._is_there(files.ca):
            contents[files.ca] = (self._bundle, READABLE)
        _write(contents, replace=replace, hint=" (--replace does that)")
        return Issued(files=files, ends=certificate.not_valid_after_utc)

    def _is_there(self, path: Path) -> bool:
        try:
            return path.read_bytes() == self._bundle
        except OSError:
            return False


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def check_name(option: str, name: str) -> str:
    """The same name, when files and a certificate can bear it. Raises `AuthorityError`."""
    if not _NAME.fullmatch(name) or name == "ca":
        told = "1 to 63 letters, digits, and . _ - after the first, and not 'ca'"
        raise AuthorityError(f"{option}: {shown(name)} is not {told}")
    return name


def _check_dns(name: str) -> str:
    if not _DNS.fullmatch(name) or len(name) > 253:
        raise AuthorityError(f"--dns: {shown(name)} is not a DNS name such as node-1.example.org")
    if name.lower().endswith(".cronquorum"):
        raise AuthorityError(f"--dns: {shown(name)} is the name of a role: use --role")
    return name


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    if not 1 <= days <= LONGEST_DAYS:
        raise AuthorityError(f"--days: {days} is not in 1-{LONGEST_DAYS}")
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + timedelta(days=days))
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_text(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(contents: dict[Path, tuple[bytes, int]], *, replace: bool, hint: str = "") -> None:
    """Write files with their modes: all of them, or, when one is there already, none."""
    for path in contents:
        if not replace and path.exists():
            raise AuthorityError(f"{path}: is there already, and is not overwritten{hint}")
    for path, (content, mode) in contents.items():
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # never readable by others, not even for a moment; and whole when it gets its name
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
            beside.replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise AuthorityError(f"{path}: cannot be written: {(error.strerror or str(error)).lower()}") from None

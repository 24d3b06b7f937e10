"""This process's certificate, its key, and the authority that it believes: three files, read again when they change."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from cronquorum.clock import host_time
from cronquorum.logs import get_logger
from cronquorum.roles import Role, roles_of

WARNED_BEFORE = timedelta(days=7)
"""How long before its end a certificate is warned about: over a weekend, and some days to act."""
WARNED_EVERY = timedelta(days=1)
CHECK = timedelta(minutes=1)
"""How often a process looks at the files when nobody connects; each new connection looks, too."""
LONGEST_FILE = 1024 * 1024
"""Bytes: a bundle of all public authorities has a fifth of it."""

_log = get_logger(__name__)


class CertificateError(Exception):
    """A file that cannot be used. One line, which names the setting and the file, and says what would be right."""

    def __init__(self, what: str, path: Path, problem: str) -> None:
        super().__init__(f"tls.{what}: {path}: {problem}")
        self.path = path
        self.problem = problem


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsFiles:
    """Paths of PEM files: `cert` has the certificate first, then those between it and the authority; `ca` has one
    authority or more, which sign those who are believed."""

    cert: Path
    key: Path
    ca: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What the files said when they were read, and found to fit: texts in PEM, the certificate's DNS names and end, and
    whether one of the authorities has issued it."""

    cert: bytes
    key: bytes
    ca: bytes
    names: tuple[str, ...]
    ends: datetime
    ours: bool = True


def read_credentials(files: TlsFiles, now: datetime) -> Credentials:
    """What stands in the files. Raises `CertificateError` when it is none, does not fit, or is not valid now."""
    return _read(files, _contents(files), now)


class Certificates:
    """Made by `open`. Safe to use from several threads: gRPC asks from its own."""

    def __init__(self, files: TlsFiles, credentials: Credentials, now: Callable[[], datetime]) -> None:
        self._files = files
        self._credentials = credentials
        self._now = now
        self._seen = credentials.cert, credentials.key, credentials.ca
        self._failed = ""
        self._warned: datetime | None = None
        self._lock = threading.Lock()

    @classmethod
    def open(cls, files: TlsFiles, role: Role, now: Callable[[], datetime] = host_time) -> "Certificates":
        """Read the files for the first time, for a process of this role. Raises `CertificateError`."""
        credentials = read_credentials(files, now())
        if role not in roles_of(credentials.names):
            bears = ", ".join(credentials.names) or "none"
            _refuse(
                "cert",
                files.cert,
                f"not a certificate for this: {role.value} is not among its DNS names ({bears}); schedctl pki issue "
                f"--role {role.word} makes one",
            )
        made = cls(files, credentials, now)
        made._doubt()
        made.current()
        return made

    def current(self) -> Credentials:
        """What the files say now, or last said when they were whole; what is wrong with them is logged, once."""
        with self._lock:
            self._look()
            self._warn()
            return self._credentials

    def _look(self) -> None:
        try:
            contents = _contents(self._files)
            if contents == self._seen:
                self._failed = ""
                return
            self._credentials = _read(self._files, contents, self._now())
        except CertificateError as error:
            if str(error) != self._failed:
                self._failed = str(error)
                _log.error("new certificate files cannot be used: the earlier ones stay in force", error=str(error))
            return
        self._seen, self._failed, self._warned = contents, "", None
        _log.info("certificate files were read again", cert=str(self._files.cert), ends=_date(self._credentials.ends))
        self._doubt()

    def _doubt(self) -> None:
        # it may be right, when the others have other authorities; mostly somebody has mixed up two
        if not self._credentials.ours:
            said = "the certificate is issued by none of the authorities in tls.ca: whoever has the same ca refuses it"
            _log.warning(said, cert=str(self._files.cert), ca=str(self._files.ca))

    def _warn(self) -> None:
        now, ends = self._now(), self._credentials.ends
        if ends - now < WARNED_BEFORE and (self._warned is None or now - self._warned >= WARNED_EVERY):
            self._warned = now
            said = "certificate has ended: nobody believes it" if ends <= now else "certificate ends soon: renew it"
            _log.warning(said, cert=str(self._files.cert), ends=_date(ends))


def _contents(files: TlsFiles) -> tuple[bytes, bytes, bytes]:
    return _content("cert", files.cert), _content("key", files.key), _content("ca", files.ca)


def _content(what: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
    except OSError as error:
        _refuse(what, path, f"cannot be read: {(error.strerror or str(error)).lower()}")
    if len(content) > LONGEST_FILE:
        _refuse(what, path, f"longer than {LONGEST_FILE // 1024} KiB, so no PEM file of certificates")
    return content


def _read(files: TlsFiles, contents: tuple[bytes, bytes, bytes], now: datetime) -> Credentials:
    cert, key, ca = contents
    chain = _certificates("cert", files.cert, cert)
    own = chain[0]
    _check_dates("cert", files.cert, own, now)
    _check_key(files, own, key)
    authorities = _certificates("ca", files.ca, ca)
    if all(each.not_valid_after_utc <= now for each in authorities):
        _check_dates("ca", files.ca, authorities[0], now)
    return Credentials(
        cert=cert,
        key=key,
        ca=ca,
        names=_dns_names(files.cert, own),
        ends=own.not_valid_after_utc,
        ours=any(_issued(each, authority) for each in chain for authority in authorities),
    )


def _issued(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):  # another name, a key of another kind, another key
        return False
    return True


def _certificates(what: str, path: Path, content: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        _refuse(what, path, "no certificate in PEM form (-----BEGIN CERTIFICATE-----)")


def _check_dates(what: str, path: Path, certificate: x509.Certificate, now: datetime) -> None:
    if certificate.not_valid_after_utc <= now:
        _refuse(what, path, f"expired on {_date(certificate.not_valid_after_utc)}: renew it")
    if certificate.not_valid_before_utc > now:
        _refuse(what, path, f"not valid before {_date(certificate.not_valid_before_utc)}: look at this host's clock")


def _check_key(files: TlsFiles, own: x509.Certificate, content: bytes) -> None:
    try:
        key = load_pem_private_key(content, None)
    except TypeError:
        _refuse("key", files.key, "encrypted with a password: give a key without one")
    except (ValueError, UnsupportedAlgorithm):
        _refuse("key", files.key, "no private key in PEM form (-----BEGIN PRIVATE KEY-----)")
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*form) != own.public_key().public_bytes(*form):
        _refuse("key", files.key, f"not the key of the certificate in {files.cert}")


def _dns_names(path: Path, certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    except ValueError as error:
        _refuse("cert", path, f"a certificate with extensions that cannot be read: {error}")
    return tuple(names.get_values_for_type(x509.DNSName))


def _refuse(what: str, path: Path, problem: str) -> NoReturn:
    raise CertificateError(what, path, problem) from None


def _date(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"

"""TLS to ZooKeeper: what a server has to show us, and what we show it."""

import ssl
from dataclasses import dataclass
from pathlib import Path

from cronquorum.coordination.identity import BadAccess

SECTION = "zookeeper_tls"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tls:
    """PEM files: whom we believe, and, where ZooKeeper asks clients for a certificate, ours with its key."""

    ca: Path
    cert: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        if (self.cert is None) != (self.key is None):
            there, missing = ("cert", "key") if self.key is None else ("key", "cert")
            raise BadAccess(f"{SECTION}.{missing}: not given, but {there} is: both are needed, or none")

    def context(self) -> ssl.SSLContext:
        """The files as they are now. Raises BadAccess.

        A server is believed when its certificate is from `ca` and bears the name that it is dialled by; the
        authorities that the machine believes do not count.
        """
        context = _fresh_context()
        setting = "ca"
        try:
            context.load_verify_locations(self.ca)
            if self.cert is not None and self.key is not None:
                setting = "cert"
                _fresh_context().load_verify_locations(self.cert)  # what follows tells not which of the two is wrong
                setting = "key"
                context.load_cert_chain(self.cert, self.key, password=_no_password)
        except _Encrypted:
            raise BadAccess(
                f"{SECTION}.key: {self.key}: is encrypted; right would be a key without a password"
            ) from None
        except (OSError, ValueError) as error:
            file = getattr(self, setting)
            raise BadAccess(f"{SECTION}.{setting}: {file}: {_load_text(error)}") from None
        return context


def _fresh_context() -> ssl.SSLContext:
    """It believes nobody yet. (kazoo's believes the machine's authorities, and any name.)"""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode, context.check_hostname = ssl.CERT_REQUIRED, True
    return context


class _Encrypted(Exception):
    """OpenSSL asks for a password."""


def _no_password() -> str:
    raise _Encrypted


def _load_text(error: Exception) -> str:
    match error:
        case ssl.SSLError() if error.reason == "KEY_VALUES_MISMATCH":
            return "is not the key of the certificate"
        case ssl.SSLError():
            return f"is not in PEM ({error.reason or error})"
        case OSError():
            return (error.strerror or str(error)).lower()
    return str(error)


def failure_text(error: Exception) -> str:
    """Why a connection could not be made, in words that say whose fault it is."""
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is refused: {error.verify_message}"
        case ssl.SSLEOFError():
            return "it ended the TLS handshake: perhaps that port is for plain text"
        case ssl.SSLError():
            return f"TLS: {error.reason or error}"
        case OSError():
            return error.strerror or str(error)
    return str(error) or type(error).__name__

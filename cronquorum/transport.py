"""How gRPC connections are made safe: mutual TLS, or plain text where nobody else can read it."""

from pathlib import Path
from typing import ClassVar, Self

import grpc
from pydantic import Field, model_validator

from cronquorum.certificates import Certificates, Credentials, TlsFiles
from cronquorum.channels import Options, secured
from cronquorum.logs import get_logger
from cronquorum.roles import Role
from cronquorum.settings import Section, is_loopback, split_host_port

_log = get_logger(__name__)


class TlsSection(Section):
    """The PEM files of mutual TLS: all three, or none."""

    own_flags: ClassVar[bool] = True

    cert: Path | None = Field(None, description="PEM file of this process's certificate, for mutual TLS")
    key: Path | None = Field(None, description="PEM file of its private key")
    ca: Path | None = Field(None, description="PEM file of the authorities whose certificates are believed")

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        given = {"cert": self.cert, "key": self.key, "ca": self.ca}
        missing = [name for name, path in given.items() if path is None]
        if missing and len(missing) < len(given):
            raise ValueError(f"no {' and no '.join(missing)} given: cert, key and ca go together, all three or none")
        return self

    @property
    def files(self) -> TlsFiles | None:
        """None: plain text."""
        if self.cert is None or self.key is None or self.ca is None:
            return None
        return TlsFiles(cert=self.cert, key=self.key, ca=self.ca)


class PlainTextRefused(Exception):
    """An address of another host, and nothing that keeps what is said to it secret."""


def plain_text_problem(address: str, *, tls: bool, insecure: bool) -> str:
    """What is wrong with an address (`HOST:PORT`) for gRPC, and what to set; empty when nothing is."""
    host = split_host_port(address)[0]
    if tls or insecure or is_loopback(host):
        return ""
    return (
        f"{host} is not loopback, and the traffic is plain text: set tls.cert, tls.key and tls.ca, use 127.0.0.1, or "
        "allow it with --insecure"
    )


class Transport:
    """How a process listens and dials. Without `certificates` in plain text, to its own host only unless `insecure`."""

    def __init__(self, certificates: Certificates | None = None, *, insecure: bool = False) -> None:
        self.certificates = certificates
        self._insecure = insecure

    def listen(self, server: grpc.aio.Server, address: str) -> int:
        """Have the server listen; returns the port. Raises `RuntimeError`.

        With TLS, whoever comes needs a certificate, and each connection begins with the files as they are then.
        """
        if self.certificates is None:
            return server.add_insecure_port(address)
        return server.add_secure_port(address, _server_credentials(self.certificates))

    def channel(self, address: str, role: Role, options: Options = ()) -> grpc.aio.Channel:
        """A channel to somebody who must have a role, with the certificate as it is now: make a new one for each
        connection, not one for ever. Raises `PlainTextRefused`."""
        if self.certificates is not None:
            return grpc.aio.secure_channel(address, *secured(self.certificates.current(), role, options))
        problem = plain_text_problem(address, tls=False, insecure=self._insecure)
        if problem:
            raise PlainTextRefused(f"{address} is not dialled: {problem}")
        return grpc.aio.insecure_channel(address, options=options)


def open_transport(files: TlsFiles | None, role: Role, *, insecure: bool) -> Transport:
    """What a process starts with; that it was told to be `insecure` is logged. Raises `CertificateError`."""
    certificates = None if files is None else Certificates.open(files, role)
    if insecure and certificates is None:
        _log.warning("insecure: whoever reaches this process may do anything: plain text, no authentication")
    elif insecure:
        _log.warning("insecure has no effect: connections are mutual TLS")
    return Transport(certificates, insecure=insecure)


def _server_credentials(certificates: Certificates) -> grpc.ServerCredentials:
    told = certificates.current()

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        """Asked by gRPC for each connection, from threads of its own; None: as before."""
        nonlocal told
        now = certificates.current()
        if now is told:
            return None
        told = now
        return _configuration(now)

    first = _configuration(told)
    return grpc.dynamic_ssl_server_credentials(
        first,
        fetch,  # type: ignore[arg-type]  # None is allowed, and the stubs do not know it
        require_client_authentication=True,
    )


def _configuration(ours: Credentials) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(ours.key, ours.cert)], ours.ca)

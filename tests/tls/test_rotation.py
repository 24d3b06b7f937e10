"""New certificates, and a new authority, without a restart and without the end of a stream."""

import asyncio
import socket
import ssl
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from cronquorum.certificates import Certificates
from cronquorum.roles import Role
from cronquorum.transport import Transport
from tests.tls.making import Pki, believing, put
from tests.tls.serving import Served, dialled, echo, reached, serving


def serial(path: Path) -> int:
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


def shown_by(served: Served, pki: Pki) -> int:
    """The serial number of the certificate that a new connection is shown."""
    context = ssl.create_default_context(cafile=pki.ca)
    mine = pki.files(Role.SCHEDULER)
    context.load_cert_chain(mine.cert, mine.key)
    host, _, port = served.address.rpartition(":")
    plain = socket.create_connection((host, int(port)), 20)
    with context.wrap_socket(plain, server_hostname=Role.EXECUTOR.value) as secure:
        shown = secure.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number


async def test_a_live_stream_lives_on_and_new_connections_get_the_new_certificate(pki: Pki) -> None:
    files, new = pki.files(Role.EXECUTOR), pki.files(Role.EXECUTOR)
    async with serving(files) as served:
        first = serial(files.cert)
        live = dialled(served, pki.files(Role.SCHEDULER))
        assert await live.echoes()
        assert await asyncio.to_thread(shown_by, served, pki) == first
        put(new, files)
        assert await live.echoes()
        assert await asyncio.to_thread(shown_by, served, pki) == serial(new.cert) != first
        assert await live.echoes()
        assert served.handler.calls == 1
        await live.close()


async def test_what_is_half_written_is_not_shown(pki: Pki, caplog: pytest.LogCaptureFixture) -> None:
    files, new = pki.files(Role.EXECUTOR), pki.files(Role.EXECUTOR)
    mine = pki.files(Role.SCHEDULER)
    async with serving(files) as served:
        whole = new.cert.read_bytes()
        files.cert.write_bytes(whole[: len(whole) // 2])
        assert await reached(served, mine) == ""
        assert f"tls.cert: {files.cert}: no certificate in PEM form" in caplog.text
        files.cert.write_bytes(whole)  # and its key is not there yet
        assert await reached(served, mine) == ""
        assert f"tls.key: {files.key}: not the key of the certificate" in caplog.text
        files.key.write_bytes(new.key.read_bytes())
        assert await reached(served, mine) == ""
        assert served.certificates.current().cert == whole


async def test_a_new_authority_by_way_of_both(pki: Pki, other: Pki) -> None:
    """First everybody believes both, then certificates are replaced, then the old one goes."""
    server, client = pki.files(Role.EXECUTOR), pki.files(Role.SCHEDULER)
    new_server, new_client = other.files(Role.EXECUTOR), other.files(Role.SCHEDULER)
    async with serving(server) as served:
        live = dialled(served, client)
        assert await live.echoes()
        assert await reached(served, believing(new_client, pki.ca))  # too early
        both = believing(pki.files(Role.VIEWER), pki.ca, other.ca).ca
        for files in (server, client):
            files.ca.write_bytes(both.read_bytes())
        assert await reached(served, client) == ""
        assert await reached(served, believing(new_client, both)) == ""
        put(believing(new_server, both), server)
        assert await reached(served, client) == ""
        assert await reached(served, new_client) == ""
        server.ca.write_bytes(other.ca.read_bytes())
        assert await reached(served, believing(client, both))  # too late
        assert await reached(served, new_client) == ""
        assert await live.echoes()
        await live.close()


async def test_a_dialler_has_its_new_certificate_at_the_next_connection(pki: Pki, other: Pki) -> None:
    mine = pki.files(Role.SCHEDULER)
    transport = Transport(Certificates.open(mine, Role.SCHEDULER))

    async def tries(served: Served) -> bool:
        async with transport.channel(served.address, Role.EXECUTOR) as channel:
            stream = echo(channel)
            try:
                await stream.write(b"x")
                return bool(await stream.read() == b"x")
            except grpc.aio.AioRpcError:
                return False
            finally:
                stream.cancel()

    async with serving(other.files(Role.EXECUTOR)) as served:
        assert not await tries(served)
        put(other.files(Role.SCHEDULER), mine)
        assert await tries(served)

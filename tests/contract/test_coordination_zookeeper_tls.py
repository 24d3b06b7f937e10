"""ZooKeeper over TLS: whom we believe, what we show, and what kazoo would leave undone."""

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from cronquorum.coordination import CoordinationError
from cronquorum.coordination.access import Access
from cronquorum.coordination.client import _Handler
from cronquorum.coordination.identity import BadAccess
from cronquorum.coordination.protocols import EXECUTORS, NODES
from cronquorum.coordination.tls import Tls
from tests.contract.over_zookeeper import Open, started, zookeeper_threads
from tests.contract.test_coordination import leads, member, shows
from tests.rig import Authority, Certificate, ServerTls, TcpProxy, ZooKeeperServer, eventually_async

SOON = timedelta(seconds=1)


@pytest.fixture(scope="module")
def strict_zookeeper(authority: Authority) -> Iterator[ZooKeeperServer]:
    """One that lets in nobody without a certificate, and speaks TLS 1.3 only."""
    certificate = authority.issue("strict", "localhost")
    latest = "ssl.protocol=TLSv1.3\nssl.enabledProtocols=TLSv1.3\nssl.ciphersuites=TLS_AES_128_GCM_SHA256\n"
    with ZooKeeperServer(tls=ServerTls(certificate=certificate, client_auth="need"), options=latest) as server:
        yield server


@pytest.fixture
def tls_proxy(tls_zookeeper: ZooKeeperServer) -> Iterator[TcpProxy]:
    with TcpProxy(tls_zookeeper.secure_port) as proxy:
        yield proxy


@pytest.fixture
def through_tls_proxy(tls_proxy: TcpProxy, closed_chroot: str) -> str:
    return f"localhost:{tls_proxy.port}{closed_chroot[closed_chroot.index('/') :]}"


def other_authority(folder: Path) -> Path:
    return Authority(folder, "other").ca


async def refused(make: Open, hosts: str, access: Access) -> str:
    """What the start says."""
    before = zookeeper_threads()
    coordinator = make(hosts, access=access, connect_timeout=SOON)
    with pytest.raises(CoordinationError, match=f"no ZooKeeper answers at {hosts} within 1 s: ") as error:
        await coordinator.start()
    assert zookeeper_threads() == before
    return str(error.value)


async def test_a_certificate_of_an_authority_that_is_not_ours_is_refused(
    make: Open, tls_zookeeper: ZooKeeperServer, tmp_path: Path
) -> None:
    hosts = f"localhost:{tls_zookeeper.secure_port}/x"
    told = await refused(make, hosts, Access(tls=Tls(ca=other_authority(tmp_path))))
    assert f"localhost:{tls_zookeeper.secure_port}: its certificate is refused: " in told


async def test_the_authorities_of_the_machine_do_not_count(
    make: Open, tls_zookeeper: ZooKeeperServer, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))
    hosts = f"localhost:{tls_zookeeper.secure_port}/x"
    assert "its certificate is refused" in await refused(make, hosts, Access(tls=Tls(ca=other_authority(tmp_path))))


async def test_a_certificate_for_another_name_is_refused(
    make: Open, tls_zookeeper: ZooKeeperServer, authority: Authority
) -> None:
    told = await refused(make, f"127.0.0.1:{tls_zookeeper.secure_port}/x", Access(tls=Tls(ca=authority.ca)))
    assert "its certificate is refused: IP address mismatch, certificate is not valid for '127.0.0.1'" in told


async def test_a_server_that_asks_for_a_certificate_gets_ours(
    make: Open, strict_zookeeper: ZooKeeperServer, authority: Authority
) -> None:
    hosts = f"localhost:{strict_zookeeper.secure_port}/x"
    ours = authority.issue("node", "node")
    coordinator = await started(make(hosts, access=Access(tls=Tls(ca=ours.ca, cert=ours.cert, key=ours.key))))
    await leads(await coordinator.stand(me := member()))
    assert await (await coordinator.announce(NODES, me)).prove()
    told = await refused(make, hosts, Access(tls=Tls(ca=authority.ca)))
    assert "perhaps it does not serve now, or it asks for a certificate of ours" in told or "TLS: " in told


async def test_plain_text_and_tls_at_each_others_port_are_told(
    make: Open, tls_zookeeper: ZooKeeperServer, authority: Authority
) -> None:
    plain, secure = tls_zookeeper.port, tls_zookeeper.secure_port
    told = await refused(make, f"localhost:{plain}/x", Access(tls=Tls(ca=authority.ca)))
    assert f"localhost:{plain}: it ended the TLS handshake: perhaps that port is for plain text" in told
    assert "or that port is for TLS" in await refused(make, f"localhost:{secure}/x", Access())


async def test_hosts_that_cannot_be_resolved_are_told(make: Open) -> None:
    assert "no host of zookeeper has an address" in await refused(make, "nobody.invalid:2181/x", Access())


async def test_a_cut_connection_is_made_again_over_tls(
    make: Open, access: Access, tls_proxy: TcpProxy, through_tls_proxy: str, closed_chroot: str
) -> None:
    coordinator = await started(make(through_tls_proxy, session=10, access=access))
    observer = await started(make(closed_chroot, access=access))
    watch = await observer.watch(NODES)
    registration = await coordinator.announce(NODES, me := member())
    candidacy = await coordinator.stand(me)
    await leads(candidacy)
    tls_proxy.cut()
    await eventually_async(lambda: not candidacy.may_act())
    tls_proxy.heal()
    await eventually_async(candidacy.may_act)
    tls_proxy.blackhole()  # until the connection is dropped, for it answers nothing
    await eventually_async(lambda: coordinator._session.contact is None)
    tls_proxy.heal()
    await eventually_async(registration.prove)
    await shows(watch, me)


async def test_certificates_are_read_again_for_each_connection(
    make: Open,
    access: Access,
    authority: Authority,
    tls_proxy: TcpProxy,
    through_tls_proxy: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ca = tmp_path / "ca.pem"
    ca.symlink_to(authority.ca)
    own = Access(user=access.user, password_file=access.password_file, tls=Tls(ca=ca))
    coordinator = await started(make(through_tls_proxy, session=10, access=own))
    registration = await coordinator.announce(EXECUTORS, member("worker"))

    def cannot_connect(why: str = "") -> list[str]:
        lines = [str(record.msg) for record in caplog.records if record.levelno >= logging.WARNING]
        return [line for line in lines if "cannot connect to ZooKeeper" in line and why in line]

    for content, why in (
        (other_authority(tmp_path).read_bytes(), "its certificate is refused"),
        (b"", "is not in PEM"),
    ):
        caplog.clear()
        _replace(ca, content)
        tls_proxy.cut()
        await eventually_async(lambda: coordinator._session.contact is None)
        tls_proxy.heal()
        await eventually_async(partial(cannot_connect, why))
        assert len(cannot_connect()) == len(set(cannot_connect())), "each reason is told once"
        _replace(ca, authority.ca.read_bytes())
        await eventually_async(registration.prove)


def _replace(file: Path, content: bytes) -> None:
    fresh = file.with_suffix(".fresh")
    fresh.write_bytes(content)
    fresh.rename(file)


@pytest.fixture
def files(authority: Authority) -> Certificate:
    return authority.issue("node", "node")


async def test_files_that_cannot_be_used_stop_the_start(
    make: Open, authority: Authority, files: Certificate, tmp_path: Path
) -> None:
    none, ca, cert, key = tmp_path / "none", files.ca, files.cert, files.key
    locked = authority.issue("locked", "node", password=b"x")
    other = authority.issue("other-node", "node")
    for tls, words in (
        (Tls(ca=none), f"zookeeper_tls.ca: {none}: no such file or directory"),
        (Tls(ca=key), f"zookeeper_tls.ca: {key}: is not in PEM"),
        (Tls(ca=tmp_path), f"zookeeper_tls.ca: {tmp_path}: "),
        (Tls(ca=ca, cert=none, key=key), f"zookeeper_tls.cert: {none}: no such file or directory"),
        (Tls(ca=ca, cert=cert, key=none), f"zookeeper_tls.key: {none}: no such file or directory"),
        (Tls(ca=ca, cert=cert, key=other.key), f"zookeeper_tls.key: {other.key}: is not the key of the certificate"),
        (Tls(ca=ca, cert=key, key=key), f"zookeeper_tls.cert: {key}: is not in PEM"),
        (Tls(ca=ca, cert=cert, key=cert), f"zookeeper_tls.key: {cert}: is not in PEM"),
        (
            Tls(ca=ca, cert=locked.cert, key=locked.key),
            f"zookeeper_tls.key: {locked.key}: is encrypted; right would be",
        ),
    ):
        with pytest.raises(BadAccess, match=re.escape(words)):
            await make("localhost:1/x", access=Access(tls=tls)).start()


def test_a_certificate_and_its_key_are_told_together(files: Certificate) -> None:
    with pytest.raises(BadAccess, match=r"zookeeper_tls\.key: not given, but cert is"):
        Tls(ca=files.ca, cert=files.cert)
    with pytest.raises(BadAccess, match=r"zookeeper_tls\.cert: not given, but key is"):
        Tls(ca=files.ca, key=files.key)


# --- what kazoo would leave undone


@pytest.fixture
def ends(authority: Authority, files: Certificate) -> Iterator[tuple[_Handler, ssl.SSLSocket, ssl.SSLSocket]]:
    """A handler, its connection over TLS, and the other end of it."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    localhost = authority.issue("peer", "localhost")
    server.load_cert_chain(localhost.cert, localhost.key)
    handler = _Handler(5.0, lambda: True, Tls(ca=authority.ca))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[ssl.SSLSocket] = []

        def accept() -> None:
            accepted.append(server.wrap_socket(listener.accept()[0], server_side=True))

        thread = handler.spawn(accept)
        connection = handler.create_connection(listener.getsockname(), hostname="localhost.")
        thread.join()
    assert isinstance(connection, ssl.SSLSocket)
    with connection, accepted[0]:
        yield handler, connection, accepted[0]


def test_what_is_decrypted_already_is_not_waited_for(ends: tuple[_Handler, ssl.SSLSocket, ssl.SSLSocket]) -> None:
    handler, connection, peer = ends
    one, other = socket.socketpair()
    with one, other:
        peer.sendall(b"two answers in one record")
        assert handler.select([connection, one], [], [], 5)[0] == [connection]
        assert connection.recv(3) == b"two"
        assert handler.select([connection, one], [], [], None)[0] == [connection], "this waits for ever else"
        other.send(b"a request to be sent")
        assert handler.select([connection, one], [], [], None)[0] == [connection, one]
        assert connection.recv(100) == b" answers in one record"
        assert handler.select([connection, one], [], [], None)[0] == [one]


def test_a_dropped_connection_sends_nothing_in_plain_text(
    ends: tuple[_Handler, ssl.SSLSocket, ssl.SSLSocket],
) -> None:
    handler, connection, _ = ends
    handler.drop()
    assert connection.version() is not None, "it is TLS to its end"
    with pytest.raises(OSError, match=r"EOF|Broken pipe"):
        connection.send(b"digest user:password")


async def test_a_silent_handshake_does_not_hold_up_the_close(make: Open, authority: Authority) -> None:
    before = zookeeper_threads()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hosts = f"localhost:{listener.getsockname()[1]}/x"
        coordinator = make(hosts, session=60, access=Access(tls=Tls(ca=authority.ca)), connect_timeout=SOON)
        with pytest.raises(CoordinationError, match="within 1 s"):
            await asyncio.wait_for(coordinator.start(), 20)
    assert zookeeper_threads() == before

"""Whoever has no right certificate is turned away in the handshake: nothing of ours ever hears of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import grpc
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from cronquorum.certificates import Certificates
from cronquorum.roles import Role
from cronquorum.transport import PlainTextRefused, Transport, open_transport, plain_text_problem
from executor.__main__ import main as executor
from scheduler.__main__ import main as scheduler
from scheduler.config import NodeSettings
from tests.tls.making import Pki
from tests.tls.serving import echo, reached, serving


async def test_a_right_certificate_is_let_in(pki: Pki) -> None:
    async with serving(pki.files(Role.EXECUTOR)) as served:
        for role in Role:  # what each may do is another matter
            assert await reached(served, pki.files(role)) == ""
        assert served.handler.calls == len(Role)


async def test_a_wrong_certificate_is_not(pki: Pki, other: Pki) -> None:
    stranger = replace(other.files(Role.SCHEDULER), ca=pki.ca)
    wrong = {
        "another authority": stranger,
        "expired": pki.expired(Role.SCHEDULER),
        "not for clients": pki.foreign(["scheduler.cronquorum"], [ExtendedKeyUsageOID.SERVER_AUTH]),
        "for mail": pki.foreign(["scheduler.cronquorum"], [ExtendedKeyUsageOID.EMAIL_PROTECTION]),
    }
    async with serving(pki.files(Role.EXECUTOR)) as served:
        for why, files in wrong.items():
            assert await reached(served, files), why
        assert served.handler.calls == 0
        assert await reached(served, pki.files(Role.SCHEDULER)) == ""


async def test_no_certificate_and_no_tls_are_not(pki: Pki) -> None:
    async with serving(pki.files(Role.EXECUTOR)) as served:
        credentials = grpc.ssl_channel_credentials(pki.ca.read_bytes())
        name = (("grpc.ssl_target_name_override", Role.EXECUTOR.value),)
        for channel in (
            grpc.aio.secure_channel(served.address, credentials, options=name),
            grpc.aio.insecure_channel(served.address),
        ):
            async with channel:
                stream = echo(channel)
                with pytest.raises(grpc.aio.AioRpcError) as raised:
                    await stream.read()
                assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert served.handler.calls == 0


async def test_a_dialler_wants_the_role_that_it_dials(pki: Pki, other: Pki) -> None:
    ours = pki.files(Role.SCHEDULER)
    for role, expected in ((Role.SCHEDULER, Role.EXECUTOR), (Role.EXECUTOR, Role.SCHEDULER)):
        async with serving(pki.files(role), role) as served:
            assert await reached(served, ours, role) == ""
            assert "Hostname Verification Check failed" in await reached(served, ours, expected)
    # a client's certificate is none for a server, even under the name of one
    posing = pki.foreign([Role.EXECUTOR.value], [ExtendedKeyUsageOID.CLIENT_AUTH])
    async with serving(posing) as served:
        assert "handshake failed" in (await reached(served, ours)).lower()
        assert served.handler.calls == 0
    async with serving(replace(other.files(Role.EXECUTOR), ca=pki.ca)) as served:
        assert "handshake failed" in (await reached(served, ours)).lower()


async def test_the_name_of_a_host_does_not_matter(pki: Pki) -> None:
    async with serving(pki.files(Role.EXECUTOR)) as served:
        transport = Transport(Certificates.open(pki.files(Role.SCHEDULER), Role.SCHEDULER))
        port = served.address.rpartition(":")[2]
        for address in (f"localhost:{port}", f"127.0.0.1:{port}"):
            async with transport.channel(address, Role.EXECUTOR) as channel:
                stream = echo(channel)
                await stream.write(b"x")
                assert await stream.read() == b"x"
                stream.cancel()


async def test_plain_text_does_not_leave_the_host() -> None:
    with pytest.raises(
        PlainTextRefused, match=r"^worker\.example:7500 is not dialled: worker\.example is not loopback"
    ):
        Transport().channel("worker.example:7500", Role.EXECUTOR)
    await Transport(insecure=True).channel("worker.example:7500", Role.EXECUTOR).close(None)
    await Transport().channel("[::1]:7500", Role.EXECUTOR).close(None)


def test_what_is_plain_text_and_where() -> None:
    for address in ("127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1"):
        assert plain_text_problem(address, tls=False, insecure=False) == ""
    for address in ("0.0.0.0:1", "[::]:1", "10.0.0.1:1", "127.0.0.1.example:1", "localhost.example:1"):
        assert "set tls.cert, tls.key and tls.ca" in plain_text_problem(address, tls=False, insecure=False)
        assert plain_text_problem(address, tls=True, insecure=False) == ""
        assert plain_text_problem(address, tls=False, insecure=True) == ""


def test_insecure_is_told_at_each_start(pki: Pki, caplog: pytest.LogCaptureFixture) -> None:
    open_transport(None, Role.SCHEDULER, insecure=False)
    assert caplog.records == []
    open_transport(None, Role.SCHEDULER, insecure=True)
    assert "insecure: whoever reaches this process may do anything" in caplog.text
    caplog.clear()
    open_transport(pki.files(Role.SCHEDULER), Role.SCHEDULER, insecure=True)
    assert "insecure has no effect: connections are mutual TLS" in caplog.text


def test_metrics_are_no_secret_and_may_be_anywhere() -> None:
    def read(*words: str) -> NodeSettings:
        argv = ["--store", "sqlite:///x", "--zookeeper", "127.0.0.1:1", *words]
        return NodeSettings.load(argv, prog="scheduler", description="", environ={})

    assert read("--metrics-listen", "0.0.0.0:7401").metrics_listen == "0.0.0.0:7401"
    tls = ("--tls-cert", "c", "--tls-key", "k", "--tls-ca", "a")
    assert read("--listen", "0.0.0.0:7400", "--advertise", "node-1.example:7400", *tls).tls.files is not None
    assert read("--listen", "0.0.0.0:7400", "--advertise", "node-1.example:7400", "--insecure").insecure


@pytest.mark.parametrize(("main", "prog"), [(scheduler, "scheduler"), (executor, "executor")])
def test_files_that_cannot_be_used_end_the_start(
    main: Callable[[Sequence[str]], int], prog: str, pki: Pki, capsys: pytest.CaptureFixture[str]
) -> None:
    files = pki.files(Role.VIEWER)
    argv = ["--zookeeper", "127.0.0.1:1", *(["--store", "sqlite:///x"] if prog == "scheduler" else [])]
    argv += ["--tls-cert", str(files.cert), "--tls-key", str(files.key), "--tls-ca"]
    assert main([*argv, "/no/ca"]) == 1
    assert (
        capsys.readouterr().err.splitlines()[-1] == f"{prog}: tls.ca: /no/ca: cannot be read: no such file or directory"
    )
    assert main([*argv, str(files.ca)]) == 1
    assert f"{prog}: tls.cert: {files.cert}: not a certificate for this: " in capsys.readouterr().err

"""Files that cannot be used are named at the start; new ones that cannot leave the earlier ones in force."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cronquorum.certificates import WARNED_BEFORE, CertificateError, Certificates, TlsFiles
from cronquorum.clock import host_time
from cronquorum.roles import Role, roles_of
from tests.tls.making import Pki, believing, put, with_password


def refused(files: TlsFiles, role: Role = Role.SCHEDULER) -> str:
    with pytest.raises(CertificateError) as raised:
        Certificates.open(files, role)
    return str(raised.value)


@pytest.mark.parametrize("what", ["cert", "key", "ca"])
def test_a_file_that_cannot_be_read_is_named(what: str, pki: Pki, tmp_path: Path) -> None:
    files = pki.files(Role.SCHEDULER)
    empty, text = tmp_path / "empty", tmp_path / "text"
    empty.write_bytes(b"")
    text.write_text("nothing that is PEM")
    kind = "private key" if what == "key" else "certificate"
    for path, problem in (
        (tmp_path / "none", "cannot be read: no such file or directory"),
        (tmp_path, "cannot be read: is a directory"),
        (Path("/dev/zero"), "longer than 1024 KiB"),
        (empty, f"no {kind} in PEM form"),
        (text, f"no {kind} in PEM form"),
    ):
        assert f"tls.{what}: {path}: {problem}" in refused(replace(files, **{what: path}))


def test_a_certificate_cut_in_the_middle(pki: Pki) -> None:
    files = pki.files(Role.SCHEDULER)
    files.cert.write_bytes(files.cert.read_bytes()[:300])
    assert f"tls.cert: {files.cert}: no certificate in PEM form" in refused(files)


def test_what_has_expired_says_when(pki: Pki) -> None:
    files = pki.expired(Role.SCHEDULER)
    ended = pki.now - timedelta(days=5)
    assert refused(files) == f"tls.cert: {files.cert}: expired on {ended:%Y-%m-%d %H:%M} UTC: renew it"


def test_what_is_not_valid_yet_says_from_when(pki: Pki) -> None:
    begins = pki.now + timedelta(days=1)
    files = pki.foreign(["scheduler.cronquorum"], begins=begins)
    assert f"not valid before {begins:%Y-%m-%d %H:%M} UTC" in refused(files)


def test_an_authority_that_has_expired(pki: Pki, tmp_path: Path) -> None:
    from schedctl.authority import Authority

    Authority.create(tmp_path / "old", pki.now - timedelta(days=20), days=10)
    files = replace(pki.files(Role.SCHEDULER), ca=tmp_path / "old" / "ca.crt")
    assert f"tls.ca: {files.ca}: expired on" in refused(files)


def test_the_key_of_another_certificate(pki: Pki) -> None:
    files, others = pki.files(Role.SCHEDULER), pki.files(Role.SCHEDULER)
    mixed = replace(files, key=others.key)
    assert refused(mixed) == f"tls.key: {others.key}: not the key of the certificate in {files.cert}"


def test_a_key_with_a_password(pki: Pki) -> None:
    files = with_password(pki.files(Role.SCHEDULER))
    assert refused(files) == f"tls.key: {files.key}: encrypted with a password: give a key without one"


def test_the_certificate_of_another_role(pki: Pki) -> None:
    files = pki.files(Role.EXECUTOR, dns=["worker.example.org"])
    assert refused(files) == (
        f"tls.cert: {files.cert}: not a certificate for this: scheduler.cronquorum is not among its DNS names "
        "(executor.cronquorum, worker.example.org); schedctl pki issue --role scheduler makes one"
    )
    assert "among its DNS names (none)" in refused(pki.foreign([]))


def test_roles_are_names_and_nothing_else() -> None:
    assert roles_of(["Scheduler.CRONQUORUM", "client.cronquorum", "x"]) == {Role.SCHEDULER, Role.CLIENT}
    assert roles_of(["scheduler", "scheduler.cronquorum.example", "*.cronquorum"]) == frozenset()


def test_new_files_are_read_and_broken_ones_are_not(pki: Pki, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    files = pki.files(Role.EXECUTOR)
    certificates = Certificates.open(files, Role.EXECUTOR)
    first = certificates.current()
    assert certificates.current() is first
    whole = files.cert.read_bytes()
    for broken, problem in (
        (whole[:100], "no certificate in PEM form"),
        (pki.expired(Role.EXECUTOR).cert.read_bytes(), "expired on"),
        (pki.files(Role.EXECUTOR).cert.read_bytes(), "not the key of the certificate"),
    ):
        caplog.clear()
        files.cert.write_bytes(broken)
        assert certificates.current() is first
        assert certificates.current() is first
        errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
        assert len(errors) == 1  # once, and not for each connection
        assert problem in errors[0] and str(files.cert) in errors[0]
    files.cert.unlink()
    assert certificates.current() is first
    assert "no such file" in caplog.text
    new = pki.files(Role.EXECUTOR)
    put(new, files)
    assert certificates.current().cert == new.cert.read_bytes()
    assert "were read again" in caplog.text


def test_the_same_mistake_after_a_mended_one_is_told_again(pki: Pki, caplog: pytest.LogCaptureFixture) -> None:
    files = pki.files(Role.EXECUTOR)
    certificates = Certificates.open(files, Role.EXECUTOR)
    whole = files.key.read_bytes()
    for _ in range(2):
        files.key.write_bytes(b"half")
        certificates.current()
        files.key.write_bytes(whole)
        certificates.current()
    assert len(caplog.records) == 2


def test_the_coming_end_is_warned_of_once_a_day(pki: Pki, caplog: pytest.LogCaptureFixture) -> None:
    now = host_time()
    files = pki.files(Role.SCHEDULER, days=30)

    def clock() -> datetime:
        return now

    certificates = Certificates.open(files, Role.SCHEDULER, clock)
    ends = certificates.current().ends
    now = ends - WARNED_BEFORE - timedelta(minutes=1)
    certificates.current()
    assert caplog.records == []
    said = []
    for ahead in (timedelta(minutes=2), timedelta(hours=23), timedelta(hours=25), timedelta(days=8)):
        now = ends - WARNED_BEFORE + ahead
        certificates.current()
        said.append([record.getMessage() for record in caplog.records])
        caplog.clear()
    assert [len(lines) for lines in said] == [1, 0, 1, 1]
    assert "certificate ends soon: renew it" in said[0][0] and str(files.cert) in said[0][0]
    assert "certificate has ended" in said[3][0]


def test_one_that_ends_soon_is_warned_of_at_the_start(pki: Pki, caplog: pytest.LogCaptureFixture) -> None:
    Certificates.open(pki.files(Role.SCHEDULER, days=6), Role.SCHEDULER)
    assert "certificate ends soon: renew it" in caplog.text


def test_a_certificate_of_another_authority_than_those_that_are_believed_is_warned_of(
    pki: Pki, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files, other = pki.files(Role.SCHEDULER), Pki(tmp_path / "other")
    told = "the certificate is issued by none of the authorities in tls.ca"
    Certificates.open(believing(files, other.ca, pki.ca), Role.SCHEDULER)
    assert caplog.records == []
    mixed = believing(files, other.ca)
    certificates = Certificates.open(mixed, Role.SCHEDULER)
    certificates.current()
    assert [told in record.getMessage() for record in caplog.records] == [True]
    assert str(mixed.ca) in caplog.text
    caplog.clear()
    put(replace(files, ca=pki.ca), over=mixed)
    certificates.current()
    put(replace(files, ca=other.ca), over=mixed)
    certificates.current()
    assert [told in record.getMessage() for record in caplog.records] == [True]

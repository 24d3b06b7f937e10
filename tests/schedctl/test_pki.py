"""`schedctl pki`: what it makes is what the others take, and what it refuses changes nothing."""

import json
import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from cronquorum.certificates import Certificates, TlsFiles
from cronquorum.clock import host_time
from cronquorum.roles import Role
from schedctl.authority import AUTHORITY_DAYS, LEAF_DAYS, Authority
from tests.schedctl.conftest import CommandLine

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


def names_of(certificate: x509.Certificate) -> list[str]:
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return found.get_values_for_type(x509.DNSName)


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_an_authority(tmp_path: Path, offline: CommandLine) -> None:
    folder = tmp_path / "new" / "pki"
    ended = offline("pki", "init", "--out", str(folder))
    ends = f"{host_time() + timedelta(days=AUTHORITY_DAYS):%Y-%m-%d}"
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == f"{folder}/ca.crt\n{folder}/ca.key\nvalid until {ends}\n"
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in folder.iterdir()} == {
        "ca.crt": "0o644",
        "ca.key": "0o600",
    }
    authority = read(folder / "ca.crt")
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert authority.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_authorities_have_names_of_their_own(tmp_path: Path, offline: CommandLine) -> None:
    for name in "ab":
        offline("pki", "init", "--out", str(tmp_path / name))
    assert read(tmp_path / "a" / "ca.crt").subject != read(tmp_path / "b" / "ca.crt").subject
    offline("pki", "init", "--out", str(tmp_path / "c"), "--name", "Ours", "--days", "10")
    assert read(tmp_path / "c" / "ca.crt").subject.rfc4514_string() == "CN=Ours"


@pytest.mark.parametrize("present", ["ca.crt", "ca.key"])
def test_an_authority_is_never_overwritten(present: str, tmp_path: Path, offline: CommandLine) -> None:
    (tmp_path / present).write_text("precious")
    ended = offline("pki", "init", "--out", str(tmp_path))
    assert (ended.code, ended.out) == (1, "")
    assert ended.err == f"schedctl: {tmp_path / present}: is there already, and is not overwritten\n"
    assert [path.name for path in tmp_path.iterdir()] == [present]
    assert (tmp_path / present).read_text() == "precious"


@pytest.mark.parametrize("role", Role)
def test_a_certificate_of_each_role(role: Role, tmp_path: Path, offline: CommandLine) -> None:
    offline("pki", "init", "--out", str(tmp_path))
    ended = offline("-o", "json", "pki", "issue", "--role", role.word, "--out", str(tmp_path))
    assert (ended.code, ended.err) == (0, "")
    told = json.loads(ended.out)
    files = TlsFiles(cert=Path(told["cert"]), key=Path(told["key"]), ca=Path(told["ca"]))
    assert files == TlsFiles(
        cert=tmp_path / f"{role.word}.crt", key=tmp_path / f"{role.word}.key", ca=tmp_path / "ca.crt"
    )
    assert (files.key.stat().st_mode & 0o777, files.cert.stat().st_mode & 0o777) == (0o600, 0o644)
    made = Certificates.open(files, role).current()
    assert abs(made.ends - host_time() - timedelta(days=LEAF_DAYS)) < timedelta(minutes=5)
    certificate = read(files.cert)
    assert names_of(certificate) == [role.value]
    usages = set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    assert usages == ({SERVER, CLIENT} if role in (Role.SCHEDULER, Role.EXECUTOR) else {CLIENT})
    certificate.verify_directly_issued_by(read(files.ca))
    context = ssl.create_default_context(cafile=files.ca)
    context.load_cert_chain(files.cert, files.key)


def test_a_folder_of_its_own_gets_the_authority_too(tmp_path: Path, offline: CommandLine) -> None:
    offline("pki", "init", "--out", str(tmp_path / "pki"))
    words = ["--ca", str(tmp_path / "pki"), "--out", str(tmp_path / "host"), "--name", "node-1", "--days", "3"]
    ended = offline("pki", "issue", "--role", "scheduler", *words, "--dns", "a.example", "--dns", "*.b.example")
    assert (ended.code, ended.err) == (0, "")
    assert sorted(path.name for path in (tmp_path / "host").iterdir()) == ["ca.crt", "node-1.crt", "node-1.key"]
    assert (tmp_path / "host" / "ca.crt").read_bytes() == (tmp_path / "pki" / "ca.crt").read_bytes()
    made = read(tmp_path / "host" / "node-1.crt")
    assert made.subject.rfc4514_string() == "CN=node-1"
    assert names_of(made) == ["scheduler.cronquorum", "a.example", "*.b.example"]


def test_replacing_is_said_and_nothing_else_is_touched(tmp_path: Path, offline: CommandLine) -> None:
    offline("pki", "init", "--out", str(tmp_path))
    issue = ["pki", "issue", "--role", "client", "--out", str(tmp_path)]
    offline(*issue)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    ended = offline(*issue)
    assert (ended.code, ended.err) == (
        1,
        f"schedctl: {tmp_path}/client.key: is there already, and is not overwritten (--replace does that)\n",
    )
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert offline(*issue, "--replace").code == 0
    changed = {path.name for path, content in before.items() if path.read_bytes() != content}
    assert changed == {"client.crt", "client.key"}
    assert len(list(tmp_path.iterdir())) == len(before)


def test_what_is_refused(tmp_path: Path, offline: CommandLine) -> None:
    folder = str(tmp_path / "pki")
    offline("pki", "init", "--out", folder, "--days", "30")
    issue = ["pki", "issue", "--role", "viewer", "--days", "9", "--out", folder]
    before = sorted((tmp_path / "pki").iterdir())
    for words, problem in (
        ([*issue, "--days", "0"], "--days: 0 is not in 1-36500"),
        ([*issue, "--days", "31"], "--days: 31: the authority itself ends in 29 days, on "),
        ([*issue, "--name", "../x"], "--name: '../x' is not 1 to 63 letters, digits, and . _ - after the first"),
        ([*issue, "--name", "ca"], "--name: 'ca' is not 1 to 63"),
        ([*issue, "--dns", "a b"], "--dns: 'a b' is not a DNS name such as node-1.example.org"),
        ([*issue, "--dns", "client.cronquorum"], "--dns: 'client.cronquorum' is the name of a role: use --role"),
        ([*issue, "--ca", "/nowhere"], "/nowhere/ca.crt: cannot be read: no such file or directory (schedctl pki init"),
        (["pki", "init", "--out", "/dev/null/x"], "/dev/null/x/ca.key: cannot be written: not a directory"),
        (["pki", "init", "--out", folder + "2", "--days", "36501"], "--days: 36501 is not in 1-36500"),
        (["pki", "init", "--out", folder + "2", "--name", "a/b"], "--name: 'a/b' is not 1 to 63"),
    ):
        ended = offline(*words)
        assert (ended.code, ended.out) == (1, ""), words
        assert ended.err.startswith(f"schedctl: {problem}"), ended.err
        assert ended.err.count("\n") == 1
    assert sorted((tmp_path / "pki").iterdir()) == before
    assert not (tmp_path / "pki2").exists()


def test_an_authority_that_is_none(tmp_path: Path, offline: CommandLine) -> None:
    offline("pki", "init", "--out", str(tmp_path))
    offline("pki", "issue", "--role", "client", "--out", str(tmp_path))
    issue = ["pki", "issue", "--role", "client", "--name", "x", "--out", str(tmp_path / "out"), "--ca"]
    folder = tmp_path / "leaf"
    folder.mkdir()
    (folder / "ca.crt").write_bytes((tmp_path / "client.crt").read_bytes())
    (folder / "ca.key").write_bytes((tmp_path / "ca.key").read_bytes())
    assert "ca.key: not the key of the certificate in" in offline(*issue, str(folder)).err
    (folder / "ca.key").write_bytes((tmp_path / "client.key").read_bytes())
    assert "ca.crt: not the certificate of an authority" in offline(*issue, str(folder)).err
    Authority.create(tmp_path / "old", host_time() - timedelta(days=9), days=3)
    assert "ca.crt: expired on" in offline(*issue, str(tmp_path / "old")).err
    assert not (tmp_path / "out").exists()


def test_part_of_the_three_files(tmp_path: Path, offline: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = offline("--tls-cert", "a", "job", "list")
    assert (ended.code, ended.out) == (2, "")
    assert (
        ended.err == "schedctl: no --tls-key and no --tls-ca given: cert, key and ca go together, all three or none\n"
    )
    config = tmp_path / "schedctl.toml"
    config.write_text('endpoint = "127.0.0.1:1"\n[tls]\ncert = "/no/c"\nkey = "/no/k"\nca = "/no/a"\n')
    monkeypatch.setenv("CRONQUORUM_TLS_KEY", "/no/variable")
    ended = offline("--config", str(config), "job", "list", "--tls-ca", "/no/flag")
    assert (ended.code, ended.err) == (
        6,
        "schedctl: cannot reach 127.0.0.1:1: connection refused (is a scheduler running? set --endpoint)\n",
    )
    config.write_text('[tls]\ncert = "/no/c"\n')
    ended = offline("--config", str(config), "job", "list")
    assert (ended.code, ended.err) == (
        2,
        "schedctl: tls: no key and no ca given: cert, key and ca go together, all three or none\n",
    )

"""Certificates and passwords that the chart makes, and keeps."""

import base64
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.chart.api_server import api_server
from tests.chart.rendering import CHART, NAMESPACE, RELEASE, VALUES, Object, helm, objects, of_kind, one, pods, render

ROLES = ("scheduler", "executor", "client")


def secret(rendered: Sequence[Object], name: str) -> Object:
    return one(rendered, "Secret", f"prod-cronquorum-{name}")


def parts(made: Object) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in made["data"].items()}


@pytest.mark.parametrize("role", ROLES)
def test_a_certificate_is_of_one_role_and_good_on_both_ends(role: str, tmp_path: Path) -> None:
    found = parts(secret(render("dev"), f"{role}-tls"))
    certificate = x509.load_pem_x509_certificate(found["tls.crt"])
    authority = x509.load_pem_x509_certificate(found["ca.crt"])
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [f"{role}.cronquorum"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {*usage} == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    for name, content in found.items():
        (tmp_path / name).write_bytes(content)
    ssl.create_default_context(cafile=tmp_path / "ca.crt").load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")


def test_all_roles_have_one_authority_and_nobody_has_its_key() -> None:
    found = [parts(secret(render("dev"), f"{role}-tls")) for role in ROLES]
    assert len({each["ca.crt"] for each in found}) == 1
    assert all(each.keys() == {"tls.crt", "tls.key", "ca.crt"} for each in found)


def test_how_long_they_are_good_for() -> None:
    found = parts(one(render("cnpg"), "Secret", "cron-scheduler-tls"))
    certificate = x509.load_pem_x509_certificate(found["tls.crt"])
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days == 90


def test_each_pod_gets_the_certificate_of_its_role() -> None:
    for name, prefix in (("dev", "prod-cronquorum-"), ("everything", "prod-jobs-")):
        assert _mounted(name) == {
            "scheduler": f"{prefix}scheduler-tls",
            "executor": f"{prefix}executor-tls",
            "test": f"{prefix}client-tls",
        }
    assert _mounted("external") == {"scheduler": "scheduler-tls", "executor": "executor-tls"}


def _mounted(name: str) -> dict[str, str]:
    return {
        pod.component: volume["secret"]["secretName"]
        for pod in pods(render(name))
        for volume in pod.spec.get("volumes", [])
        if volume["name"] == "tls"
    }


def test_certificates_of_cert_manager() -> None:
    made = of_kind(render("everything"), "Certificate")
    assert sorted(each["spec"]["dnsNames"] for each in made) == [[f"{role}.cronquorum"] for role in sorted(ROLES)]
    for each in made:
        assert each["spec"]["secretName"] == each["metadata"]["name"]
        assert each["spec"]["issuerRef"] == {"name": "ca", "kind": "ClusterIssuer", "group": "cert-manager.io"}
        assert {"server auth", "client auth"} <= set(each["spec"]["usages"])
    assert not of_kind(render("everything"), "Secret")


def upgraded(there: Sequence[Object], folder: Path) -> tuple[Object, ...]:
    """What the chart becomes where these Secrets are there already."""
    secrets = {}
    for each in there:
        plain = {key: base64.b64encode(value.encode()).decode() for key, value in each.get("stringData", {}).items()}
        secrets[each["metadata"]["name"]] = {**each, "data": plain | each.get("data", {}), "stringData": None}
    with api_server(secrets, folder / "kubeconfig") as asked:
        words = ("template", RELEASE, CHART, "--namespace", NAMESPACE, "--values", VALUES["dev"], "--dry-run=server")
        done = helm(*words, environ={"KUBECONFIG": str(folder / "kubeconfig")})
    assert done.returncode == 0, done.stderr
    assert asked
    return objects(done.stdout)


def test_an_upgrade_keeps_certificates_and_passwords(tmp_path: Path) -> None:
    before = of_kind(render("dev"), "Secret")
    after = of_kind(upgraded(before, tmp_path), "Secret")
    assert len(before) == 5
    assert {each["metadata"]["name"]: each for each in after} == {each["metadata"]["name"]: each for each in before}


def test_when_one_certificate_is_gone_all_are_made_anew(tmp_path: Path) -> None:
    before = [each for each in of_kind(render("dev"), "Secret") if "client-tls" not in each["metadata"]["name"]]
    after = upgraded(before, tmp_path)
    authorities = {parts(secret(after, f"{role}-tls"))["ca.crt"] for role in ROLES}
    assert len(authorities) == 1
    assert parts(secret(before, "scheduler-tls"))["ca.crt"] not in authorities
    assert secret(after, "postgresql") == secret(before, "postgresql")

"""The Python tasks of the example jobs. An executor finds them with `--tasks examples.tasks`."""

import os
import sqlite3
import ssl
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cronquorum.certificates import TlsFiles
from executor import Context, task
from schedapi.client import Client, parse_endpoints
from schedapi.v1.execution_service_pb2 import ListExecutionsRequest, ListExecutionsResponse


@task("database-backup")
def database_backup(context: Context, keep: int) -> dict[str, object]:
    """Copy a database page by page while others write to it, check the copy, keep the last few."""
    folder = Path(tempfile.gettempdir()) / "cronquorum-demo"
    backups = folder / "backups"
    backups.mkdir(parents=True, exist_ok=True)
    target = backups / f"{context.scheduled_time:%Y%m%dT%H%M%S}.sqlite"
    with closing(sqlite3.connect(folder / "orders.sqlite", timeout=10)) as source:
        with source:
            source.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, at TEXT NOT NULL)")
            source.execute("INSERT INTO orders (at) VALUES (?)", (context.scheduled_time.isoformat(),))
        with closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
            context.progress(0.8, "copied")
            (verdict,) = copy.execute("PRAGMA integrity_check").fetchone()
            (rows,) = copy.execute("SELECT count(*) FROM orders").fetchone()
    if verdict != "ok":
        raise RuntimeError(f"the copy is damaged: {verdict}")
    for old in sorted(backups.glob("*.sqlite"))[:-keep]:
        old.unlink()
    return {"file": str(target), "rows": rows, "bytes": target.stat().st_size}


@task("certificate-check")
def certificate_check(days: int) -> dict[str, object]:
    """Which certificates of the trust store end within so many days, and how many there are."""
    paths = ssl.get_default_verify_paths()
    known = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for bundle in filter(None, (paths.cafile, "/etc/ssl/certs/ca-certificates.crt")):
        if Path(bundle).is_file():
            known.load_verify_locations(bundle)
    soon = datetime.now(UTC) + timedelta(days=days)  # noqa: TID251 - a user's task has no Clock
    ending = []
    for certificate in known.get_ca_certs():
        end = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)
        if end < soon:
            ending.append({"subject": _name(certificate["subject"]), "ends": end.date().isoformat()})
    return {"checked": known.cert_store_stats()["x509_ca"], "ending": ending}


def _name(subject: object) -> str:
    parts = dict(pair[0] for pair in subject)  # type: ignore[attr-defined]  # the ssl module's nested tuples
    return str(parts.get("commonName") or parts.get("organizationName"))


@task("execution-summary")
def execution_summary(namespace: str) -> dict[str, int]:
    """How many executions of a namespace there are in each state, counted through the API.

    The executor's environment says where the nodes are, and, if they have TLS, whose certificate the task shows them:
    CRONQUORUM_ENDPOINT; VIEWER_TLS_CERT, VIEWER_TLS_KEY and VIEWER_TLS_CA, of the role viewer. The executor's own is of
    no use, for executors call nobody.
    """
    counts: Counter[str] = Counter()
    endpoints = parse_endpoints(os.environ.get("CRONQUORUM_ENDPOINT", "127.0.0.1:7400"))
    with Client(endpoints, _certificate()) as client:
        for page in _pages(client, namespace):
            counts.update(execution.state for execution in page.executions)
    return dict(sorted(counts.items()))


def _certificate() -> TlsFiles | None:
    given = {what: os.environ.get(f"VIEWER_TLS_{what.upper()}") for what in ("cert", "key", "ca")}
    paths = {what: Path(path) for what, path in given.items() if path}
    return TlsFiles(**paths) if paths else None


def _pages(client: Client, namespace: str) -> Iterator[ListExecutionsResponse]:
    request = ListExecutionsRequest(page_size=1000)
    request.filter.namespace = namespace
    while True:
        page = client.unary("ExecutionService/List", request, ListExecutionsResponse)
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token

"""What an executor is told when it is made."""

import ipaddress
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from cronquorum.certificates import TlsFiles
from cronquorum.names import is_dns_label, shown, suggestion
from cronquorum.settings import split_host_port
from cronquorum.transport import plain_text_problem
from executor.errors import BadConfig

LISTEN = "127.0.0.1:7500"
METRICS_LISTEN = "127.0.0.1:7501"
SLOTS = 16
MOST_SLOTS = 10_000
"""Each is a thread or processes at the worst; a typing error is likelier than a host for more."""
LEASE = timedelta(seconds=15)
"""Long enough that an election is over before it ends (3 session timeouts, and more)."""
SHORTEST_LEASE = timedelta(milliseconds=100)
KINDS = ("shell", "python", "kubernetes")
DEFAULT_KINDS = ("shell", "python")
"""Those that need nothing beside the executor."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_LABEL_KEY = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_./]{0,251}[A-Za-z0-9])?", re.ASCII)
_LABEL_VALUE = re.compile(r"[A-Za-z0-9_.\-]{0,63}", re.ASCII)

TaskSource = str | ModuleType | Callable[..., Any]
"""A module by name, a module, or (in the embedded mode) a function."""


def new_incarnation() -> str:
    """A name that no other process has, ever."""
    return secrets.token_hex(8)


@dataclass(frozen=True, kw_only=True)
class ExecutorConfig:
    """Checked when made: raises `BadConfig`.

    `executor_id`: empty: that of the data directory, or a new one. `advertise`: empty: where it listens;
    a port of 0, in either, becomes the real one. `metrics_listen`: empty: there is no /metrics.
    `data`: None keeps nothing on disk.
    `vouched` are earlier incarnations that are dead with all that they started: a guardian saw to it.
    `returns`: after a stop it is started again under the same id, so what outlives the process is left running.
    `kubernetes_config` is a kubeconfig file (None: that of the pod that we are), `kubernetes_namespaces` are those
    that Jobs may be in, the first one unless a manifest says it (none: the configuration's own).
    `tls`: None: plain text, which `insecure` allows where others than this host can reach it.
    """

    executor_id: str = ""
    incarnation: str = field(default_factory=new_incarnation)
    vouched: tuple[str, ...] = ()
    listen: str = LISTEN
    metrics_listen: str = ""
    advertise: str = ""
    slots: int = SLOTS
    labels: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = DEFAULT_KINDS
    tasks: tuple[TaskSource, ...] = ()
    lease: timedelta = LEASE
    data: Path | None = None
    tls: TlsFiles | None = None
    insecure: bool = False
    returns: bool = False
    kubernetes_config: Path | None = None
    kubernetes_namespaces: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.executor_id:
            check_id(self.executor_id)
        check_id(self.incarnation)
        if not 1 <= self.slots <= MOST_SLOTS:
            raise BadConfig(f"slots: {self.slots} is not in 1-{MOST_SLOTS}")
        if self.lease < SHORTEST_LEASE:
            raise BadConfig(f"lease: {self.lease.total_seconds():g} s is less than {SHORTEST_LEASE}")
        self._check_kinds()
        self._check_namespaces()
        self._check_labels()
        self._check_addresses()

    def _check_kinds(self) -> None:
        if not self.kinds:
            raise BadConfig(f"kind: none given; known are {', '.join(KINDS)}")
        for kind in self.kinds:
            if kind not in KINDS:
                raise BadConfig(f"kind: {shown(kind)} is not one of {', '.join(KINDS)}{suggestion(kind, KINDS)}")

    def _check_namespaces(self) -> None:
        for namespace in self.kubernetes_namespaces:
            if not is_dns_label(namespace):
                raise BadConfig(f"kubernetes namespace: {shown(namespace)} is not 1 to 63 of a-z, 0-9 and '-'")
        if "kubernetes" not in self.kinds and (self.kubernetes_config or self.kubernetes_namespaces):
            raise BadConfig("kubernetes config and namespace are for --kind kubernetes, which is not given")

    def _check_labels(self) -> None:
        for key, value in self.labels.items():
            if not _LABEL_KEY.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
                raise BadConfig(
                    f"label: {shown(f'{key}={value}')} is not key=value of letters, digits, and - _ . (/ in a key)"
                )

    def _check_addresses(self) -> None:
        host = self._host_port("listen", self.listen)[0]
        if self.metrics_listen:
            self._host_port("metrics listen", self.metrics_listen)
        advertised = self._host_port("advertise", self.advertise)[0] if self.advertise else host
        self._check_plain_text("listen", self.listen)
        if _is_anywhere(advertised):
            raise BadConfig(f"advertise: {shown(advertised)} is everywhere; name a host that leaders can dial")
        self._check_plain_text("advertise", self.advertise or self.listen)

    def _check_plain_text(self, field_name: str, address: str) -> None:
        problem = plain_text_problem(address, tls=self.tls is not None, insecure=self.insecure)
        if problem:
            raise BadConfig(f"{field_name}: {problem}")

    def _host_port(self, field_name: str, text: str) -> tuple[str, int]:
        try:
            return split_host_port(text)
        except ValueError as error:
            raise BadConfig(f"{field_name}: {error}") from None


def check_id(name: str) -> str:
    """The same name, when it can be an executor's id. Raises `BadConfig`."""
    if not _ID.fullmatch(name):
        raise BadConfig(f"executor id: {shown(name)} is not 1 to 63 letters, digits, and . _ - after the first")
    return name


def join_host_port(host: str, port: int) -> str:
    """The reverse of `split_host_port`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_anywhere(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False

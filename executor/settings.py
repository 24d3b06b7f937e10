"""The settings of `python -m executor`: one schema for flags, environment, and the config file."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from cronquorum.coordination.settings import ZooKeeperSettings
from cronquorum.coordination.zookeeper import SESSION_TIMEOUT
from cronquorum.settings import Duration, HostPort
from cronquorum.transport import TlsSection
from executor.config import DEFAULT_KINDS, LEASE, LISTEN, METRICS_LISTEN, MOST_SLOTS, SLOTS, ExecutorConfig
from executor.errors import BadConfig
from executor.service import DRAIN_SECONDS

SESSIONS_PER_LEASE = 3
"""A lease outlasts an election, and then the first answer of the new leader."""


class ExecutorSettings(ZooKeeperSettings):
    """Settings of an executor."""

    listen: HostPort = Field(LISTEN, description="address that leaders dial; port 0 picks a free one")
    advertise: HostPort | None = Field(
        None, description="address at which leaders reach this executor, if not the one listened on"
    )
    metrics_listen: HostPort = Field(METRICS_LISTEN, description="address of /metrics, /livez and /readyz")
    executor_id: str | None = Field(
        None, description="lasting name of this executor; that of --data, or a new one, unless told"
    )
    data: Path | None = Field(
        None, description="directory for what outlives a restart (id, epoch, outcomes); nothing is kept unless told"
    )
    slots: Annotated[int, Field(ge=1, le=MOST_SLOTS)] = Field(SLOTS, description="attempts that run at once")
    label: dict[str, str] = Field(default_factory=dict, description="a label that selectors match")
    kind: list[Literal["shell", "python", "kubernetes"]] = Field(
        list(DEFAULT_KINDS),  # type: ignore[arg-type]  # the same words
        description="a kind of tasks to accept",
    )
    kubernetes_config: Path | None = Field(
        None, description="kubeconfig file for tasks of kind kubernetes; the account of the pod it runs in, unless told"
    )
    kubernetes_namespace: list[str] = Field(
        default_factory=list,
        description="a Kubernetes namespace that Jobs may be in, the first one unless a manifest says it",
    )
    tasks: list[str] = Field(
        default_factory=list, description="a module whose functions are tasks; a package is searched whole"
    )
    lease: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(hours=1))] = Field(
        LEASE, description="how long attempts run on when neither a leader nor ZooKeeper answers"
    )
    drain: Duration = Field(timedelta(seconds=DRAIN_SECONDS), description="how long SIGTERM waits for what runs")
    session_timeout: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(minutes=1))] = Field(
        SESSION_TIMEOUT, description="ZooKeeper session timeout"
    )
    tls: TlsSection = TlsSection()
    insecure: bool = Field(False, description="allow plain text, without [tls], to and from other hosts")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level to log")

    def config(self) -> ExecutorConfig:
        """What the executor itself is told. Raises `BadConfig`."""
        if self.lease < SESSIONS_PER_LEASE * self.session_timeout:
            raise BadConfig(
                f"lease: {self.lease.total_seconds():g} s is less than {SESSIONS_PER_LEASE} session timeouts of "
                f"{self.session_timeout.total_seconds():g} s"
            )
        return ExecutorConfig(
            executor_id=self.executor_id or "",
            listen=self.listen,
            metrics_listen=self.metrics_listen,
            advertise=self.advertise or "",
            slots=self.slots,
            labels=self.label,
            kinds=tuple(dict.fromkeys(self.kind)),
            tasks=tuple(dict.fromkeys(self.tasks)),
            lease=self.lease,
            data=self.data,
            tls=self.tls.files,
            insecure=self.insecure,
            returns=bool(self.executor_id or self.data),
            kubernetes_config=self.kubernetes_config,
            kubernetes_namespaces=tuple(dict.fromkeys(self.kubernetes_namespace)),
        )

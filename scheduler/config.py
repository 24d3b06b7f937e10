"""A node's settings: one schema for flags, environment, and the config file."""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cronquorum.coordination.settings import ZooKeeperSettings
from cronquorum.durations import format_duration
from cronquorum.names import shown
from cronquorum.settings import Duration, HostPort, Metavar, Section
from cronquorum.transport import TlsSection, plain_text_problem
from jobstore.retention import KEPT, SHORTEST, Retention, Said
from scheduler import concurrency, failover, routing
from scheduler.definitions import Defaults
from scheduler.errors import Violation
from scheduler.leader.leader import Policy
from scheduler.leader.placement import Limits
from scheduler.words import check_word

LISTEN = "127.0.0.1:7400"
METRICS_LISTEN = "127.0.0.1:7401"
SESSION_TIMEOUT = timedelta(seconds=4)
"""T: kazoo pings at a third of it, so below 4 s a busy machine loses sessions."""
LEASE = timedelta(seconds=15)
IN_MEMORY = ("sqlite://", "sqlite:///", "sqlite:///:memory:")

_NODE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}", re.ASCII)


def _node_id(value: str) -> str:
    if not _NODE_ID.fullmatch(value):
        raise ValueError(f"{shown(value)} is not 1 to 128 letters, digits, and . _ : @ - after the first")
    return value


class DefaultsSection(Section):
    """What a job gets when it is silent."""

    timeout: Duration | None = Field(None, description="longest run of an attempt")
    max_attempts: Annotated[int, Field(ge=1, le=100)] = Field(1, description="attempts of an execution")
    routing: str = Field(routing.DEFAULT, description="routing strategy")
    failover: str | None = Field(None, description="failover strategy")
    concurrency: str = Field(concurrency.DEFAULT, description="concurrency policy")

    @model_validator(mode="after")
    def _known_words(self) -> Self:
        wrong: list[Violation] = [
            *check_word(self.routing, routing.STRATEGIES, "routing"),
            *check_word(self.concurrency, concurrency.POLICIES, "concurrency"),
        ]
        if self.failover is not None:
            wrong.extend(check_word(self.failover, failover.STRATEGIES, "failover"))
        if wrong:
            raise ValueError("; ".join(f"{violation.field}: {violation.message}" for violation in wrong))
        return self


class LimitsSection(Section):
    """How much runs at once."""

    running: Annotated[int, Field(ge=1)] | None = Field(None, description="executions in the cluster")
    running_per_namespace: Annotated[int, Field(ge=1)] | None = Field(None, description="executions of one namespace")


Kept = Annotated[Duration, Field(ge=SHORTEST)]


class NamespaceRetention(Section):
    """What a namespace keeps for longer or shorter than the others."""

    succeeded: Kept | None = None
    failed: Kept | None = None

    @model_validator(mode="before")
    @classmethod
    def _both(cls, value: object) -> object:
        return {"succeeded": value, "failed": value} if isinstance(value, str) else value


class RetentionSection(Section):
    """How long finished executions are kept; in short, both alike."""

    in_short = ("succeeded", "failed")

    succeeded: Kept = Field(KEPT, description="those that ended well, and skipped and cancelled ones")
    failed: Kept = Field(KEPT, description="those that failed, timed out or were lost")
    namespaces: dict[str, NamespaceRetention] = Field({}, description="what other times are for a namespace")

    @model_validator(mode="after")
    def _failed_longer(self) -> Self:
        if self.failed < self.succeeded:
            raise ValueError(
                f"failed: {format_duration(self.failed)} is less than {format_duration(self.succeeded)} of succeeded: "
                "what failed is kept as long, or longer"
            )
        return self

    @property
    def rule(self) -> Retention:
        """What the store is told."""
        spaces = {name: Said(**said.model_dump()) for name, said in self.namespaces.items()}
        return Retention(succeeded=self.succeeded, failed=self.failed, namespaces=spaces)


class NodeSettings(ZooKeeperSettings):
    """Settings of a scheduler node."""

    store: Annotated[str, Metavar("URL")] = Field(
        description="the job store: postgresql://USER@HOST:PORT/DATABASE or sqlite:///PATH"
    )
    listen: HostPort = Field(LISTEN, description="address of the gRPC API")
    advertise: HostPort | None = Field(
        None, description="address at which other nodes reach this one, if not the one listened on"
    )
    node_id: Annotated[str, AfterValidator(_node_id)] | None = Field(
        None, description="lasting name of this node; host and port unless told"
    )
    session_timeout: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(minutes=1))] = Field(
        SESSION_TIMEOUT, description="ZooKeeper session timeout: how soon a dead leader is replaced"
    )
    metrics_listen: HostPort = Field(METRICS_LISTEN, description="address of /metrics, /livez and /readyz")
    lease: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(hours=1))] = Field(
        LEASE, description="longest lease of executors that a new leader has not met"
    )
    lookahead: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(minutes=10))] = Field(
        timedelta(seconds=10), description="how far ahead due triggers are read"
    )
    retention: Annotated[RetentionSection, Metavar("DURATION")] = Field(
        RetentionSection(), description="how long finished executions are kept"
    )
    wait_for_schema: Duration | None = Field(
        None, description="how long to wait for an upgrade of the store before giving up; not at all unless told"
    )
    plugins: Annotated[list[str], Metavar("MODULE")] = Field(
        [], description="module to import at start, which registers strategies"
    )
    tls: TlsSection = TlsSection()
    insecure: bool = Field(False, description="allow plain text, without [tls], to and from other hosts")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level to log")
    defaults: DefaultsSection = DefaultsSection()
    limits: LimitsSection = LimitsSection()

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.store in IN_MEMORY:
            raise ValueError(
                f"store: {self.store} is a store in memory, of one process: use sqlite:///PATH, postgresql://..., or "
                "schedctl dev"
            )
        if self.lease < 3 * self.session_timeout:
            raise ValueError(
                f"lease: {format_duration(self.lease)} is less than three session timeouts of "
                f"{format_duration(self.session_timeout)}"
            )
        for name, address in (("listen", self.listen), ("advertise", self.advertise)):
            problem = address and plain_text_problem(address, tls=self.tls.files is not None, insecure=self.insecure)
            if problem:
                raise ValueError(f"{name}: {problem}")
        return self

    @property
    def policy(self) -> Policy:
        """What the leader decides by."""
        return Policy(
            defaults=Defaults(**self.defaults.model_dump()),
            limits=Limits(**self.limits.model_dump()),
            lookahead=self.lookahead,
            lease=self.lease,
        )

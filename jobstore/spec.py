"""A job's definition, as a manifest's `spec` says it: frozen, validated, and the same in JSON.

What the cluster's `[defaults]` may set (timeout, attempts, routing, failover, concurrency) is None here
when the manifest is silent. Strategy, policy and trigger words are checked where they are known: in
`scheduler.definitions`.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from cronquorum.names import shown, suggestion
from jobstore.pod_template import PodTemplate
from jobstore.retention import SHORTEST
from jobstore.spec_values import (
    Duration,
    JsonObject,
    Label,
    Params,
    PositiveDuration,
    Text,
    Value,
    at_least,
    check_object,
)
from jobstore.trigger_spec import TriggerSpec

MAX_PARAMS = 256 * 1024
"""Bytes of JSON in all parameters of one definition."""
MAX_TRIGGERS = 100
MAX_COMMAND = 64 * 1024

START_TIMEOUT = timedelta(minutes=10)
"""From the making of a Kubernetes Job until its pod runs: enough for a new machine and a large image."""

RETRY_DELAY = timedelta(seconds=10)
RETRY_MAX_DELAY = timedelta(minutes=10)
MAX_RERUNS = 3
"""How often an execution is run again because its executor was lost; apart from retries."""


class ShellTask(Value):
    """A command for /bin/sh (`command`), or a program and its arguments without a shell (`argv`)."""

    command: Annotated[Text, Field(max_length=MAX_COMMAND)] | None = None
    argv: Annotated[list[Text], Field(max_length=1000)] | None = None
    env: dict[Text, Text] = Field(default_factory=dict)
    cwd: Text | None = None

    @model_validator(mode="after")
    def _one_command(self) -> Self:
        if (not self.command) == (not self.argv):
            raise ValueError("needs either a command or an argv")
        for name in self.env:
            if not name or "=" in name:
                raise ValueError(f"env: {shown(name)} is not the name of a variable")
        return self


class PythonTask(Value):
    """A Python callable known to the executor: a registered name, or `module:function`."""

    callable: Annotated[Text, Field(min_length=1, max_length=255)]
    params: JsonObject = Field(default_factory=dict)


class KubernetesTask(Value):
    """A Job of a Kubernetes cluster, made of a pod template."""

    namespace: Label | None = None
    """None: the executor's own choice."""
    template: Annotated[PodTemplate, BeforeValidator(check_object)]
    container: Label | None = None
    """Whose exit code and log are on the record; None: the first one's."""
    start_timeout: PositiveDuration = START_TIMEOUT

    @model_validator(mode="after")
    def _known_container(self) -> Self:
        names = [each.name for each in self.template.spec.containers]
        if self.container is not None and self.container not in names:
            near = suggestion(self.container, names)
            raise ValueError(f"container: {shown(self.container)} is none of the template's{near}")
        return self

    def to_json(self) -> dict[str, Any]:
        """As a manifest says it, without what is merely a default."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)


class TaskSpec(Value):
    """What runs. Exactly one kind."""

    shell: ShellTask | None = None
    python: PythonTask | None = None
    kubernetes: KubernetesTask | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(getattr(self, kind) is not None for kind in _TASK_KINDS) != 1:
            raise ValueError(f"needs exactly one of {', '.join(_TASK_KINDS)}")
        return self

    @property
    def kind(self) -> str:
        """The task kind, as executors announce it."""
        return next(kind for kind in _TASK_KINDS if getattr(self, kind) is not None)

    @property
    def params(self) -> Params:
        """The task's own parameters: the base that the others override."""
        return self.python.params if self.python is not None else {}


_TASK_KINDS = tuple(TaskSpec.model_fields)


class FailoverSpec(Value):
    strategy: str | None = None
    max_reruns: Annotated[int, Field(ge=0, le=100)] = MAX_RERUNS


class RetrySpec(Value):
    max_attempts: Annotated[int, Field(ge=1, le=100)] | None = None
    delay: Duration = RETRY_DELAY
    backoff: str = "exponential"
    max_delay: Duration = RETRY_MAX_DELAY


class ConcurrencySpec(Value):
    policy: str | None = None


class RoutingSpec(Value):
    strategy: str | None = None
    selector: Text = ""


class RetentionSpec(Value):
    """How long finished executions are kept: `failed` for failed, timed out and lost ones, `succeeded` for the rest."""

    succeeded: Annotated[PositiveDuration, at_least(SHORTEST)] | None = None
    failed: Annotated[PositiveDuration, at_least(SHORTEST)] | None = None


class JobSpec(Value):
    """The whole definition, as one revision of a job holds it."""

    description: Annotated[Text, Field(max_length=1000)] = ""
    triggers: Annotated[list[TriggerSpec], Field(max_length=MAX_TRIGGERS)] = Field(default_factory=list)
    task: TaskSpec
    params: JsonObject = Field(default_factory=dict)
    idempotent: bool = False
    failover: FailoverSpec = FailoverSpec()
    retry: RetrySpec = RetrySpec()
    timeout: PositiveDuration | None = None
    start_deadline: PositiveDuration | None = None
    concurrency: ConcurrencySpec = ConcurrencySpec()
    routing: RoutingSpec = RoutingSpec()
    retention: RetentionSpec = RetentionSpec()
    paused: bool | None = None
    """None leaves a job as it is, and a new one active."""

    def trigger(self, name: str) -> TriggerSpec | None:
        """The trigger of that name."""
        for trigger in self.triggers:
            if trigger.name == name:
                return trigger
        return None

    def to_json(self) -> dict[str, Any]:
        """The manifest's `spec`, without what is merely a default."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "JobSpec":
        """Read what `to_json` wrote. Raises pydantic's ValidationError."""
        return cls.model_validate(value)

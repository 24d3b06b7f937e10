"""A pod template of Kubernetes, as far as it matters here: the rest is the API server's to judge.

Kubernetes API reference, PodTemplateSpec. What is not looked at is kept as it is.
"""

from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from cronquorum.names import shown
from jobstore.spec_values import Label, Text, Value

OURS = "cronquorum.dev/"
"""Labels and annotations of this prefix are set by executors."""
MAX_CONTAINERS = 100


def _never(value: str) -> str:
    if value != "Never":
        raise ValueError(f"{shown(value)} is not 'Never': what fails is tried again by the job's retry")
    return value


class _Open(Value):
    model_config = ConfigDict(extra="allow")


class Container(_Open):
    name: Label
    image: Annotated[Text, Field(min_length=1)]


class PodSpec(_Open):
    containers: Annotated[list[Container], Field(min_length=1, max_length=MAX_CONTAINERS)]
    init_containers: Annotated[list[Container], Field(max_length=MAX_CONTAINERS)] = Field(default_factory=list)
    restart_policy: Annotated[str, AfterValidator(_never)] | None = None


class PodMetadata(_Open):
    labels: dict[Text, Text] = Field(default_factory=dict)
    annotations: dict[Text, Text] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _none_of_ours(self) -> Self:
        for name in (*self.labels, *self.annotations):
            if name.startswith(OURS):
                raise ValueError(f"{shown(name)}: what begins with {OURS} is set by executors")
        return self


class PodTemplate(Value):
    metadata: PodMetadata = PodMetadata()
    spec: PodSpec

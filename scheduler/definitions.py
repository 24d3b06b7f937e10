"""From a job's text to something that can be decided on: checked words, schedules, resolved defaults."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from cronquorum.names import is_dns_label, shown, suggestion
from jobstore.spec import MAX_PARAMS, JobSpec, TriggerSpec
from scheduler import concurrency, failover, misfire, routing
from scheduler.errors import InvalidJob, Violation
from scheduler.retry import BACKOFFS
from scheduler.schedules import Schedule, compile_schedule
from scheduler.selector import Selector, SelectorError, parse_selector
from scheduler.words import check_word

TASK_KINDS = ("shell", "python")
MOST_LABELS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Defaults:
    """What a job gets when it is silent: the `[defaults]` of the cluster's configuration."""

    timeout: timedelta | None = None
    max_attempts: int = 1
    routing: str = routing.DEFAULT
    failover: str | None = None
    concurrency: str = concurrency.DEFAULT


@dataclass(frozen=True, kw_only=True, slots=True)
class Definition:
    """One revision of a job, ready to be decided on."""

    spec: JobSpec
    schedules: Mapping[str, Schedule]
    selector: Selector
    timeout: timedelta | None
    max_attempts: int
    routing: str
    failover: str
    concurrency: str
    demand: tuple[str, str] = field(init=False)
    """What an executor must offer: task kind and selector."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "demand", (self.spec.task.kind, self.spec.routing.selector))

    @property
    def may_rerun(self) -> bool:
        """Whether an attempt may be given to another executor after its own was lost."""
        return self.failover != "fail"

    def params(self, trigger: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters: the task's, overridden by the job's, the trigger's, and the run's."""
        of_trigger = self.spec.trigger(trigger) if trigger else None
        return {
            **self.spec.task.params,
            **self.spec.params,
            **(of_trigger.params if of_trigger else {}),
            **overrides,
        }


def compile_definition(spec: JobSpec, defaults: Defaults) -> Definition:
    """Check a definition's words, and make its schedules. Raises `InvalidJob` with every violation."""
    wrong = list(_wrong_words(spec))
    schedules: dict[str, Schedule] = {}
    for index, trigger in enumerate(spec.triggers):
        place = f"triggers[{index}]"
        wrong.extend(v.under(place) for v in _wrong_trigger(trigger, schedules))
        try:
            schedules[trigger.name] = compile_schedule(trigger)
        except InvalidJob as error:
            wrong.extend(violation.under(place) for violation in error.violations)
    selector = Selector()
    try:
        selector = parse_selector(spec.routing.selector)
    except SelectorError as error:
        wrong.append(Violation("routing.selector", str(error)))
    if wrong:
        raise InvalidJob(*(violation.under("spec") for violation in wrong))
    return Definition(
        spec=spec,
        schedules=schedules,
        selector=selector,
        timeout=spec.timeout or defaults.timeout,
        max_attempts=spec.retry.max_attempts or defaults.max_attempts,
        routing=spec.routing.strategy or defaults.routing,
        failover=spec.failover.strategy
        or (spec.idempotent and defaults.failover)  # a default makes no job run again that may not
        or failover.default(spec.idempotent),
        concurrency=spec.concurrency.policy or defaults.concurrency,
    )


def _wrong_words(spec: JobSpec) -> Iterator[Violation]:
    if spec.routing.strategy is not None:
        yield from check_word(spec.routing.strategy, routing.STRATEGIES, "routing.strategy")
    if spec.failover.strategy is not None:
        yield from check_word(spec.failover.strategy, failover.STRATEGIES, "failover.strategy")
    if spec.failover.strategy not in (None, "fail") and not spec.idempotent:
        yield Violation("failover.strategy", f"{spec.failover.strategy!r} runs a job again: it needs idempotent: true")
    if spec.concurrency.policy is not None:
        yield from check_word(spec.concurrency.policy, concurrency.POLICIES, "concurrency.policy")
    yield from check_word(spec.retry.backoff, BACKOFFS, "retry.backoff")


def _wrong_trigger(trigger: TriggerSpec, known: Mapping[str, Schedule]) -> Iterator[Violation]:
    if trigger.name in known:
        yield Violation("name", f"{trigger.name!r} is the name of an earlier trigger of this job")
    yield from check_word(trigger.misfire.policy, misfire.POLICIES, "misfire.policy")


def read_spec(value: Mapping[str, Any]) -> JobSpec:
    """Read a manifest's `spec`. Raises `InvalidJob` with every violation."""
    try:
        spec = JobSpec.from_json(value)
    except ValidationError as error:
        raise InvalidJob(*(_violation(dict(detail), value) for detail in error.errors())) from None
    size = len(json.dumps([value.get("params"), value.get("task"), [t.params for t in spec.triggers]]))
    if size > MAX_PARAMS:
        raise InvalidJob(Violation("spec", f"its parameters and task have {size} bytes of at most {MAX_PARAMS}"))
    return spec


def check_metadata(name: str, namespace: str, labels: Mapping[str, str]) -> Iterator[Violation]:
    """What is wrong with a job's name, namespace and labels."""
    for field_name, value in (("name", name), ("namespace", namespace)):
        if not is_dns_label(value):
            yield Violation(
                f"metadata.{field_name}",
                f"{shown(value)} is not a DNS label: 1 to 63 of a-z, 0-9 and '-', not first or last a '-'",
            )
    if len(labels) > MOST_LABELS:
        yield Violation("metadata.labels", f"has {len(labels)} labels of at most {MOST_LABELS}")
        return
    for key, value in labels.items():
        try:
            selector = parse_selector(f"{key}={value}")
            right = selector.matches({key: value}) and not selector.matches({})
        except SelectorError:
            right = False
        if not right:
            yield Violation("metadata.labels", f"{shown(key)}: {shown(value)} is not a label such as team: data")


def _violation(detail: dict[str, Any], value: Mapping[str, Any]) -> Violation:
    """Pydantic's finding, with the path and the words of a manifest."""
    path = "spec"
    for part in detail["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    match detail["type"]:
        case "missing":
            message = "is missing"
        case "extra_forbidden":
            known = _fields_at(detail["loc"][:-1])
            message = f"unknown field{suggestion(str(detail['loc'][-1]), known)}"
        case "value_error":
            message = str(detail["ctx"]["error"])
        case "too_long" | "string_too_long":
            unit = "characters" if isinstance(detail["input"], str) else "items"
            message = f"{len(detail['input'])} {unit} of at most {detail['ctx']['max_length']}"
        case _:
            told = detail["msg"]
            message = f"{shown(detail['input'])}: {told[:1].lower()}{told[1:]}"
    return Violation(path, message)


def _fields_at(location: tuple[Any, ...]) -> list[str]:
    model: Any = JobSpec.model_json_schema(by_alias=True)
    definitions = model["$defs"]
    for part in location:
        model = model.get("items", {}) if isinstance(part, int) else model.get("properties", {}).get(part, {})
        for choice in (model, *model.get("anyOf", ())):
            if "$ref" in choice:
                model = definitions[choice["$ref"].rsplit("/", 1)[1]]
    return list(model.get("properties", {}))

"""From a job's text to something that can be decided on: checked words, resolved defaults, schedules."""

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from cronquorum.names import is_dns_label, shown
from jobstore.spec import MAX_PARAMS, JobSpec
from jobstore.trigger_spec import TriggerSpec
from scheduler import concurrency, failover, misfire, routing
from scheduler.calendars.library import Library
from scheduler.calendars.protocol import CalendarTimes
from scheduler.errors import InvalidJob, Violation
from scheduler.retry import BACKOFFS
from scheduler.schedules import Schedule, compile_schedule
from scheduler.selector import Selector, SelectorError, parse_selector
from scheduler.violations import read_violations
from scheduler.words import check_word

TASK_KINDS = ("shell", "python", "kubernetes")
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
    """Check a definition's words. Raises `InvalidJob` with every violation.

    What its triggers say is compiled apart: nothing but firing needs it, and calendars change by themselves.
    """
    wrong = list(_wrong_words(spec))
    names: set[str] = set()
    for index, trigger in enumerate(spec.triggers):
        wrong.extend(v.under(f"triggers[{index}]") for v in _wrong_trigger(trigger, names))
        names.add(trigger.name)
    selector = Selector()
    try:
        selector = parse_selector(spec.routing.selector)
    except SelectorError as error:
        wrong.append(Violation("routing.selector", str(error)))
    if wrong:
        raise InvalidJob(*(violation.under("spec") for violation in wrong))
    return Definition(
        spec=spec,
        selector=selector,
        timeout=spec.timeout or defaults.timeout,
        max_attempts=spec.retry.max_attempts or defaults.max_attempts,
        routing=spec.routing.strategy or defaults.routing,
        failover=spec.failover.strategy
        or (spec.idempotent and defaults.failover)  # a default makes no job run again that may not
        or failover.default(spec.idempotent),
        concurrency=spec.concurrency.policy or defaults.concurrency,
    )


def compile_trigger(trigger: TriggerSpec, namespace: str, job: str, library: Library) -> Schedule:
    """A trigger's schedule, its calendars left out. Raises `InvalidJob` with every violation."""
    wrong: list[Violation] = []
    calendars: list[CalendarTimes] = []
    try:
        calendars = library.referred(trigger.calendars, namespace, "calendars")
    except InvalidJob as error:
        wrong.extend(error.violations)
    try:
        schedule = compile_schedule(trigger, f"{namespace}/{job}", calendars)
    except InvalidJob as error:
        wrong.extend(error.violations)
    if wrong:
        raise InvalidJob(*wrong)
    return schedule


def compile_triggers(spec: JobSpec, namespace: str, job: str, library: Library) -> dict[str, Schedule]:
    """The schedules of all triggers, by their names. Raises `InvalidJob` with every violation."""
    wrong: list[Violation] = []
    schedules: dict[str, Schedule] = {}
    for index, trigger in enumerate(spec.triggers):
        try:
            schedules[trigger.name] = compile_trigger(trigger, namespace, job, library)
        except InvalidJob as error:
            wrong.extend(violation.under(f"spec.triggers[{index}]") for violation in error.violations)
    if wrong:
        raise InvalidJob(*wrong)
    return schedules


def compile_job(
    spec: JobSpec, defaults: Defaults, namespace: str, job: str, library: Library
) -> tuple[Definition, dict[str, Schedule]]:
    """A definition and the schedules of its triggers. Raises `InvalidJob` with every violation of both."""
    wrong: list[Violation] = []
    try:
        definition = compile_definition(spec, defaults)
    except InvalidJob as error:
        wrong.extend(error.violations)
    try:
        schedules = compile_triggers(spec, namespace, job, library)
    except InvalidJob as error:
        wrong.extend(error.violations)
    if wrong:
        raise InvalidJob(*wrong)
    return definition, schedules


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


def _wrong_trigger(trigger: TriggerSpec, known: Set[str]) -> Iterator[Violation]:
    if trigger.name in known:
        yield Violation("name", f"{trigger.name!r} is the name of an earlier trigger of this job")
    yield from check_word(trigger.misfire.policy, misfire.POLICIES, "misfire.policy")


def read_spec(value: Mapping[str, Any]) -> JobSpec:
    """Read a manifest's `spec`. Raises `InvalidJob` with every violation."""
    try:
        spec = JobSpec.from_json(value)
    except ValidationError as error:
        raise InvalidJob(*read_violations(error, JobSpec)) from None
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

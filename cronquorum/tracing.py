"""Traces by OpenTelemetry, from fire to settle: an optional extra, configured by its own variables (OTEL_*).

    execution (leader)                  trace: the execution's id. From its scheduled time to its settling
      attempt (leader)                  from its dispatch to its end; one for each attempt
        run (executor)                  what the task itself took; the parent of what the task traces (TRACEPARENT)

All ids follow from the execution's, and spans are made when they are over: so nobody has anything to remember or to
pass on, and a leader that takes over ends the trace of its predecessor.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from cronquorum import __version__
from cronquorum.logs import get_logger

if TYPE_CHECKING:
    pass

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
EXPORTER, DISABLED = "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED"
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
EXTRA = "cronquorum[otel]"
CLOSE_SECONDS = 2.0
"""How long the last spans may take to leave."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_log = get_logger(__name__)


def root_id(trace: int) -> int:
    """The span of an execution, by its id."""
    return _span_id(trace, "execution")


def attempt_id(trace: int, attempt: int) -> int:
    """The span of one of its attempts, as the leader sees it."""
    return _span_id(trace, f"attempt {attempt}")


def run_id(trace: int, attempt: int) -> int:
    """The span of its task's run: the parent of what the task traces."""
    return _span_id(trace, f"run {attempt}")


def _span_id(trace: int, what: str) -> int:
    found = blake2b(what.encode(), digest_size=8, key=trace.to_bytes(16)).digest()
    return int.from_bytes(found) or 1  # 0 is none


def nanoseconds(moment: datetime) -> int:
    """Since 1970, as spans count."""
    since = moment - EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1_000


class Event(NamedTuple):
    """Something that happened within a span."""

    name: str
    at: datetime


class Span(NamedTuple):
    """A span that is over. `error`: why it did not end well; empty when it did."""

    trace: int
    id: int
    parent: int | None
    name: str
    start: datetime
    end: datetime
    attributes: Mapping[str, str | int]
    events: Sequence[Event] = ()
    error: str = ""


class Tracing:
    """Sends spans to a collector, in a thread of its own; of too many, some are dropped. One thread makes them."""

    def __init__(self, service: str, instance: str) -> None:
        """Raises ImportError without the extra, and what OpenTelemetry raises for its variables."""
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import IdGenerator
        from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision

        class Given(IdGenerator):
            """The ids of the span that is being made."""

            trace = span = 0

            def generate_trace_id(self) -> int:
                return self.trace

            def generate_span_id(self) -> int:
                return self.span

        ours = {"service.name": service, "service.instance.id": instance, "service.version": __version__}
        resource = Resource.create(Resource(ours).merge(OTELResourceDetector().detect()).attributes)
        self._sampler = TracerProvider(shutdown_on_exit=False).sampler  # what the variables say
        self._sampled = Decision.RECORD_AND_SAMPLE
        self._given = Given()
        self._provider: TracerProvider = TracerProvider(
            sampler=ALWAYS_ON, resource=resource, id_generator=self._given, shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("cronquorum", __version__)

    def is_sampled(self, trace: int) -> bool:
        """Whether the sampler wants this trace. All processes with the same variables say the same.

        It is asked with a number that is made of the execution's id: of that itself a part is not random.
        """
        mixed = int.from_bytes(blake2b(trace.to_bytes(16), digest_size=16).digest())
        return self._sampler.should_sample(None, mixed, "execution").decision == self._sampled

    def traceparent(self, trace: int, span: int) -> str:
        """The W3C trace context that makes a span the parent of others."""
        return f"00-{trace:032x}-{span:016x}-{'01' if self.is_sampled(trace) else '00'}"

    def add(self, span: Span) -> None:
        """Send a span, if its trace is sampled."""
        if not self.is_sampled(span.trace):
            return
        from opentelemetry.trace import (
            NonRecordingSpan,
            SpanContext,
            Status,
            StatusCode,
            TraceFlags,
            set_span_in_context,
        )

        self._given.trace, self._given.span = span.trace, span.id
        context: Any = None
        if span.parent is not None:
            parent = SpanContext(span.trace, span.parent, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
            context = set_span_in_context(NonRecordingSpan(parent))
        start = nanoseconds(span.start)
        made = self._tracer.start_span(span.name, context, attributes=span.attributes, start_time=start)
        for event in span.events:
            made.add_event(event.name, timestamp=nanoseconds(event.at))
        made.set_status(Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.OK))
        made.end(max(start, nanoseconds(span.end)))

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Send what has gathered, for so long at most. Blocks."""
        ending = threading.Thread(target=self._provider.shutdown, name="tracing", daemon=True)
        ending.start()
        ending.join(seconds)


def from_environment(service: str, instance: str) -> Tracing | None:
    """Tracing, as OTEL_* say; None where they do not ask for it, or where it cannot be had, which is logged."""
    exporter = os.environ.get(EXPORTER, "").strip().lower()
    wanted = exporter or any(os.environ.get(name) for name in ENDPOINTS)
    if not wanted or exporter == "none" or os.environ.get(DISABLED, "").strip().lower() == "true":
        return None
    protocol = next((os.environ[name] for name in PROTOCOLS if os.environ.get(name)), PROTOCOL)
    why = ""
    if exporter not in ("", "otlp"):
        why = f"{EXPORTER}={exporter}: only otlp is known here"
    elif protocol != PROTOCOL:
        why = f"OTLP by {protocol} is not spoken here: set {PROTOCOLS[1]}={PROTOCOL}"
    else:
        try:
            return Tracing(service, instance)
        except ImportError:
            why = f"OpenTelemetry is not installed: pip install '{EXTRA}'"
        except Exception as error:  # whatever its variables may hold
            why = f"{type(error).__name__}: {error}"
    _log.warning("there are no traces", why=why)
    return None

"""The gRPC API: each bad request gets its code and its words, quickly, and nothing comes of it."""

# ruff: noqa: E501 - tables have a row in a line

import base64
import json
import socket
from typing import Any, NamedTuple

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from schedapi.v1 import cluster_service_pb2 as cs
from schedapi.v1 import execution_service_pb2 as es
from schedapi.v1 import job_service_pb2 as js
from tests.bad_inputs import raw
from tests.bad_inputs.house import BASE, USED, House, apply, job

pytestmark = pytest.mark.usefixtures("unchanged")

INVALID = "INVALID_ARGUMENT"
NOBODY = "00000000-0000-0000-0000-000000000000"
LABEL = "is not a DNS label: 1 to 63 of a-z, 0-9 and '-', not first or last a '-'"
JOB_METHODS: dict[str, Any] = {
    "JobService/Get": js.GetJobRequest,
    "JobService/Run": js.RunJobRequest,
    "JobService/Pause": js.PauseJobRequest,
    "JobService/Resume": js.ResumeJobRequest,
    "JobService/Delete": js.DeleteJobRequest,
}


class Bad(NamedTuple):
    method: str
    request: Message | bytes
    code: str
    field: str  # of the first violation; empty: there is none
    words: str  # part of its description, or of the message


def run(**fields: Any) -> js.RunJobRequest:
    return js.RunJobRequest(**{"request_id": "bad", "name": BASE, **fields})


def params(number: float | None = None, **values: Any) -> Struct:
    made = Struct()
    made.update(values)
    if number is not None:
        made.fields["x"].number_value = number
    return made


def token(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def executions(**fields: Any) -> es.ListExecutionsRequest:
    return es.ListExecutionsRequest(filter=es.ExecutionFilter(**fields))


def checked(message: Message, request_id: str) -> bytes:
    """A write with this request_id, which Python itself would not encode."""
    return message.SerializeToString() + raw.field(1, request_id.encode("utf-8", "surrogatepass"))


UNREADABLE = "the request cannot be read: "
GOOD = apply(job()).SerializeToString()
UNREADABLE_REQUESTS = {
    "truncated": Bad("JobService/Apply", GOOD[:-3], INVALID, "", UNREADABLE + "Wire format was corrupt"),
    "one-byte": Bad("JobService/Apply", GOOD[:1], INVALID, "", UNREADABLE),
    "noise": Bad("JobService/Run", b"\xff" * 20, INVALID, "", UNREADABLE),
    "length-beyond-the-end": Bad("JobService/Delete", b"\x0a\xff\xff\xff\xff\x0f", INVALID, "", UNREADABLE),
    "endless-varint": Bad("JobService/List", b"\x10" + b"\xff" * 30, INVALID, "", UNREADABLE),
    "json": Bad("JobService/Get", b'{"name": "base"}', INVALID, "", UNREADABLE),
    "end-group-without-start": Bad("ClusterService/Status", b"\x0c", INVALID, "", UNREADABLE),
    "name-not-utf-8": Bad("JobService/Run", raw.field(1, "a") + raw.field(3, b"ba\xff\xfe"), INVALID, "", "UTF-8"),
    "params-not-utf-8": Bad(
        "JobService/Run", raw.run_request(BASE, raw.entry("k", raw.field(3, b"\xff\xfe"))), INVALID, "", "UTF-8"
    ),
    "key-not-utf-8": Bad(
        "JobService/Run", raw.run_request(BASE, raw.entry(b"\xc0\x80", raw.field(3, b"x"))), INVALID, "", "UTF-8"
    ),
    "truncated-stream-request": Bad("ExecutionService/Watch", b"\x0a\x7f", INVALID, "", UNREADABLE),
    "truncated-logs-request": Bad("ExecutionService/Logs", b"\x0a\x7f", INVALID, "", UNREADABLE),
    "truncated-health-check": Bad("/grpc.health.v1.Health/Check", b"\x0a\x7f", INVALID, "", UNREADABLE),
    "100-structs-deep": Bad(
        "JobService/Run", raw.run_request(BASE, raw.entry("k", raw.nested_tables(100))), INVALID, "", "nested too deep"
    ),
    "10000-lists-deep": Bad(
        "JobService/Apply",
        raw.apply_request("new", raw.field(4, raw.entry("k", raw.nested_lists(10_000)))),
        INVALID,
        "",
        "nested too deep",
    ),
    # of the wrong type: a number where the name is, and a text where the page size is, are unknown fields
    "name-is-a-number": Bad("JobService/Get", b"\x10\x07", INVALID, "name", f"'' {LABEL}"),
    "no-such-method": Bad("JobService/Explode", b"", "UNIMPLEMENTED", "", "Method not found"),
    "no-such-service": Bad("/schedapi.v2.JobService/Get", b"", "UNIMPLEMENTED", "", "Method not found"),
    "executor's-service": Bad("ExecutorService/Attach", b"", "UNIMPLEMENTED", "", "Method not found"),
}

DEEP_LISTS = raw.entry("k", raw.nested_lists(40))
PARAMS = {
    "nan": Bad("JobService/Run", run(params=params(float("nan"))), INVALID, "params", "a parameter is NaN or infinite"),
    "infinity": Bad("JobService/Run", run(params=params(float("-inf"))), INVALID, "params", "is not a JSON number"),
    "1001-keys": Bad(
        "JobService/Run",
        run(params=params(**{f"k{index}": 1 for index in range(1001)})),
        INVALID,
        "params",
        "more than 1000 keys",
    ),
    "40-lists-deep": Bad("JobService/Run", raw.run_request(BASE, DEEP_LISTS), INVALID, "params", "deeper than 32"),
    "256-KiB": Bad("JobService/Run", run(params=params(x="y" * 2**18)), INVALID, "params", "bytes of at most 262144"),
    "nan-in-the-job": Bad(
        "JobService/Apply",
        apply(job(), job("second", params=params(float("nan")))),
        INVALID,
        "jobs[1].spec.triggers[0].params",
        "NaN or infinite",
    ),
    "infinity-in-the-task": Bad(
        "JobService/Apply",
        raw.apply_request(
            "new", raw.field(3, raw.field(2, raw.field(2, raw.entry("k", b"\x11" + b"\x00" * 6 + b"\xf0\x7f"))))
        ),
        INVALID,
        "jobs[0].spec.task.python.params",
        "is not a JSON number",
    ),
    "40-lists-deep-in-the-job": Bad(
        "JobService/Apply",
        raw.apply_request("new", raw.field(4, DEEP_LISTS)),
        INVALID,
        "jobs[0].spec.params",
        "nested deeper than 32",
    ),
}

REQUESTS = {
    "no-request-id": Bad("JobService/Run", run(request_id=""), INVALID, "request_id", "'' is not 1 to 128 printable"),
    "no-request-id-to-apply": Bad("JobService/Apply", apply(job(), request_id=""), INVALID, "request_id", "1 to 128"),
    "no-request-id-to-cancel": Bad(
        "ExecutionService/Cancel", es.CancelExecutionRequest(id=NOBODY), INVALID, "request_id", "1 to 128"
    ),
    "long-request-id": Bad("JobService/Run", run(request_id="x" * 129), INVALID, "request_id", "1 to 128 printable"),
    "line-in-request-id": Bad("JobService/Run", run(request_id="a\nb"), INVALID, "request_id", r"'a\nb' is not"),
    "nul-in-request-id": Bad("JobService/Run", run(request_id="a\x00"), INVALID, "request_id", r"'a\x00' is not"),
    "request-id-not-ascii": Bad("JobService/Run", run(request_id="\u202e"), INVALID, "request_id", r"'\u202e' is not"),
    "half-a-surrogate-pair": Bad("JobService/Run", checked(run(), "\ud800"), INVALID, "", "UTF-8"),
    "request-id-used-for-others": Bad(
        "JobService/Run", run(request_id=USED, params=params(a=1)), "ALREADY_EXISTS", "", f"'{USED}' was used for"
    ),
    "request-id-used-for-a-run": Bad(
        "JobService/Pause", js.PauseJobRequest(request_id=USED, name=BASE), "ALREADY_EXISTS", "", "used for something"
    ),
    "request-id-used-to-delete": Bad(
        "JobService/Delete", js.DeleteJobRequest(request_id=USED, name=BASE), "ALREADY_EXISTS", "", "used for something"
    ),
    "stale-revision": Bad(
        "JobService/Apply", apply(job(BASE), expected_revision=7), "ABORTED", "", "expected revision 7"
    ),
    "stale-revision-to-delete": Bad(
        "JobService/Delete",
        js.DeleteJobRequest(request_id="bad", name=BASE, expected_revision=2**62),
        "ABORTED",
        "",
        "and it is 1",
    ),
    "revision-of-what-is-not-there": Bad(
        "JobService/Apply", apply(job(), expected_revision=1), "ABORTED", "", "revision 1"
    ),
    "negative-revision": Bad(
        "JobService/Apply", apply(job(BASE), expected_revision=-1), INVALID, "expected_revision", "-1 is not a revision"
    ),
    "negative-revision-to-delete": Bad(
        "JobService/Delete",
        js.DeleteJobRequest(request_id="bad", name=BASE, expected_revision=-1),
        INVALID,
        "expected_revision",
        "-1 is not a revision",
    ),
    "revision-of-several": Bad(
        "JobService/Apply", apply(job("a"), job("b"), expected_revision=1), INVALID, "expected_revision", "single job"
    ),
    "no-jobs": Bad("JobService/Apply", apply(), INVALID, "jobs", "there is no job in the request"),
    "job-twice": Bad(
        "JobService/Apply",
        apply(job("a"), job("a")),
        INVALID,
        "jobs[1].metadata.name",
        "default/a is in this request twice",
    ),
    "job-twice-by-the-default": Bad(
        "JobService/Apply", apply(job("a"), job("a", "default")), INVALID, "jobs[1].metadata.name", "twice"
    ),
    "5001-jobs": Bad(
        "JobService/Apply",
        apply().SerializeToString() + b"\x12\x00" * 5001,
        INVALID,
        "jobs",
        "5001 jobs of at most 5000",
    ),
    "empty-job": Bad(
        "JobService/Apply", apply().SerializeToString() + b"\x12\x00", INVALID, "jobs[0].metadata.name", LABEL
    ),
    "101-triggers": Bad(
        "JobService/Apply",
        raw.apply_request("new", b"\x12\x00" * 101),
        INVALID,
        "jobs[0].spec.triggers",
        "101 of at most 100",
    ),
    "many-triggers": Bad(
        "JobService/Apply",
        raw.apply_request("new", b"\x12\x00" * 50_000),
        INVALID,
        "jobs[0].spec.triggers",
        "of at most 100",
    ),
    "65-labels": Bad(
        "JobService/Apply",
        raw.apply_request("new", metadata=b"".join(raw.field(3, raw.field(1, f"l{n}")) for n in range(65))),
        INVALID,
        "jobs[0].metadata.labels",
        "65 labels of at most 64",
    ),
    "no-such-job": Bad("JobService/Run", run(name="nobody"), "NOT_FOUND", "", "there is no job"),
    "no-such-job-to-delete": Bad(
        "JobService/Delete", js.DeleteJobRequest(request_id="bad", name="nobody"), "NOT_FOUND", "", "default/nobody"
    ),
    "no-such-namespace": Bad(
        "JobService/Get", js.GetJobRequest(name=BASE, namespace="nobody"), "NOT_FOUND", "", "nobody/base"
    ),
}

TIMES = {
    "seconds-beyond-9999": Timestamp(seconds=253402300800),
    "seconds-before-1": Timestamp(seconds=-62135596801),
    "seconds-of-63-bits": Timestamp(seconds=2**62),
    "nanos-negative": Timestamp(nanos=-1),
    "nanos-too-many": Timestamp(nanos=2**31 - 1),
}
SQL = "name = 'x' OR 1=1 --"
LISTINGS = {
    "negative-page": Bad("JobService/List", js.ListJobsRequest(page_size=-1), INVALID, "page_size", "-1 is not in 0-1000"),
    "large-page": Bad("JobService/List", js.ListJobsRequest(page_size=1001), INVALID, "page_size", "not in 0-1000"),
    "huge-page": Bad("ExecutionService/List", es.ListExecutionsRequest(page_size=2**31 - 1), INVALID, "page_size", "0-1000"),
    "sql-in-labels": Bad("JobService/List", js.ListJobsRequest(label_selector=SQL), INVALID, "label_selector", "column 8"),
    "regex-in-labels": Bad("JobService/List", js.ListJobsRequest(label_selector="(a+)+$"), INVALID, "label_selector", "column 1"),
    "wildcards-in-labels": Bad("JobService/List", js.ListJobsRequest(label_selector="%_"), INVALID, "label_selector", "such as zone=a"),
    "comma-in-labels": Bad("JobService/List", js.ListJobsRequest(label_selector="a=b,"), INVALID, "label_selector", "column 5"),
    "empty-set-in-labels": Bad("JobService/List", js.ListJobsRequest(label_selector="a in ()"), INVALID, "label_selector", "(a,b)"),
    "nul-in-labels": Bad("JobService/List", js.ListJobsRequest(label_selector="a=\x00"), INVALID, "label_selector", r"'a=\x00'"),
    "long-labels": Bad("JobService/List", js.ListJobsRequest(label_selector="a" * 1025), INVALID, "label_selector", "1024"),
    "sql-in-namespace": Bad("JobService/List", js.ListJobsRequest(namespace=SQL), INVALID, "namespace", LABEL),
    "sql-in-filter": Bad("ExecutionService/List", executions(namespace=SQL), INVALID, "filter.namespace", LABEL),
    "wildcards-in-filter": Bad("ExecutionService/List", executions(job="%_"), INVALID, "filter.job", f"'%_' {LABEL}"),
    "regex-in-filter": Bad("ExecutionService/List", executions(job="(a+)+$"), INVALID, "filter.job", LABEL),
    "nul-in-filter": Bad("ExecutionService/List", executions(job="a\x00"), INVALID, "filter.job", LABEL),
    "unknown-state": Bad("ExecutionService/List", executions(states=["runing"]), INVALID, "filter.states", "did you mean 'running'?"),
    "many-states": Bad("ExecutionService/List", executions(states=["lost"] * 50_000), INVALID, "filter.states", "50000 of at most 11"),
    "watched-state": Bad("ExecutionService/Watch", es.WatchExecutionsRequest(filter={"states": ["x"]}), INVALID, "filter.states", "'x'"),
    **{
        f"{name}-{place}": Bad(
            "ExecutionService/List", executions(**{place: time}), INVALID, f"filter.{place}", "is not a time"
        )
        for name, time in TIMES.items()
        for place in ("scheduled_from", "scheduled_before")
    },
}  # fmt: skip

TOKENS = {
    "not-base64": "x",
    "not-ascii": "\xe9",
    "no-json": "!!!!",
    "no-list": base64.urlsafe_b64encode(b'{"a": "b"}').decode(),
    "too-short": token("a"),
    "too-long": token("a", "b", "c"),
    "numbers": token(1, 2),
    "nul": token("a\x00", "b"),
    "half-a-pair": token("\ud800", "b"),
    "deep": base64.urlsafe_b64encode(b"[" * 10_000).decode(),
    "long": "A" * 100_000,
}
EXECUTION_TOKENS = {
    "no-time": token("default", NOBODY),
    "no-offset": token("2026-01-01T00:00:00", NOBODY),
    "before-year-1": token("0001-01-01T00:00:00+14:00", NOBODY),
    "no-id": token("2026-01-01T00:00:00+00:00", "x"),
}
PAGES = {
    **{name: Bad("JobService/List", js.ListJobsRequest(page_token=text), INVALID, "page_token", "is not one that a listing gave")
       for name, text in TOKENS.items()},
    **{f"{name}-executions": Bad("ExecutionService/List", es.ListExecutionsRequest(page_token=text), INVALID, "page_token", "is not one that a listing gave")
       for name, text in (TOKENS | EXECUTION_TOKENS).items()},
}  # fmt: skip

ROWS = {**UNREADABLE_REQUESTS, **PARAMS, **REQUESTS, **LISTINGS, **PAGES}


@pytest.mark.parametrize("bad", ROWS.values(), ids=ROWS)
def test_a_bad_request(bad: Bad, house: House) -> None:
    answer = house.quick(bad.method, bad.request)
    first = answer.violations[0] if answer.violations else None
    assert (answer.code, first.field if first else "") == (bad.code, bad.field), answer
    assert bad.words in (first.description if first else answer.message)
    assert answer.message.isprintable() and len(answer.message) <= 500
    assert "Traceback" not in answer.message and "Error" not in answer.message


NAMES = [
    "",
    "x" * 1000,
    "a/b",
    "..",
    "\u202eevil",
    "\U0001f600",
    "a ",
    " a",
    "CON",
    "-a",
    "a-",
    "a.b",
    "a\n",
    "a\x00",
    "\u0430",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_a_name_that_is_no_dns_label(name: str, house: House) -> None:
    for method, kind in JOB_METHODS.items():
        requests = {"name": kind(name=name)}
        if name:
            requests["namespace"] = kind(name=BASE, namespace=name)
        for field, request in requests.items():
            if "request_id" in request.DESCRIPTOR.fields_by_name:
                request.request_id = "bad"
            answer = house.quick(method, request)
            assert (answer.code, [each.field for each in answer.violations]) == (INVALID, [field])
            told = answer.violations[0].description
            assert told.endswith(LABEL)
            assert told.isascii() and told.isprintable() and len(told) < 200
    answer = house.quick("JobService/Apply", apply(job("good"), job(name)))
    assert [each.field for each in answer.violations] == ["jobs[1].metadata.name"]


IDS = ["", "x", NOBODY[:-1], NOBODY + "0", "' OR 1=1", "\u202e" * 32, "x" * 100_000]


@pytest.mark.parametrize("id_", IDS, ids=[ascii(each)[:40] for each in IDS])
def test_an_execution_id_that_is_none(id_: str, house: House) -> None:
    for method, request in {
        "ExecutionService/Get": es.GetExecutionRequest(id=id_),
        "ExecutionService/Logs": es.LogsRequest(id=id_),
        "ExecutionService/Cancel": es.CancelExecutionRequest(id=id_, request_id="bad"),
    }.items():
        answer = house.quick(method, request)
        assert (answer.code, [each.field for each in answer.violations]) == (INVALID, ["id"])
        assert "is not an execution's id, a UUID" in answer.message


def test_an_execution_that_is_not_there(house: House) -> None:
    for method, request in {
        "ExecutionService/Get": es.GetExecutionRequest(id=NOBODY),
        "ExecutionService/Logs": es.LogsRequest(id=NOBODY, follow=True),
        "ExecutionService/Cancel": es.CancelExecutionRequest(id=NOBODY, request_id="bad"),
    }.items():
        answer = house.quick(method, request)
        assert (answer.code, answer.message) == ("NOT_FOUND", f"there is no execution {NOBODY}")


def test_attempts_and_cancels_that_cannot_be(house: House) -> None:
    found = es.ListExecutionsResponse.FromString(house.call("ExecutionService/List", executions(job=BASE)).content)
    (over,) = found.executions
    for attempt in (-1, 2, 2**31 - 1, -(2**31)):
        answer = house.quick("ExecutionService/Logs", es.LogsRequest(id=over.id, attempt=attempt))
        assert (answer.code, answer.message) == (INVALID, f"attempt: {attempt} is not in 1-1")
    answer = house.quick("ExecutionService/Cancel", es.CancelExecutionRequest(id=over.id, request_id="bad"))
    assert (answer.code, answer.reason) == ("FAILED_PRECONDITION", "FINAL")
    assert answer.message == f"execution {over.id} is succeeded already"


def test_a_stale_revision_is_told_with_the_present_one(house: House) -> None:
    answer = house.quick("JobService/Apply", apply(job(BASE), expected_revision=2))
    assert (answer.code, answer.reason, answer.metadata) == ("ABORTED", "CONFLICT", (("current_revision", "1"),))


def test_a_repeated_request_gets_the_first_answer(house: House) -> None:
    request = js.RunJobRequest(request_id=USED, name=BASE, wait=True)
    first, second = (house.call("JobService/Run", request) for _ in range(2))
    assert first.code == "OK" and first.content == second.content


def test_one_wrong_job_keeps_all_others_out(house: House) -> None:
    jobs = [job(f"good-{number}") for number in range(20)]
    answer = house.quick("JobService/Apply", apply(*jobs, job("bad", cron="x")))
    assert [each.field for each in answer.violations] == ["jobs[20].spec.triggers[0].cron"]


def test_every_violation_is_told_at_once_as_far_as_a_header_holds_them(house: House) -> None:
    jobs = [job(f"bad-{number}", cron="0 0 25 * * ?") for number in range(300)]
    answer = house.call("JobService/Apply", apply(*jobs))
    assert answer.code == INVALID
    *told, last = answer.violations
    assert [each.field for each in told] == [f"jobs[{index}].spec.triggers[0].cron" for index in range(len(told))]
    assert last.description == f"and {300 - len(told)} more"


@pytest.mark.parametrize("timeout", [0.0, 1e-9, -5.0])
def test_a_deadline_that_is_over_is_no_run(timeout: float, house: House) -> None:
    assert house.call("JobService/Run", run(), timeout=timeout).code == "DEADLINE_EXCEEDED"
    assert house.call("JobService/Delete", js.DeleteJobRequest(request_id="bad", name=BASE), timeout=timeout).code == (
        "DEADLINE_EXCEEDED"
    )


def test_a_deadline_in_thirty_years_is_one(house: House) -> None:
    assert house.call("JobService/List", js.ListJobsRequest(), timeout=1e9).code == "OK"


def test_a_request_that_is_too_large(house: House) -> None:
    large = raw.run_request(BASE, raw.entry("k", raw.field(3, "x" * (5 * 2**20))))
    answer = house.call("JobService/Run", large)
    assert answer.code == "RESOURCE_EXHAUSTED"
    assert "4194304" in answer.message
    bomb = raw.field(1, "bad") + raw.field(3, b"\x00" * 2**26)
    answer = house.call("JobService/Run", bomb, compression=grpc.Compression.Gzip)
    assert answer.code == "RESOURCE_EXHAUSTED"


def test_fields_that_nobody_knows_are_neither_an_error_nor_kept(house: House) -> None:
    """As protobuf has it: what a later version says is passed over."""
    request = apply(job(), dry_run=True).SerializeToString() + raw.field(2000, b"x" * 2**20)
    answer = house.call("JobService/Apply", request)
    assert answer.code == "OK"
    assert len(answer.content) < 100


def test_a_caller_cannot_pass_for_another_node(house: House) -> None:
    answer = house.call("JobService/Get", js.GetJobRequest(name=BASE), metadata=(("cronquorum-forwarded", "1"),))
    assert answer.code == "OK"
    large = (("x-large", "x" * 100_000),)
    assert house.call("JobService/Get", js.GetJobRequest(name=BASE), metadata=large).code == "RESOURCE_EXHAUSTED"


STRANGERS = {
    "http-1": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
    "noise": bytes(range(256)) * 100,
    "half-a-preface": b"PRI * HTTP/2.0\r\n",
    "a-frame-of-16-MiB": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x04\x00\x00\x00\x00\x00",
}


@pytest.mark.parametrize("content", STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_who_speaks_something_else_delays_nobody(content: bytes, house: House) -> None:
    host, _, port = house.address.rpartition(":")
    with socket.create_connection((host, int(port)), 5) as stranger:
        stranger.sendall(content)
        assert house.quick("ClusterService/Status", cs.StatusRequest()).code == "OK"

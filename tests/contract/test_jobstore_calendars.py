"""The contract in `jobstore/protocols.py` and `jobstore/changes.py`: calendars, and which jobs use them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from jobstore.calendar_spec import CalendarSpec
from jobstore.changes import Change, DeleteCalendar, DeleteJob, PutCalendar, PutJob
from jobstore.errors import BadChange, StaleTerm
from jobstore.model import Calendar, Job, Term
from jobstore.protocols import CalendarQuery, JobQuery
from jobstore.sql.store import SqlStore
from tests.jobstore.inside import as_stored, plans_of, spoil, statements_of
from tests.jobstore.stores import (
    KINDS,
    SECOND,
    START,
    calendar,
    definition,
    job,
    put,
    stores,
    terms,
    uid,
    urls,
)

url = urls(*KINDS)
store = stores()
term = terms()

HOLIDAYS = calendar()
OTHER = calendar("other")


# ---------------------------------------------------------------------------------------------- writing


def test_put_calendar_writes_a_calendar(store: SqlStore, term: Term) -> None:
    spec = CalendarSpec.from_json(
        {
            "description": "what\n'it' \"is\" ü \\",
            "timeZone": "Europe/Berlin",
            "base": ["other", "shared/holidays"],
            "exclude": [{"dates": ["2026-12-24"], "daily": {"from": "18:00", "to": "06:00"}}, {"cron": "* * * ? * 1"}],
            "include": [{"holidays": {"country": "DE", "categories": ["public"]}}, {"ics": {"text": "BEGIN:\r\n"}}],
        }
    )
    written = calendar(labels={"a": "b", "ü": '"\\'}, spec=spec, created=START + timedelta(microseconds=1))
    bare = calendar("bare", labels={}, spec=CalendarSpec())
    put(store, term, written, bare)
    assert store.calendars(CalendarQuery()) == [bare, written]


def test_a_calendar_takes_the_place_of_what_it_was(store: SqlStore, term: Term) -> None:
    """Also several times in one transaction: the last one stays."""
    second = replace(HOLIDAYS, revision=2, spec=CalendarSpec(), updated=START, labels={})
    put(store, term, HOLIDAYS, OTHER)
    put(store, term, second)
    assert store.calendars(CalendarQuery()) == [second, OTHER]
    third, fourth = replace(second, revision=3), replace(second, revision=4, labels={"a": "b"})
    put(store, term, third, replace(OTHER, revision=2), fourth)
    assert store.calendars(CalendarQuery()) == [fourth, replace(OTHER, revision=2)]


def test_delete_calendar_removes_it_and_nothing_else(store: SqlStore, term: Term) -> None:
    """Whether jobs use it is not asked; and what is not there is not missed."""
    user = using("user", ["holidays"])
    put(store, term, HOLIDAYS, OTHER, user)
    store.commit(term, [DeleteCalendar(HOLIDAYS.uid), DeleteCalendar(uid())])
    assert store.calendars(CalendarQuery()) == [OTHER]
    assert store.jobs(JobQuery(calendars=(("default", "holidays"),))) == [user]


def test_a_name_may_be_made_again_and_exists_once_in_each_namespace(store: SqlStore, term: Term) -> None:
    elsewhere, again = calendar(namespace="a"), calendar()
    put(store, term, HOLIDAYS, elsewhere)
    store.commit(term, [DeleteCalendar(HOLIDAYS.uid), PutCalendar(again)])
    assert store.calendars(CalendarQuery()) == [elsewhere, again]


BAD: dict[str, Callable[[], list[Change]]] = {
    "a name in use": lambda: [PutCalendar(calendar())],
    "a name in use in the same transaction": lambda: [PutCalendar(calendar("new")), PutCalendar(calendar("new"))],
    "a name in use since an edit": lambda: [PutCalendar(replace(OTHER, name="holidays"))],
    "a name that is free only later": lambda: [PutCalendar(calendar()), DeleteCalendar(HOLIDAYS.uid)],
    "a NUL": lambda: [PutCalendar(calendar("a\x00b"))],
    "a time without a zone": lambda: [PutCalendar(calendar("new", updated=START.replace(tzinfo=None)))],
}


@pytest.mark.parametrize("case", BAD)
def test_bad_change_for_a_calendar_that_cannot_be_written_and_nothing_is(
    store: SqlStore, term: Term, case: str
) -> None:
    put(store, term, HOLIDAYS, OTHER)
    with pytest.raises(BadChange) as refused:
        store.commit(term, [PutCalendar(calendar("good")), *BAD[case]()])
    if "name" in case:
        assert "a calendar of this name is there already" in str(refused.value)
    assert store.calendars(CalendarQuery()) == [HOLIDAYS, OTHER]


def test_calendars_of_a_stale_term_are_not_written(store: SqlStore, term: Term) -> None:
    put(store, term, HOLIDAYS)
    store.begin_term(2, "ensemble-1", "node-2")
    for change in (PutCalendar(OTHER), DeleteCalendar(HOLIDAYS.uid)):
        with pytest.raises(StaleTerm):
            store.commit(term, [change])
    assert store.calendars(CalendarQuery()) == [HOLIDAYS]


# ---------------------------------------------------------------------------------------------- reading

NAMES = ("a", "a-b", "a0", "ab", "z-1", "z1", "0")


@pytest.fixture
def many(store: SqlStore, term: Term) -> list[Calendar]:
    made = [calendar(name, namespace=namespace) for namespace in ("b", "a", "a-1") for name in reversed(NAMES)]
    put(store, term, *made)
    return sorted(made, key=lambda each: (each.namespace, each.name))


def test_calendars_are_by_namespace_and_name(store: SqlStore, many: list[Calendar]) -> None:
    assert store.calendars(CalendarQuery(limit=1000)) == many


def test_calendars_of_a_namespace(store: SqlStore, many: list[Calendar]) -> None:
    assert store.calendars(CalendarQuery(namespace="a")) == [each for each in many if each.namespace == "a"]
    assert store.calendars(CalendarQuery(namespace="none")) == []


def test_calendars_begin_behind_after(store: SqlStore, many: list[Calendar]) -> None:
    for size in (1, 4, 21, 22):
        found: list[Calendar] = []
        while page := store.calendars(
            CalendarQuery(after=(found[-1].namespace, found[-1].name) if found else None, limit=size)
        ):
            assert len(page) <= size
            found += page
        assert found == many


def test_calendars_by_name_and_those_that_do_not_exist_are_missing(store: SqlStore, many: list[Calendar]) -> None:
    names = (("b", "z1"), ("a", "none"), ("none", "a"), ("a", "a"), ("a", "a"))
    assert [(c.namespace, c.name) for c in store.calendars(CalendarQuery(names=names))] == [("a", "a"), ("b", "z1")]
    assert store.calendars(CalendarQuery(names=())) == []
    strange = tuple(("x", f"c-{n}") for n in range(20_000))
    found = store.calendars(CalendarQuery(names=(*strange, ("b", "z1"), *strange, ("a", "a")), limit=100_000))
    assert [c.name for c in found] == ["a", "z1"]


def test_a_calendar_whose_stored_definition_cannot_be_read_is_left_out(store: SqlStore, many: list[Calendar]) -> None:
    for each, spec in zip(many[2:4], ('{"exclude": [{}]}', "[]"), strict=True):
        spoil(store, "UPDATE calendars SET spec = :spec WHERE uid = :uid", spec=spec, uid=as_stored(store, each.uid))
    assert store.calendars(CalendarQuery(limit=1000)) == [*many[:2], *many[4:]]
    assert store.calendars(CalendarQuery(limit=3)) == [*many[:2], many[4]]


# ---------------------------------------------------------------------------------- which jobs use which


def using(name: str, *calendars: list[str], **changes: object) -> Job:
    """A job with a trigger for each of these lists."""
    triggers = [{"name": f"t-{n}", "cron": "0 * * * * ?", "calendars": each} for n, each in enumerate(calendars)]
    return job(name, spec=definition(triggers=triggers), triggers=(), **changes)


def users(store: SqlStore, *calendars: tuple[str, str], **query: object) -> list[str]:
    found = store.jobs(JobQuery(calendars=calendars, **query))  # type: ignore[arg-type]  # names are the class's
    return [f"{each.namespace}/{each.name}" for each in found]


@pytest.fixture
def jobs(store: SqlStore, term: Term) -> list[Job]:
    made = [
        using("none", []),
        using("one", ["holidays"]),
        using("both", ["holidays", "other"], [], ["default/holidays", "ops/windows"]),
        using("elsewhere", ["holidays"], namespace="ops"),
        using("across", ["default/other"], namespace="ops"),
    ]
    put(store, term, *made)
    return made


@pytest.mark.usefixtures("jobs")
def test_jobs_that_have_a_trigger_with_any_of_these_calendars(store: SqlStore) -> None:
    """A bare name is of the job's own namespace; that there is no such calendar is not asked."""
    assert users(store, ("default", "holidays")) == ["default/both", "default/one"]
    assert users(store, ("ops", "holidays")) == ["ops/elsewhere"]
    assert users(store, ("default", "other")) == ["default/both", "ops/across"]
    assert users(store, ("ops", "windows"), ("default", "holidays")) == ["default/both", "default/one"]
    assert users(store, ("default", "windows"), ("none", "holidays")) == []
    assert users(store) == []


def test_calendars_beside_what_else_a_query_says(store: SqlStore, jobs: list[Job]) -> None:
    both = (("default", "other"), ("default", "holidays"), ("ops", "holidays"))
    assert users(store, *both, namespace="ops") == ["ops/across", "ops/elsewhere"]
    assert users(store, *both, limit=2) == ["default/both", "default/one"]
    assert users(store, *both, after=("default", "both"), limit=2) == ["default/one", "ops/across"]
    assert users(store, *both, names=(("default", "one"), ("default", "none"))) == ["default/one"]
    assert users(store, *both, uids=(jobs[0].uid, jobs[2].uid)) == ["default/both"]


@pytest.mark.usefixtures("jobs")
def test_any_number_of_calendars_may_be_asked_for(store: SqlStore) -> None:
    """And a job that uses several of them is found once."""
    strange = tuple(("x", f"c-{n}") for n in range(2000))
    wanted = (("default", "holidays"), *strange, ("default", "other"), ("ops", "windows"))
    assert users(store, *wanted) == ["default/both", "default/one", "ops/across"]
    assert users(store, *wanted, limit=2) == ["default/both", "default/one"]


def test_put_job_replaces_which_calendars_a_job_uses(store: SqlStore, term: Term, jobs: list[Job]) -> None:
    put(store, term, replace(jobs[2], revision=2, spec=using("both", ["other"], ["fresh"]).spec))
    assert users(store, ("default", "holidays")) == ["default/one"]
    assert users(store, ("default", "other")) == ["default/both", "ops/across"]
    assert users(store, ("default", "fresh")) == ["default/both"]
    put(store, term, replace(jobs[2], revision=3, spec=using("both", []).spec))
    assert users(store, ("default", "other"), ("default", "fresh")) == ["ops/across"]
    # of two in one transaction, the last one stays
    store.commit(term, [PutJob(jobs[2]), PutJob(replace(jobs[2], revision=4, spec=using("both", ["fresh"]).spec))])
    assert users(store, ("default", "holidays"), ("default", "fresh")) == ["default/both", "default/one"]
    assert users(store, ("ops", "windows")) == []


def test_delete_job_removes_them(store: SqlStore, term: Term, jobs: list[Job]) -> None:
    store.commit(term, [DeleteJob(jobs[2].uid)])
    assert users(store, ("default", "holidays"), ("ops", "windows")) == ["default/one"]
    store.commit(term, [DeleteJob(each.uid) for each in jobs])
    assert store.database.read(lambda c: c.scalar(text("SELECT count(*) FROM calendar_uses"))) == 0


def test_jobs_without_calendars_cost_one_statement_a_batch(store: SqlStore, term: Term) -> None:
    batch: list[Change] = [PutJob(job(f"job-{n}", created=START - n * SECOND)) for n in range(50)]
    asked = statements_of(lambda: store.commit(term, batch))
    assert len([sql for sql, _ in asked if "calendar" in sql]) == 1


def test_the_jobs_that_use_a_calendar_are_found_by_index(store: SqlStore, term: Term) -> None:
    put(store, term, *(using(f"job-{n:04}", [f"c-{n}"]) for n in range(1000)))
    store.database.write(lambda connection: connection.execute(text("ANALYZE")))
    plan = plans_of(store, lambda: users(store, ("default", "c-7")))
    assert "calendar_uses_name" in plan
    assert "scan jobs" not in plan.lower()
    assert "scan on jobs" not in plan.lower()

"""Identities: deterministic where they must be, ordered by time, and valid UUIDs of their versions."""

import uuid
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jobstore.ids import fire_id, from_milliseconds, milliseconds, new_id

FIRST, LAST = from_milliseconds(0), datetime(9999, 12, 31, tzinfo=UTC)
INSTANTS = st.timedeltas(timedelta(0), LAST - FIRST).map(lambda since: FIRST + since)
UUIDS = st.uuids()
MS = timedelta(milliseconds=1)


@given(UUIDS, INSTANTS)
def test_a_fires_id_is_the_same_whoever_records_it(trigger: uuid.UUID, at: datetime) -> None:
    again = uuid.UUID(str(trigger))
    assert fire_id(trigger, at) == fire_id(again, at.astimezone(UTC))


def test_a_fires_id_does_not_change_between_releases() -> None:
    trigger = uuid.UUID("018f0000-0000-7000-8000-000000000001")
    at = datetime(2026, 3, 1, 12, 0, 0, 123_000, tzinfo=UTC)
    assert str(fire_id(trigger, at)) == "019ca945-0a7b-8a0b-9ab3-330b59f36a15"


@given(UUIDS, UUIDS, INSTANTS, INSTANTS)
def test_different_fires_have_different_ids(one: uuid.UUID, other: uuid.UUID, at: datetime, then: datetime) -> None:
    same = one == other and milliseconds(at) == milliseconds(then)
    assert (fire_id(one, at) == fire_id(other, then)) == same


@given(UUIDS, UUIDS, INSTANTS, INSTANTS)
def test_a_later_millisecond_has_a_greater_id(one: uuid.UUID, other: uuid.UUID, at: datetime, then: datetime) -> None:
    if milliseconds(at) < milliseconds(then):
        assert fire_id(one, at) < fire_id(other, then)
        assert new_id(at) < new_id(then)
        assert fire_id(one, at) < new_id(then)


@given(UUIDS, INSTANTS)
def test_ids_have_the_version_and_variant_of_rfc_9562(trigger: uuid.UUID, at: datetime) -> None:
    for made, version in ((fire_id(trigger, at), 8), (new_id(at), 7)):
        assert made.version == version
        assert made.variant == uuid.RFC_4122
        assert made.int >> 80 == milliseconds(at)


def test_fresh_ids_differ() -> None:
    at = datetime(2026, 3, 1, tzinfo=UTC)
    assert len({new_id(at) for _ in range(10_000)}) == 10_000


@given(INSTANTS)
def test_milliseconds_and_back(at: datetime) -> None:
    back = from_milliseconds(milliseconds(at))
    assert back <= at < back + MS
    assert milliseconds(back) == milliseconds(at)

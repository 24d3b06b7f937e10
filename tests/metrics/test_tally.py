"""The cheap histogram says the same as prometheus-client's."""

from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from cronquorum.tally import Tally

BOUNDS = (0.005, 0.1, 1, 2.5)


@settings(deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.005, 0.0050001, 0.1, 1.0, 2.5, 3.0, -1.0]), max_size=20))
def test_it_is_written_as_the_librarys_own(values: list[float]) -> None:
    theirs, ours = CollectorRegistry(), CollectorRegistry()
    histogram = Histogram("waits_seconds", "How long", registry=theirs, buckets=BOUNDS)
    tally = Tally("waits_seconds", "How long", BOUNDS, ours)
    for value in values:
        histogram.observe(value)
        tally.add(value)
    expected = [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]
    assert generate_latest(ours).splitlines() == expected

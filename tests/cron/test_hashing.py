"""H: one value for a key, the same for ever."""

import subprocess
import sys
from collections import Counter

import pytest

from scheduler.cron import CronError, CronExpression, parse


def _parse(text: str, key: str = "default/report") -> CronExpression:
    return parse(text, key=key)


# These are kept by the jobs of everybody: a change here is a change of when they run.
@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0 H H * * ?", "0 28 17 * * ?"),
        ("H H H H H ?", "1 28 17 10 11 ?"),
        ("0 0 0 ? * H", "0 0 0 ? * FRI"),
        ("H H * * *", "0 28 17 * * ?"),
        ("0 0 * * H", "0 0 0 ? * FRI"),
        ("0 H/15 * * * ?", "0 13/15 * * * ?"),
        ("0 h(0-29)/10 * * * ?", "0 8-28/10 * * * ?"),
        ("0 0 H(9-17) * * ?", "0 0 17 * * ?"),
        ("0 0 0 H/7 * ?", "0 0 0 3-24/7 * ?"),
        ("0 0 0 ? H(JUN-AUG) H(mon-fri)", "0 0 0 ? 7 MON"),
        ("0 H,30 0 * * ?", "0 28,30 0 * * ?"),
        ("0 H(0-29),H(30-59) * * * ?", "0 28,58 * * * ?"),
        ("DAYS=or 0 0 0 H * H", "DAYS=or 0 0 0 10 * FRI"),
    ],
)
def test_the_values_of_a_key(text: str, canonical: str) -> None:
    expression = _parse(text)
    assert str(expression) == canonical
    assert parse(canonical) == expression
    assert parse(expression.text) == expression  # without the key


def test_another_process_says_the_same() -> None:
    script = "from scheduler.cron import parse; print(parse('H H H H H ?', key='default/report'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(_parse("H H H H H ?"))


def test_keys_are_spread_evenly() -> None:
    minutes = Counter(parse("0 H 0 * * ?", key=f"default/job-{number}").times.minutes for number in range(6000))
    assert len(minutes) == 60
    assert max(minutes.values()) < 2 * min(minutes.values())


def test_what_is_hashed_stays_in_its_range() -> None:
    for number in range(200):
        key = f"default/job-{number}"
        assert parse("0 0 0 H * ?", key=key).days.rule == parse(str(parse("0 0 0 H(1-28) * ?", key=key))).days.rule
        minute = parse("0 H(10-19) 0 * * ?", key=key).times.minutes.bit_length() - 1
        assert 10 <= minute <= 19
        assert parse("0 H/15 0 * * ?", key=key).times.minutes.bit_count() == 4
        assert parse("0 H(0-29)/10 0 * * ?", key=key).times.minutes.bit_count() == 3


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key(key: str | None) -> None:
    with pytest.raises(CronError, match="H needs a key from which the value is hashed, and none was given"):
        parse("0 0 H * * ?", key=key)


def test_any_key_will_do() -> None:
    for key in ("\ud800", "\0", "x" * 100_000, "ключ"):
        assert parse("0 H H * * ?", key=key) == parse("0 H H * * ?", key=key)


def test_a_text_that_grows_beyond_the_limit() -> None:
    text = "0 0 0 " + ",".join(["H/7"] * 61) + " * ?"
    assert len(text) <= 256
    with pytest.raises(CronError, match="with H and days written out it has"):
        _parse(text)

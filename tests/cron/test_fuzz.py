"""Whatever the text: an expression or a CronError, at once, and nothing else.

10,000 texts in all: any text, texts made of the language's pieces, and damaged expressions.
"""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from scheduler.cron import CronError, DayMode, parse, to_quartz

from .cases import dst_cases, quartz_cases

_LONGEST = 0.5  # seconds of the processor for one text; ten times what bad-inputs.md asks, for a busy machine
_UTC = ZoneInfo("UTC")
_START = datetime(2026, 1, 1, tzinfo=UTC)


def fuzz(examples: int) -> settings:
    """Everything but the time that hypothesis would spend on what isn't of use here."""
    return settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow],
    )


def _check(text: str, days: DayMode | None) -> None:
    with _no_collector():
        start = time.thread_time()
        _parse(text, days)
        took = time.thread_time() - start
    assert took < _LONGEST


@contextmanager
def _no_collector() -> Iterator[None]:
    """In a process that holds all tests, one turn of the garbage collector takes half a second, in whichever thread."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _parse(text: str, days: DayMode | None) -> None:
    try:
        expression = parse(text, key="default/report", days=days)
    except CronError as error:
        message = str(error)
        assert message.isascii()
        assert message.isprintable()
        assert len(message) < 400
        assert error.column is None or 1 <= error.column <= len(text) + 1
    else:
        assert parse(str(expression)) == expression
        assert expression.describe().isprintable()
        fire = expression.next_after(_START, _UTC)
        assert fire is None or expression.previous_before(fire, _UTC) != fire
        try:
            assert parse(to_quartz(expression)) == expression
        except CronError as error:
            assert "Quartz" in str(error) or "characters are more than" in str(error)


_PIECES = (
    *"*?,-/#LWHhlw()0159@=:\t\n\x00\ufeff\u0661\u202e\u017f",
    *["*", "?", "*/", "L-", "LW", "15W", "#3", "MONL", "H(", "H/", "H(0-29)", "1,", "0", "7"],
    *["31", "59", "60", "2199", "JAN", "MON", "fri", "99999999999999999999"],
    *["@daily", "@", "DAYS=or ", "DAYS=", "CRON_TZ=", "TZ=UTC "],
)
_SPACED_PIECES = (*_PIECES, *[" "] * 20)
_EXPRESSIONS = (
    *sorted({case.text for case in (*quartz_cases(), *dst_cases())}),
    *["*/5 9-17 * * 1-5", "0 0 13 * FRI", "0 0 1,15 */2 7", "@weekly", "H H(0-7) * * *"],
    *["DAYS=and 0 0 0 13 * FRI", "0 H/15 H(9-17) ? * 1,FRIL,2#3", "0 0 0 1,15W,L-3W,L * ? 2026/2"],
)


def _spelt(pieces: Sequence[str], raw: bytes) -> str:
    """Many draws are slow; one draw of bytes is not."""
    return "".join(pieces[byte % len(pieces)] for byte in raw)


def _fields(raw: bytes) -> str:
    return " ".join(_spelt(_PIECES, raw[start : start + 3]) for start in range(0, len(raw), 3))


_days = st.sampled_from([None, "and", "or"])


@fuzz(2_000)
@given(st.text(max_size=60), _days)
def test_any_text(text: str, days: DayMode | None) -> None:
    _check(text, days)


@fuzz(3_000)
@given(st.binary(max_size=24), _days)
def test_texts_of_pieces(raw: bytes, days: DayMode | None) -> None:
    _check(_spelt(_SPACED_PIECES, raw), days)


@fuzz(2_000)
@given(st.binary(min_size=13, max_size=21), _days)
def test_texts_of_five_to_seven_fields(raw: bytes, days: DayMode | None) -> None:
    _check(_fields(raw), days)


@fuzz(3_000)
@given(st.sampled_from(_EXPRESSIONS), _days, st.binary(min_size=2, max_size=5))
def test_damaged_expressions(text: str, days: DayMode | None, raw: bytes) -> None:
    """A few characters replaced: the first byte says where, the second how many."""
    at = raw[0] % (len(text) + 1)
    _check(text[:at] + _spelt(_SPACED_PIECES, raw[2:]) + text[at + raw[1] % 4 :], days)

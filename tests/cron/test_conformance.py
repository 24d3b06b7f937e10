"""The cases answered by a real Quartz, and those of the rules for clock changes."""

import pytest

from scheduler.cron import offsets, parse

from .cases import Case, dst_cases, quartz_cases


def _failures(cases: list[Case]) -> list[str]:
    """The cases that are answered otherwise, in words."""
    failures = []
    for case in cases:
        answer = case.answer(parse(case.text))
        if answer != case.fires:
            failures.append(
                f"{case.text} in {case.zone} from {case.start} ({case.gap}, {case.overlap}): "
                f"expected {[str(fire) for fire in case.fires]}, got {[str(fire) for fire in answer]}"
            )
    return failures


def test_quartz_cases() -> None:
    cases = quartz_cases()
    assert len(cases) == 2000
    assert _failures(cases) == []


def test_clock_change_cases() -> None:
    cases = dst_cases()
    assert len(cases) == 400
    assert _failures(cases) == []


def test_where_a_span_is_cut_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans are cut at arbitrary instants; one may lie in the middle of an overlap."""
    cases = [case for case in dst_cases() if case.overlap != "both"]
    assert {case.overlap for case in cases[::3]} == {"first", "second"}
    offsets._spans.cache_clear()
    monkeypatch.setattr(offsets, "_CHUNK", 900)
    try:
        assert _failures(cases[::3]) == []
    finally:
        offsets._spans.cache_clear()


def test_every_canonical_text_means_the_same() -> None:
    texts = {case.text for case in (*quartz_cases(), *dst_cases())}
    assert len(texts) > 1000
    for text in texts:
        expression = parse(text)
        assert parse(str(expression)) == expression
        assert str(parse(str(expression))) == str(expression)

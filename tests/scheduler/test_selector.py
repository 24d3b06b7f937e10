"""Selectors over labels."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.selector import MAX_LENGTH, Selector, SelectorError, parse_selector

LABELS = {"zone": "a", "gpu": "h100", "empty": "", "example.com/team": "data"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("   ", True),
        ("zone=a", True),
        ("zone==a", True),
        (" zone = a ", True),
        ("zone=b", False),
        ("zone!=b", True),
        ("zone!=a", False),
        ("none!=a", True),  # as in Kubernetes: what is not there is not equal
        ("none=a", False),
        ("empty=", True),
        ("zone=", False),
        ("zone", True),
        ("none", False),
        ("!none", True),
        ("! none", True),
        ("!zone", False),
        ("gpu in (h100,h200)", True),
        ("gpu in(h100)", True),
        ("gpu in ( h200 , h300 )", False),
        ("none in (h100)", False),
        ("gpu notin (h200)", True),
        ("gpu notin (h100)", False),
        ("none notin (h100)", True),
        ("zone=a,gpu in (h100,h200)", True),
        ("zone=a,gpu in (h100,h200),!zone", False),
        ("example.com/team=data", True),
        ("in=a", False),
        ("notin", False),
    ],
)
def test_a_selector_holds_or_does_not(text: str, holds: bool) -> None:
    assert parse_selector(text).matches(LABELS) is holds


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "=a",
            "column 1 of '=a' does not begin a term such as zone=a, zone!=a, gpu in (a,b), gpu or !gpu",
        ),
        (
            "zone=a,",
            "column 8 of 'zone=a,' does not begin a term such as zone=a, zone!=a, gpu in (a,b), gpu or !gpu",
        ),
        ("zone=a gpu=b", "column 8 of 'zone=a gpu=b': a comma is missing"),
        ("zone=a;gpu=b", "column 7 of 'zone=a;gpu=b': a comma is missing"),
        ("gpu in ()", "the values of 'gpu' are not a list such as (a,b) in 'gpu in ()'"),
        ("gpu in (a,,b)", "the values of 'gpu' are not a list such as (a,b) in 'gpu in (a,,b)'"),
        ("gpu in (a b)", "the values of 'gpu' are not a list such as (a,b) in 'gpu in (a b)'"),
        ("gpu in (a", "column 5 of 'gpu in (a': a comma is missing"),
        ("gpu\x00", "column 4 of 'gpu\\x00': a comma is missing"),
        ("zöne=a", "column 2 of 'z\\xf6ne=a': a comma is missing"),
        ("a" * (MAX_LENGTH + 1), "longer than 1024 characters"),
    ],
)
def test_what_is_no_selector_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(SelectorError) as refused:
        parse_selector(text)
    assert str(refused.value) == told


_keys = st.sampled_from(["zone", "gpu", "a.b/c", "in", "notin"])
_values = st.sampled_from(["", "a", "b", "h-100", "x_y.z"])
_words = _values.filter(bool)
_labels = st.dictionaries(_keys, _values)
_term = st.one_of(
    st.tuples(st.just("="), _keys, st.tuples(_values)),
    st.tuples(st.just("!="), _keys, st.tuples(_values)),
    st.tuples(st.just("in"), _keys, st.lists(_words, min_size=1, max_size=3).map(tuple)),
    st.tuples(st.just("notin"), _keys, st.lists(_words, min_size=1, max_size=3).map(tuple)),
    st.tuples(st.just("has"), _keys, st.just(())),
    st.tuples(st.just("hasnt"), _keys, st.just(())),
)
Term = tuple[str, str, tuple[str, ...]]


def _text(term: Term) -> str:
    kind, key, values = term
    match kind:
        case "=" | "!=":
            return f"{key}{kind}{values[0]}"
        case "in" | "notin":
            return f"{key} {kind} ({','.join(values)})"
        case "has":
            return key
    return f"!{key}"


def _holds(term: Term, labels: dict[str, str]) -> bool:
    """The meaning of a term, as the documentation of Kubernetes says it."""
    kind, key, values = term
    match kind:
        case "=" | "in":
            return key in labels and labels[key] in values
        case "!=" | "notin":
            return key not in labels or labels[key] not in values
        case "has":
            return key in labels
    return key not in labels


@settings(deadline=None)
@given(st.lists(_term, max_size=4), _labels)
def test_all_terms_must_hold(terms: list[Term], labels: dict[str, str]) -> None:
    selector = parse_selector(",".join(_text(term) for term in terms))
    assert selector.matches(labels) == all(_holds(term, labels) for term in terms)


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_a_selector_or_is_refused(text: str) -> None:
    try:
        selector = parse_selector(text)
    except SelectorError as error:
        assert "\n" not in str(error)
        assert str(error).isascii()
    else:
        assert isinstance(selector, Selector)

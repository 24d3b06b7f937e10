"""The chart of the report, as SVG: how far each row reaches its target, and the drains of the peers beside ours."""

import math
from collections.abc import Iterator
from xml.sax.saxutils import escape

from benchmarks.table import PEERS, ROWS, Found

_WIDTH, _LEFT, _BAR, _STEP = 900, 250, 16, 26
_RIGHT = _WIDTH - 90
_LEAST, _MOST = 0.05, 20.0
"""Times as good as the target, at the ends of a logarithmic scale."""
_GOOD, _BAD, _OTHER, _INK = "#2a7f62", "#b5483a", "#8a8f98", "#30343b"


def chart(found: dict[str, Found]) -> str:
    """The whole picture."""
    reached = [(row.key, min(row.reached(found[row.key]))) for row in ROWS if row.key in found]
    rates = _rates(found.get(PEERS.key))
    body = list(_targets(reached, 40))
    top = 40 + _STEP * len(reached) + 70
    if rates:
        body += _drains(rates, top)
        top += _STEP * len(rates) + 30
    style = f'font-family="sans-serif" font-size="13" fill="{_INK}"'
    box = f'viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}"'
    back = f'<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {box} {style}>', back, *body, "</svg>"]) + "\n"


def _rates(session: Found | None) -> list[tuple[str, float]]:
    if session is None:
        return []
    peers = [(name, float(peer["rate"])) for name, peer in session["peers"].items() if "rate" in peer]
    return [("Cronquorum", float(session["rate"])), *peers]


def _targets(reached: list[tuple[str, float]], top: int) -> Iterator[str]:
    yield _text(10, top - 16, "Times as good as the target (the line), of a row's figures the worst", bold=True)
    one = _place(1.0)
    for number, (name, ratio) in enumerate(reached):
        y, end = top + number * _STEP, _place(ratio)
        yield _text(_LEFT - 10, y + 13, name, end=True)
        yield _bar(min(one, end), y, abs(end - one), _GOOD if ratio >= 1 else _BAD)
        yield _text(max(one, end) + 6, y + 13, f"{ratio:.2f}")
    bottom = top + _STEP * len(reached)
    yield f'<line x1="{one:.0f}" y1="{top - 6}" x2="{one:.0f}" y2="{bottom}" stroke="{_INK}" stroke-width="1.5"/>'
    for mark in (0.1, 0.5, 1, 2, 10):
        yield _text(_place(mark) - 8, bottom + 14, f"{mark:g}")


def _drains(rates: list[tuple[str, float]], top: int) -> Iterator[str]:
    yield _text(10, top - 16, "One-shot jobs a second, drained on the same PostgreSQL", bold=True)
    most = max(rate for _, rate in rates)
    for number, (name, rate) in enumerate(rates):
        y, length = top + number * _STEP, (_RIGHT - _LEFT) * rate / most
        yield _text(_LEFT - 10, y + 13, name, end=True)
        yield _bar(_LEFT, y, length, _OTHER if number else _GOOD)
        yield _text(_LEFT + length + 6, y + 13, f"{rate:,.0f}")


def _place(ratio: float) -> float:
    share = math.log(min(_MOST, max(_LEAST, ratio)) / _LEAST) / math.log(_MOST / _LEAST)
    return _LEFT + share * (_RIGHT - _LEFT)


def _bar(x: float, y: float, width: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y}" width="{max(1.0, width):.1f}" height="{_BAR}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, *, end: bool = False, bold: bool = False) -> str:
    how = (' text-anchor="end"' if end else "") + (' font-weight="bold"' if bold else "")
    return f'<text x="{x:.0f}" y="{y:.0f}"{how}>{escape(text)}</text>'

"""Small pictures as SVG: bars of a histogram, and points on a line."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from math import log10

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 44, 56
INK, GRID, BAR, BAD = "#1f2933", "#d5dbe1", "#2f6f9f", "#c0392b"
_FONT = 'font-family="DejaVu Sans, Helvetica, sans-serif"'


@dataclass
class Drawing:
    """Elements of a picture, in pixels from the upper left."""

    title: str
    width: int = WIDTH
    height: int = HEIGHT
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, *, size: int = 12, anchor: str = "middle", ink: str = INK) -> None:
        told = f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{ink}" {_FONT}>'
        self.parts.append(f"{told}{escape(text)}</text>")

    def line(self, x1: float, y1: float, x2: float, y2: float, ink: str = GRID, dash: str = "") -> None:
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        self.parts.append(f'<line {place} stroke="{ink}" stroke-width="1"{dashed}/>')

    def bar(self, x: float, y: float, width: float, height: float, ink: str = BAR) -> None:
        place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
        self.parts.append(f'<rect {place} fill="{ink}"/>')

    def dot(self, x: float, y: float, ink: str = BAR) -> None:
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="{ink}" fill-opacity="0.75"/>')

    def svg(self) -> str:
        """The whole picture."""
        self.text(LEFT, 24, self.title, size=15, anchor="start")
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        back = f'<rect width="{self.width}" height="{self.height}" fill="white"/>'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>'
        return "\n".join([head, back, *self.parts, "</svg>"]) + "\n"


def histogram(title: str, values: Sequence[float], edges: Sequence[float], labels: Sequence[str]) -> str:
    """How many values lie between each two edges (the last bar: above), on a logarithmic scale of counts.

    `labels` name the bars.
    """
    counts = [0] * len(edges)
    for value in values:
        counts[max(0, sum(1 for edge in edges if edge <= value) - 1)] += 1
    drawing = Drawing(title)
    top = max(1, len(str(max(counts, default=1))))
    plot, floor = HEIGHT - TOP - BOTTOM, HEIGHT - BOTTOM
    for power in range(top + 1):
        y = floor - plot * power / top
        drawing.line(LEFT, y, WIDTH - RIGHT, y)
        drawing.text(LEFT - 8, y + 4, f"{10**power:,}" if power else "1", anchor="end", size=11)
    step = (WIDTH - LEFT - RIGHT) / len(edges)
    for place, count in enumerate(counts):
        x = LEFT + place * step
        if count:
            height = max(3.0, plot * log10(count) / top)
            drawing.bar(x + 3, floor - height, step - 6, height)
            drawing.text(x + step / 2, floor - height - 5, f"{count:,}", size=11)
        drawing.text(x + step / 2, floor + 18, labels[place], size=11)
    drawing.line(LEFT, floor, WIDTH - RIGHT, floor, INK)
    return drawing.svg()


@dataclass(frozen=True)
class Row:
    """Points of one name on a line of seconds; `most` is drawn as a mark."""

    name: str
    seconds: Sequence[float]
    most: float | None = None


def rows(title: str, lines: Sequence[Row]) -> str:
    """One line for each name, its points at their seconds; those behind the mark are red."""
    left, height = 210, TOP + 30 * max(1, len(lines)) + BOTTOM
    drawing = Drawing(title, height=height)
    longest = max([1.0, *(s for line in lines for s in line.seconds), *(line.most or 0.0 for line in lines)])
    unit = next(unit for unit in (0.5, 1, 2, 5, 10, 20, 60, 120, 600) if longest / unit <= 8 or unit == 600)
    end = unit * (int(longest / unit) + 1)
    floor = height - BOTTOM

    def place(seconds: float) -> float:
        return left + (WIDTH - left - RIGHT - 16) * min(seconds, end) / end

    for number in range(int(end / unit) + 1):
        x = place(number * unit)
        drawing.line(x, TOP, x, floor)
        drawing.text(x, floor + 18, f"{number * unit:g} s", size=11)
    for number, line in enumerate(lines):
        y = TOP + 30 * number + 15
        drawing.text(left - 12, y + 4, line.name, anchor="end")
        drawing.line(left, y, WIDTH - RIGHT - 16, y)
        if line.most is not None:
            drawing.line(place(line.most), y - 12, place(line.most), y + 12, BAD, "3 2")
        for seconds in line.seconds:
            late = line.most is not None and seconds > line.most
            drawing.dot(place(seconds), y, BAD if late else BAR)
    if not lines:
        drawing.text(WIDTH / 2, TOP + 20, "no fault of this kind in this run")
    return drawing.svg()

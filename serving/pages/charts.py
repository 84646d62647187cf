"""Figures as inline SVG, each with a title, a description and the same numbers as a table: no script, no font, no host.

Positions are percentages of the width and text keeps its size, so one drawing serves 390 px and 1200 px. Colours are
classes of `style.css`; rising and falling parts also differ in lightness and carry a sign, so they read in grey.
Every number arrives as text already: this module knows no language and no locale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

ROW = 26  # px a row of bars is high
LABEL_SHARE, VALUE_SHARE = 0.40, 0.16  # of the width, for a row's label and its value
RAISES, LOWERS, TOTAL = "raises", "lowers", "total"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A figure: what it says in a sentence, the drawing, and its numbers as a table.

    title : a sentence that gives the finding. svg : the drawing. head, rows : the table; its cells are text.
    legend : (class, text) pairs of what the fills mean.
    """

    name: str
    title: str
    svg: Markup
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A row of a bar chart: its label, its length (any unit, at or above 0), its value as text, its fill's class."""

    label: str
    value: float
    shown: str
    fill: str = TOTAL


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of a waterfall: its label, by how much it moves the sum, and that as text."""

    label: str
    change: float
    shown: str


@dataclass(frozen=True, kw_only=True)
class Span:
    """An invoice on a time line: issued, due and paid as days of one count (paid None: still open), with its texts."""

    label: str
    start: float
    due: float
    end: float
    is_open: bool
    fill: str
    shown: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line over time: one (place, value, low, high) a point, in ascending order; low and high may be the value."""

    points: Sequence[tuple[float, float, float, float]]
    marks: Sequence[tuple[float, float, str]] = field(default=())  # (place, value, what is marked)


def waterfall(
    name: str, title: str, desc: str, *, base: Bar, steps: Sequence[Step], total: Bar, head: tuple[str, ...]
) -> Chart:
    """Return a waterfall from a base to a total: each step starts where the one before ended.

    base.value + Σ step.change must be total.value (to 1e-9, relative); raises ValueError where it is not.
    """
    running, spans = base.value, []
    for step in steps:
        spans.append((running, running + step.change))
        running += step.change
    if abs(running - total.value) > 1e-9 * max(1.0, abs(total.value)):
        raise ValueError(f"the steps of a waterfall must lead to its total: {running!r} is not {total.value!r}")
    ends = [0.0, base.value, total.value, *(x for span in spans for x in span)]
    low, high = min(ends), max(ends)
    left, width = 100 * LABEL_SHARE, 100 * (1 - LABEL_SHARE - VALUE_SHARE)
    scale = width / (high - low) if high > low else 0.0

    def at(value: float) -> float:
        return left + (value - low) * scale

    rows = [_row(0, base.label, base.shown, at(0.0), at(base.value), TOTAL)]
    for place, (step, (start, end)) in enumerate(zip(steps, spans, strict=True), 1):
        fill = RAISES if step.change > 0 else LOWERS
        rows.append(_row(place, step.label, step.shown, at(start), at(end), fill))
        y = place * ROW
        rows.append(f'<line class="joint" x1="{at(start):.2f}%" x2="{at(start):.2f}%" y1="{y - 4}" y2="{y + 4}"/>')
    last = len(steps) + 1
    rows.append(_row(last, total.label, total.shown, at(0.0), at(total.value), TOTAL))
    table = [(base.label, base.shown), *((s.label, s.shown) for s in steps), (total.label, total.shown)]
    return Chart(
        name=name, title=title, svg=_svg(name, title, desc, (last + 1) * ROW, "".join(rows)), head=head,
        rows=tuple(table),
    )  # fmt: skip


def bars(name: str, title: str, desc: str, *, rows: Sequence[Bar], head: tuple[str, ...]) -> Chart:
    """Return horizontal bars from a common zero, one a row, with label and value."""
    highest = max((bar.value for bar in rows), default=0.0)
    left, width = 100 * LABEL_SHARE, 100 * (1 - LABEL_SHARE - VALUE_SHARE)
    scale = width / highest if highest > 0 else 0.0
    drawn = (
        _row(place, bar.label, bar.shown, left, left + bar.value * scale, bar.fill) for place, bar in enumerate(rows)
    )
    table = tuple((bar.label, bar.shown) for bar in rows)
    return Chart(
        name=name, title=title, svg=_svg(name, title, desc, max(1, len(rows)) * ROW, "".join(drawn)), head=head,
        rows=table,
    )  # fmt: skip


def stacked(name: str, title: str, desc: str, *, parts: Sequence[Bar], head: tuple[str, ...]) -> Chart:
    """Return one bar of parts that add up to the whole, with a legend; nothing is drawn where the sum is 0."""
    total = sum(part.value for part in parts)
    x, drawn = 0.0, []
    for part in parts if total > 0 else ():
        width = 100 * part.value / total
        if width > 0:
            drawn.append(
                f'<rect class="{part.fill}" x="{x:.3f}%" y="2" width="{width:.3f}%" height="22"/>'
                f'<line class="cut" x1="{x:.3f}%" x2="{x:.3f}%" y1="2" y2="24"/>'
            )
        x += width
    return Chart(
        name=name, title=title, svg=_svg(name, title, desc, ROW, "".join(drawn)), head=head,
        rows=tuple((part.label, part.shown) for part in parts),
        legend=tuple((part.fill, f"{part.label} {part.shown}") for part in parts if part.value > 0),
    )  # fmt: skip


def line(
    name: str, title: str, desc: str, *, drawn: Line, ticks: Sequence[tuple[float, str]],
    ends: tuple[str, str], head: tuple[str, ...], rows: Sequence[tuple[str, ...]], height: int = 150,
) -> Chart:  # fmt: skip
    """Return a line with its band and marks; ticks are (value, text) on the vertical axis, ends the texts below it."""
    left, top, bottom = 11.0, 10, height - 20
    places = [p[0] for p in drawn.points]
    values = [x for p in drawn.points for x in p[1:]] + [tick[0] for tick in ticks]
    first, last = (min(places), max(places)) if places else (0.0, 1.0)
    low, high = min(values, default=0.0), max(values, default=1.0)

    def x(place: float) -> float:
        return left + (98.5 - left) * ((place - first) / (last - first) if last > first else 0.5)

    def y(value: float) -> float:
        return bottom - (bottom - top) * ((value - low) / (high - low) if high > low else 0.5)

    grid = "".join(
        f'<line class="grid" x1="{left}%" x2="100%" y1="{y(v):.1f}" y2="{y(v):.1f}"/>'
        f'<text class="axis" x="{left - 1}%" y="{y(v) + 4:.1f}" text-anchor="end">{escape(text)}</text>'
        for v, text in ticks
    )
    band = " ".join([f"{x(p):.2f},{y(h):.1f}" for p, _, _, h in drawn.points]
                    + [f"{x(p):.2f},{y(lo):.1f}" for p, _, lo, _ in reversed(drawn.points)])  # fmt: skip
    path = " ".join(f"{x(p):.2f},{y(v):.1f}" for p, v, _, _ in drawn.points)
    stretched = (
        f'<svg viewBox="0 0 100 {height}" preserveAspectRatio="none" width="100%" height="{height}">'
        f'<polygon class="band" points="{band}"/><polyline class="line" points="{path}"/></svg>'
    )
    marks = "".join(
        f'<circle class="mark" cx="{x(p):.2f}%" cy="{y(v):.1f}" r="4.5"><title>{escape(text)}</title></circle>'
        for p, v, text in drawn.marks
    )
    if len(drawn.points) == 1:
        marks += f'<circle class="dot" cx="{x(places[0]):.2f}%" cy="{y(drawn.points[0][1]):.1f}" r="3"/>'
    below = (
        f'<text class="axis" x="{left}%" y="{height - 4}">{escape(ends[0])}</text>'
        f'<text class="axis" x="98.5%" y="{height - 4}" text-anchor="end">{escape(ends[1])}</text>'
    )
    return Chart(
        name=name, title=title, svg=_svg(name, title, desc, height, grid + stretched + marks + below), head=head,
        rows=tuple(rows),
    )  # fmt: skip


def timeline(
    name: str, title: str, desc: str, *, spans: Sequence[Span], ends: tuple[str, str], head: tuple[str, ...],
    row: int = 11,
) -> Chart:  # fmt: skip
    """Return one bar an invoice from issue to payment, the due day marked, the time after it in the fill of its lateness.

    The table has the columns of `head`, from each span's `cells`.
    """
    first = min((s.start for s in spans), default=0.0)
    last = max((max(s.end, s.due) for s in spans), default=1.0)
    scale = 99.0 / (last - first) if last > first else 0.0
    drawn = []
    for place, s in enumerate(spans):
        y = place * row + 2
        x0, due, x1 = ((v - first) * scale + 0.5 for v in (s.start, s.due, s.end))
        until = min(due, x1)
        texts = escape(f"{s.label}: {s.shown}")
        late = x1 - due
        open_end = ' class="opened"' if s.is_open else ""
        drawn.append(
            f"<g{open_end}><title>{texts}</title>"
            f'<rect class="intime" x="{x0:.2f}%" y="{y}" width="{max(until - x0, 0.2):.2f}%" height="{row - 4}"/>'
            + (
                f'<rect class="{s.fill}" x="{due:.2f}%" y="{y}" width="{late:.2f}%" height="{row - 4}"/>'
                if late > 0
                else ""
            )
            + f'<line class="due" x1="{due:.2f}%" x2="{due:.2f}%" y1="{y - 1}" y2="{y + row - 3}"/>'
            + (f'<circle class="still" cx="{x1:.2f}%" cy="{y + (row - 4) / 2}" r="2.6"/>' if s.is_open else "")
            + "</g>"
        )
    height = len(spans) * row + 22
    below = (
        f'<text class="axis" x="0.5%" y="{height - 5}">{escape(ends[0])}</text>'
        f'<text class="axis" x="99.5%" y="{height - 5}" text-anchor="end">{escape(ends[1])}</text>'
    )
    return Chart(
        name=name, title=title, svg=_svg(name, title, desc, height, "".join(drawn) + below), head=head,
        rows=tuple(s.cells for s in spans),
    )  # fmt: skip


def _row(place: int, label: str, shown: str, x0: float, x1: float, fill: str) -> str:
    """A label on the left, a bar from x0 to x1 (percent of the width), a value on the right."""
    y, left, width = place * ROW, min(x0, x1), max(abs(x1 - x0), 0.15)
    return (
        f'<text class="label" x="0" y="{y + 17}">{escape(label)}</text>'
        f'<rect class="{fill}" x="{left:.2f}%" y="{y + 5}" width="{width:.2f}%" height="{ROW - 10}"/>'
        f'<text class="value" x="100%" y="{y + 17}" text-anchor="end">{escape(shown)}</text>'
    )


def _svg(name: str, title: str, desc: str, height: int, inside: str) -> Markup:
    return Markup(
        f'<svg class="chart {name}" role="img" width="100%" height="{height}" '
        f'aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(desc)}</desc>{inside}</svg>'
    )

"""Charts of a report as inline SVG: lines, bars and stacked bars that differ in grey, with a title and a description."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from decisions.report import Chart

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 260, 64, 44, 12, 12
MOST_LABELS = 13
SERIES = 6  # classes s0 … s5 of the style

SUMMARY, NO_VALUE = "first {}, last {}, lowest {}, highest {}", "no value"


def svg(chart: Chart, summary: str = SUMMARY, no_value: str = NO_VALUE) -> Markup:
    """Return the chart as SVG text. Raises ValueError for an unknown kind.

    summary, no_value : what a screen reader hears of a series: with its first, last, lowest and highest value; without any.
    """
    if chart.kind not in ("line", "bars", "stacked"):
        raise ValueError(f"The kind of chart {chart.name} must be line, bars or stacked. Got {chart.kind}.")
    low, high = _range(chart)
    marks = _lines(chart, low, high) if chart.kind == "line" else _bars(chart, low, high)
    words = "; ".join(f"{name}: {_spoken(values, summary, no_value)}" for name, values in chart.series.items())
    return Markup(
        '<figure><figcaption>{title}{unit}</figcaption>{legend}<svg viewBox="0 0 {w} {h}" role="img" '
        'aria-label="{title}"><title>{title}</title><desc>{desc}</desc>{axis}{marks}</svg></figure>'
    ).format(
        title=chart.title, unit=f" ({chart.unit})" if chart.unit else "", legend=_legend(chart), w=WIDTH, h=HEIGHT,
        desc=words, axis=_axis(chart, low, high), marks=marks,
    )  # fmt: skip


def _range(chart: Chart) -> tuple[float, float]:
    """Return the ends of the value axis: round numbers that hold 0 and every value."""
    if chart.kind == "stacked":
        columns = zip(*chart.series.values(), strict=True)
        ends = [sum(v for v in column if v is not None and v > 0) for column in columns]
        lows = [
            sum(v for v in column if v is not None and v < 0) for column in zip(*chart.series.values(), strict=True)
        ]
    else:
        ends = [v for values in chart.series.values() for v in values if v is not None]
        lows = ends
    step = nice_step(max([*ends, 0.0]) - min([*lows, 0.0]))
    return math.floor(min([*lows, 0.0]) / step) * step, max(math.ceil(max([*ends, 0.0]) / step) * step, step)


def nice_step(span: float) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that cuts the span in at most about five."""
    if span <= 0:
        return 1.0
    raw = span / 5
    power = 10.0 ** math.floor(math.log10(raw))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)


def _y(value: float, low: float, high: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low))


def _x(place: float, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / max(count, 1)


def _axis(chart: Chart, low: float, high: float) -> Markup:
    parts, step = [], nice_step(high - low)
    for k in range(round((high - low) / step) + 1):
        value = low + k * step
        y = _y(value, low, high)
        kind = "zero" if abs(value) < step / 1e6 else "grid"
        parts.append(Markup('<line class="{}" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>').format(
            kind, LEFT, WIDTH - RIGHT, y, y))  # fmt: skip
        parts.append(Markup('<text class="tick" x="{}" y="{:.1f}" text-anchor="end">{}</text>').format(
            LEFT - 6, y + 4, short(value, step)))  # fmt: skip
    count = len(chart.categories)
    every = max(1, math.ceil(count / MOST_LABELS))
    for place in range(0, count, every):
        parts.append(Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            _x(place, count), HEIGHT - BOTTOM + 18, chart.categories[place]))  # fmt: skip
    return Markup("").join(parts)


def short(value: float, step: float) -> str:
    """Return a tick's number: thousands as k, millions as M."""
    size = max(abs(value), step) if value else 0.0
    if size >= 1e6:
        return f"{value / 1e6:g} M"
    if size >= 1e4:
        return f"{value / 1e3:g} k"
    return f"{round(value, 6):g}"


def _lines(chart: Chart, low: float, high: float) -> Markup:
    parts, count = [], len(chart.categories)
    for number, (name, values) in enumerate(chart.series.items()):
        run: list[str] = []
        runs = [run]
        for place, value in enumerate(values):
            if value is None:
                run = []
                runs.append(run)
                continue
            x, y = _x(place, count), _y(value, low, high)
            run.append(f"{x:.1f},{y:.1f}")
            parts.append(_mark(f'<circle class="f{number % SERIES}" cx="{x:.1f}" cy="{y:.1f}" r="2.5">', "circle",
                               name, chart.categories[place], value, chart.unit))  # fmt: skip
        for points in runs:
            if len(points) > 1:
                parts.append(Markup('<polyline class="s{}" points="{}"/>').format(number % SERIES, " ".join(points)))
    return Markup("").join(parts)


def _bars(chart: Chart, low: float, high: float) -> Markup:
    parts, count, kinds = [], len(chart.categories), len(chart.series)
    slot = (WIDTH - LEFT - RIGHT) / max(count, 1)
    width = min(slot * 0.8, 60.0) / (1 if chart.kind == "stacked" else max(kinds, 1))
    for place, category in enumerate(chart.categories):
        above = below = 0.0
        for number, (name, values) in enumerate(chart.series.items()):
            value = values[place]
            if value is None:
                continue
            if chart.kind == "stacked":
                start = above if value >= 0 else below
                x = _x(place, count) - width / 2
            else:
                start, x = 0.0, _x(place, count) - width * kinds / 2 + number * width
            end = start + value
            above, below = (end, below) if value >= 0 else (above, end)
            top, bottom = _y(max(start, end), low, high), _y(min(start, end), low, high)
            shape = (
                f'<rect class="f{number % SERIES}" x="{x:.1f}" y="{top:.1f}" width="{width:.1f}" '
                f'height="{max(bottom - top, 0):.1f}">'
            )
            parts.append(_mark(shape, "rect", name, category, value, chart.unit))
    return Markup("").join(parts)


def _mark(opening: str, tag: str, name: str, category: str, value: float, unit: str) -> Markup:
    """A shape (made of numbers of ours) with the words that a browser shows over it."""
    words = f"{name}, {category}: {value:,.2f} {unit}".strip()
    return Markup(opening) + Markup("<title>{}</title></{}>").format(words, Markup(tag))


def _legend(chart: Chart) -> Markup:
    if len(chart.series) < 2:
        return Markup("")
    items = [
        Markup('<li><svg width="12" height="12" aria-hidden="true"><rect class="f{}" width="12" height="12"/></svg>{}</li>').format(
            number % SERIES, name)
        for number, name in enumerate(chart.series)
    ]  # fmt: skip
    return Markup('<ul class="legend">{}</ul>').format(Markup("").join(items))


def _spoken(values: Sequence[float | None], summary: str, no_value: str) -> str:
    known = [v for v in values if v is not None]
    if not known:
        return no_value
    return str(escape(summary.format(*(f"{v:,.2f}" for v in (known[0], known[-1], min(known), max(known))))))

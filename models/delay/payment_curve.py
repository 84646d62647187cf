"""The curve of one item: the chance to be unpaid by the end of each step, and every answer that is read from it.

All answers come from one curve, so they agree by construction: chances to be late fall with the threshold, quantiles
are in order, nothing lies before the day of the question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.delay.payment_steps import Floats, Ints, Steps


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Many items' curves. asked : (items,) day of the question in days late. unpaid : (steps,) chance to be unpaid at
    the end of each step, given unpaid on the day of the question. Inside a step the chance falls day by day in a line.
    """

    asked: Ints
    steps: Steps
    unpaid: Floats

    def only(self, rows: NDArray[np.bool_]) -> Curves:
        """Return the same of some items."""
        return chosen(self, rows)

    def moved(self, days: Ints) -> Curves:
        """Return the same curves with every day counted from a due date that lies so many days later."""
        at = days[self.steps.item]
        steps = replace(self.steps, start=self.steps.start - at, end=self.steps.end - at)
        return replace(self, asked=self.asked - days, steps=steps)

    def at_least(self, days_late: int) -> Floats:
        """Return P(settled `days_late` days late or later) of each item; 1 where the question comes after that day."""
        return _unpaid_on(
            self.asked,
            self.steps.first,
            self.steps.end,
            self.unpaid,
            np.full(len(self.asked), days_late - 1, dtype=np.int64),
        )

    def unpaid_on(self, days_late: Ints) -> Floats:
        """Return P(unpaid at the end of a day of each item's own, in days late)."""
        return _unpaid_on(
            self.asked, self.steps.first, self.steps.end, self.unpaid, np.asarray(days_late, dtype=np.int64)
        )

    def quantile(self, level: float | Floats) -> Floats:
        """Return the first day (days late) by which an item is paid with chance `level` or more.

        Where the curve ends before that, the day after its last step: 'later than we follow'.
        """
        levels = np.broadcast_to(np.asarray(level, dtype=np.float64), self.asked.shape).astype(np.float64)
        return _quantile(self.asked, self.steps.first, self.steps.end, self.unpaid, levels)

    def likely(self, around: int = 3) -> Floats:
        """Return the day (days late) that has most chance within `around` days of it, after the question and up to 120 days
        late (or so many days after the question, where that is later); the first of several such days."""
        return _likely(self.asked, self.steps.first, self.steps.end, self.unpaid, around)

    def shortest(self, level: float) -> tuple[Floats, Floats, Floats]:
        """Return (first day, last day, chance) of the shortest run of whole days (days late) with chance `level` or more.

        The first of several that are equally short. What comes after the curve's last day counts as one day, the day
        after it: 'later than we follow'.
        """
        return _shortest(self.asked, self.steps.first, self.steps.end, self.unpaid, float(level))

    def mean(self, floor: float = -np.inf) -> Floats:
        """Return expected days late; what is unpaid at the end of the curve counts as its last day (a restricted mean).

        With floor 0 early payment counts as on time: the expected days beyond terms.
        """
        return _mean(self.asked, self.steps.first, self.steps.end, self.unpaid, float(floor))

    def place(self, days_late: Ints, *, before: bool = False) -> Floats:
        """Return F(day) of each item, or F(day before) with `before`: the outcome's place in its own distribution."""
        return 1.0 - self.unpaid_on(np.asarray(days_late, dtype=np.int64) - int(before))


def chosen(curves: Curves, rows: NDArray[np.bool_]) -> Curves:
    """Return the curves of some items."""
    kept = rows[curves.steps.item]
    count = np.diff(curves.steps.first)[rows]
    steps = Steps(
        first=np.concatenate([[0], np.cumsum(count)]),
        item=np.repeat(np.arange(len(count)), count),
        start=curves.steps.start[kept],
        end=curves.steps.end[kept],
    )
    return Curves(asked=curves.asked[rows], steps=steps, unpaid=curves.unpaid[kept])


def joined(parts: list[Curves]) -> Curves:
    """Return the curves of several parts, one after the other."""
    items, rows = 0, 0
    first, item = [np.zeros(1, dtype=np.int64)], []
    for part in parts:
        first.append(part.steps.first[1:] + rows)
        item.append(part.steps.item + items)
        items, rows = items + len(part.asked), rows + len(part.unpaid)
    steps = Steps(
        first=np.concatenate(first),
        item=np.concatenate(item),
        start=np.concatenate([p.steps.start for p in parts]),
        end=np.concatenate([p.steps.end for p in parts]),
    )
    return Curves(
        asked=np.concatenate([p.asked for p in parts]), steps=steps, unpaid=np.concatenate([p.unpaid for p in parts])
    )


def curves_of(asked: Ints, steps: Steps, hazard: Floats) -> Curves:
    """Return curves from the chance to be paid in each step when unpaid at its start."""
    return Curves(asked=asked, steps=steps, unpaid=_product(steps.first, np.log1p(-np.clip(hazard, 1e-9, 1.0 - 1e-9))))


@njit(cache=True)
def _product(first, log_stay):  # type: ignore[no-untyped-def]
    out = np.empty(len(log_stay))
    for i in range(len(first) - 1):
        total = 0.0
        for s in range(first[i], first[i + 1]):
            total += log_stay[s]
            out[s] = np.exp(total)
    return out


@njit(cache=True)
def _unpaid_on(asked, first, end, unpaid, day):  # type: ignore[no-untyped-def]
    out = np.ones(len(asked))
    for i in range(len(asked)):
        start, before = asked[i], 1.0
        if day[i] <= start:
            continue
        for s in range(first[i], first[i + 1]):
            if day[i] <= end[s]:
                before += (unpaid[s] - before) * (day[i] - start) / (end[s] - start)
                break
            start, before = end[s], unpaid[s]
        out[i] = before
    return out


@njit(cache=True)
def _quantile(asked, first, end, unpaid, level):  # type: ignore[no-untyped-def]
    out = np.empty(len(asked))
    for i in range(len(asked)):
        start, before, left = asked[i], 1.0, 1.0 - level[i]
        found = end[first[i + 1] - 1] + 1.0
        for s in range(first[i], first[i + 1]):
            if unpaid[s] <= left:
                days = (before - left) / max(before - unpaid[s], 1e-15) * (end[s] - start)
                found = min(float(end[s]), start + max(1.0, np.ceil(days - 1e-9)))
                break
            start, before = end[s], unpaid[s]
        out[i] = found
    return out


@njit(cache=True)
def _likely(asked, first, end, unpaid, around):  # type: ignore[no-untyped-def]
    out = np.empty(len(asked))
    for i in range(len(asked)):
        days = max(asked[i], 0) + 120 - asked[i]
        left = np.empty(days + around + 1)  # unpaid by the end of each day from the question's on
        left[0], k, start, before = 1.0, 1, asked[i], 1.0
        for s in range(first[i], first[i + 1]):
            while k < len(left) and asked[i] + k <= end[s]:
                left[k] = before + (unpaid[s] - before) * (asked[i] + k - start) / (end[s] - start)
                k += 1
            start, before = end[s], unpaid[s]
        left[k:] = before
        best, chosen = -1.0, 1
        for day in range(1, days + 1):
            chance = left[max(day - around - 1, 0)] - left[day + around]
            if chance > best + 1e-12:
                best, chosen = chance, day
        out[i] = asked[i] + chosen
    return out


@njit(cache=True)
def _shortest(asked, first, end, unpaid, level):  # type: ignore[no-untyped-def]
    low, high, chance = np.empty(len(asked)), np.empty(len(asked)), np.empty(len(asked))
    for i in range(len(asked)):
        days = end[first[i + 1] - 1] - asked[i]
        left = np.empty(days + 2)  # unpaid by the end of each day from the question's on; the last: nothing is left
        left[0], k, start, before = 1.0, 1, asked[i], 1.0
        for s in range(first[i], first[i + 1]):
            for day in range(start + 1, end[s] + 1):
                left[k] = before + (unpaid[s] - before) * (day - start) / (end[s] - start)
                k += 1
            start, before = end[s], unpaid[s]
        left[k] = 0.0
        best, a, b = days + 2, 0, 1
        low[i], high[i], chance[i] = asked[i] + 1, asked[i] + days + 1, 1.0
        while b <= k:  # the days a + 1 to b hold left[a] - left[b]
            if left[a] - left[b] >= level - 1e-12:
                if b - a < best:
                    best, low[i], high[i], chance[i] = b - a, asked[i] + a + 1, asked[i] + b, left[a] - left[b]
                a += 1
            else:
                b += 1
    return low, high, chance


@njit(cache=True)
def _mean(asked, first, end, unpaid, floor):  # type: ignore[no-untyped-def]
    out = np.empty(len(asked))
    for i in range(len(asked)):
        start, before, total = asked[i], 1.0, 0.0
        for s in range(first[i], first[i + 1]):
            mass = before - unpaid[s]
            if floor <= start or floor > end[s]:
                total += mass * max((start + 1.0 + end[s]) / 2.0, floor)
            else:
                late = 0.0
                for day in range(start + 1, end[s] + 1):
                    late += max(float(day), floor)
                total += mass * late / (end[s] - start)
            start, before = end[s], unpaid[s]
        out[i] = total + before * max(float(end[first[i + 1] - 1]), floor)
    return out


def levels_between(low: Floats, high: Floats, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a place drawn evenly between F(day before) and F(day): uniform when the distribution is true, points of mass
    too.
    """
    return low + (high - low) * rng.random(len(low))

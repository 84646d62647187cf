"""Verdicts on monthly series: a change is read against what the ledger's own past months and customers give by chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.lifecycle.monitor_series import FAMILIES, Series

Floats = NDArray[np.float64]

BASE_MONTHS = 12  # whose mean a month is compared with
GAP_MONTHS = (
    2  # months before the newest that are in neither base nor null: a change that lasts stays an alarm for as long
)
FEWEST_BASE_MONTHS = 6
FEWEST_PAST_MONTHS = 6  # past months that give the null
MOST_PAST_MONTHS = 18
DRAWS = 100
ALARM_RATE = 0.05  # of a month without any change, over all series together
NOTE_RATE = 0.05  # of one series
FEW_MONTHS = 4.0  # the limit is widened by √(1 + this / past months): few past months show too little of what is usual
WIDENED = 1.25

ALARM, NOTE, QUIET, UNKNOWN = "alarm", "note", "quiet", "not known yet"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A series' newest month against its own past.

    change : newest value − mean of the months before, on the series' scale. limit : beyond which it is an alarm where it
    is also beyond the series' least effect. level : alarm, note, quiet or not known yet (with `why`).
    """

    series: Series
    values: Floats
    level: str
    base: float = float("nan")
    change: float = float("nan")
    limit: float = float("nan")
    note_limit: float = float("nan")
    why: str = ""

    @property
    def text(self) -> str:
        """Return one sentence: of an alarm the likely cause first, then the change with its limit."""
        s = self.series
        if self.level == UNKNOWN:
            return f"{s.title}: not known yet ({self.why})"
        now = self.base + self.change
        if self.level == NOTE:  # too small to name a cause
            if s.scale == "log":
                moved = f"{np.exp(self.change):.2f} times the mean of the months before; an alarm is beyond {np.exp(self.limit):.2f} times"
            else:
                moved = f"{now:.3f} after {self.base:.3f} in the months before; an alarm is a change beyond {self.limit:.3f}"
            return f"{s.title} {moved}"
        if s.scale == "log":
            moved = f"{np.exp(self.change):.2f} times the mean of the months before (chance: up to {np.exp(self.limit):.2f} times)"
        else:
            moved = f"{now:.3f} after {self.base:.3f} in the months before (chance: a change of up to {self.limit:.3f})"
        return f"{s.cause}: {s.title} {moved}" if self.level == ALARM else f"{s.title} {moved}"


def weights_of(customers: int, draws: int, seed: int) -> Floats:
    """Return (draws, customers) how often each customer is drawn, with replacement."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(customers, np.full(customers, 1.0 / customers), size=draws).astype(np.float64)


def verdict(series: Series, *, count: int, weights: Floats) -> Verdict:
    """Return the verdict on the newest month of a series.

    Parameters
    ----------
    count : number of series that are looked at together; each has its share of the alarm rate.
    weights : (draws, customers), as `weights_of` gives them. The draws resample the customers of all months at once, so
        that a customer's months stay together; each past month is compared with the months before it just as the newest
        one is, so that season, trend and what all customers share are in the null.
    """
    values = series.values()
    if series.scale == "log" and not series.numerator.any():
        return Verdict(series=series, values=values, level=UNKNOWN, why="the ledger holds none")
    base_months, past = _months(values)
    if past < FEWEST_PAST_MONTHS:
        known = int(np.isfinite(values).sum())
        why = f"{known} months with values; {FEWEST_BASE_MONTHS + FEWEST_PAST_MONTHS + 2 * GAP_MONTHS + 1} are needed"
        return Verdict(series=series, values=values, level=UNKNOWN, why=why)
    drawn = series.values(weights)
    last = len(values) - 1
    changes = np.concatenate([_change(drawn, last - GAP_MONTHS - k, base_months) for k in range(1, past + 1)])
    null = np.abs(changes[np.isfinite(changes)])
    newest = _change(values[None, :], last, base_months)[0]
    widened = WIDENED * float(np.sqrt(1.0 + FEW_MONTHS / past))
    limit = widened * float(np.quantile(null, 1.0 - ALARM_RATE / count)) if len(null) else float("nan")
    note_limit = float(np.quantile(null, 1.0 - NOTE_RATE)) if len(null) else float("nan")
    base = float(values[-1] - newest)
    if not np.isfinite(newest) or not np.isfinite(limit):
        return Verdict(series=series, values=values, level=UNKNOWN, why="no value in the newest month")
    is_alarm = abs(newest) > max(limit, series.least_effect)
    level = ALARM if is_alarm else NOTE if abs(newest) > note_limit else QUIET
    return Verdict(
        series=series, values=values, level=level, base=base, change=float(newest),
        limit=max(limit, series.least_effect), note_limit=note_limit,
    )  # fmt: skip


def verdicts(series: Sequence[Series], *, seed: int = 0, draws: int = DRAWS) -> list[Verdict]:
    """Return the verdicts on all series: alarms first, causes before what follows from them, the largest first."""
    if not series:
        return []
    weights = weights_of(len(series[0].numerator), draws, seed)
    found = [verdict(s, count=len(series), weights=weights) for s in series]
    levels = (ALARM, NOTE, QUIET, UNKNOWN)
    return sorted(
        found,
        key=lambda v: (levels.index(v.level), FAMILIES.index(v.series.family), -_size(v)),
    )


def _size(of: Verdict) -> float:
    return abs(of.change) / of.limit if np.isfinite(of.limit) and of.limit > 0 else 0.0


def _months(values: Floats) -> tuple[int, int]:
    """Return (months of the base, past months of the null) that a series is long enough for."""
    known = np.isfinite(values)
    run = len(values) - (int(np.flatnonzero(~known[:-1])[-1]) + 1 if (~known[:-1]).any() else 0)
    usable = run - 1 - 2 * GAP_MONTHS
    if usable >= BASE_MONTHS + FEWEST_PAST_MONTHS:
        return BASE_MONTHS, min(usable - BASE_MONTHS, MOST_PAST_MONTHS)
    return FEWEST_BASE_MONTHS, max(0, usable - FEWEST_BASE_MONTHS)


def _change(drawn: Floats, month: int, base_months: int) -> Floats:
    """Return (draws,) a month's value less the mean of the base, which ends GAP_MONTHS before it."""
    before = drawn[:, month - GAP_MONTHS - base_months : month - GAP_MONTHS]
    return np.asarray(drawn[:, month] - before.mean(axis=1), dtype=np.float64)

"""Where should the delay model's levels come from, and how often? python -m benchmarks.delay_levels [SET …]

SET is one of the splits of benchmarks.delay_real, or one of its quarters as NAME:FIRST-DAY. The model of the split's origin
answers with no levels, with those of its fit (from customers left out of it), with those of an earlier fit's miss since, and
with levels renewed every week by what was known until then of the earlier model's questions, and of the model's own since the
origin. Outcomes weigh by the age of their question, or by the week in
which they came: each week sets the payments that came against those that the curves of the items still unpaid expected, so
that an item unpaid past its 90 % level counts as soon as it is; nothing waits for late payers. Weights halve every so many
days. Reads ../shared/data, whose payments are known on the day on which they are made.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.delay_real import DAY, QUARTERS, SHARED, SPLITS, imported
from cli.output import table
from features.engine.histories import build_items
from features.engine.prepared import prepare
from models.delay.conformal import KNOTS, PRIOR, Levels, fit_levels
from models.delay.payment_curve import Curves
from training.delay.evaluation import BASELINE_INPUTS, Scored, evaluate
from training.delay.fit import fit_recipe, levels_of
from training.delay.samples import Asked, outcomes

WAYS = (
    ("no levels", "", 0.0),
    ("customers left out, 180 days (ours)", "left out", 180.0),
    ("customers left out, 45 days", "left out", 45.0),
    ("an earlier fit's miss, 45 days", "earlier", 45.0),
    ("an earlier fit's miss, 1,000 days", "earlier", 1000.0),
    ("renewed, by questions, 45 days", "questions", 45.0),
    ("renewed, by weeks, 45 days", "weeks", 45.0),
    ("renewed, by weeks, 28 days", "weeks", 28.0),
    ("renewed, by weeks, 7 days", "weeks", 7.0),
)
FIGURES = {
    "AUC >=5": "auc_late_5",
    "Brier": "brier_late_5",
    "MAE": "mae_days",
    "CRPS": "crps_days",
    "by level": "coverage_80_levels",
}
FEWEST = 500
CELLS = len(KNOTS) - 1

Floats = NDArray[np.float64]
Days = NDArray[np.int64]


class Known:
    """What a day knows of answered questions: places of outcomes in answers that did not know them."""

    def __init__(self, parts: list[tuple[Asked, Scored]], until: dict[pd.Timestamp, Asked]) -> None:
        self.parts, self.until = parts, until

    def levels(self, day: pd.Timestamp, half_life: float) -> Levels:
        """The levels that the outcomes known on a day give."""
        now, found = self.until[day], []
        for asked, scored in self.parts:
            index = pd.Index(asked.items["invoice_id"])
            place = index.get_indexer(pd.Index(now.items["invoice_id"]))
            rows = np.flatnonzero((place >= 0) & (now.items["as_of"] <= day).to_numpy())
            rows = rows[np.argsort(place[rows])]
            curves = scored.curves.only(np.isin(np.arange(len(index)), place[rows]))
            ended, is_paid = now.ended[rows], now.is_paid[rows]
            high = curves.place(ended)
            age = (now.seen_until - now.items["as_of"].iloc[rows]).dt.days.to_numpy()
            low = np.where(is_paid, curves.place(ended, before=True), high)
            found.append((low, high, is_paid, 0.5 ** (np.maximum(age, 0) / half_life)))
        return fit_levels(*(np.concatenate(values) for values in zip(*found, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Weeks:
    """Payments by week and cell between KNOTS of the curves' levels: those that came, those that the curves expected.

    ends : (weeks,) last day of each, days since 1970-01-01. came, expected : (weeks, cells).
    """

    ends: Days
    came: Floats
    expected: Floats

    @classmethod
    def of(cls, parts: list[tuple[Asked, Scored]], ends: Days) -> Weeks:
        came, expected = np.zeros((len(ends), CELLS)), np.zeros((len(ends), CELLS))
        for asked, scored in parts:
            due = asked.items["due_on"].to_numpy().astype("datetime64[D]").astype(np.int64)
            for week, end in enumerate(ends):
                first = np.maximum(scored.curves.asked, end - 7 - due)
                last = np.minimum(scored.ended, end - due)
                open_in = last > first
                if open_in.any():
                    paid = scored.is_paid[open_in] & (scored.ended == last)[open_in]
                    found = _in_cells(scored.curves.only(open_in), first[open_in], last[open_in], paid)
                    came[week], expected[week] = came[week] + found[0], expected[week] + found[1]
        return cls(ends=ends, came=came, expected=expected)

    def levels(self, day: pd.Timestamp, half_life: float) -> Levels:
        """Levels whose hazards are the curves' times came / expected in each cell, PRIOR payments as expected beside."""
        age = int(np.datetime64(day, "D").astype(np.int64)) - self.ends
        weight = np.where(age >= 0, 0.5 ** (np.maximum(age, 0) / half_life), 0.0)
        prior = PRIOR * np.diff(KNOTS)
        ratio = (weight @ self.came + prior) / (weight @ self.expected + prior)
        unpaid = np.exp(-np.cumsum(ratio * np.diff(_hazard(KNOTS))))
        return Levels(calibrated=(0.0, *(float(v) for v in 1.0 - unpaid[:-1]), 1.0))


def _hazard(level: Floats) -> Floats:
    """The cumulative hazard at a level."""
    return np.asarray(-np.log1p(-np.minimum(level, 1.0 - 1e-9)))


def _in_cells(curves: Curves, first: Days, last: Days, paid: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(payments that came, payments expected) of items in each cell while they went from `first` to `last` (days late). The
    level of a payment is spread evenly over the levels of its day."""
    begin, high = curves.place(first), curves.place(last)
    low = np.where(paid, curves.place(last, before=True), high)
    _, passed = _overlap(begin, low)
    expected = passed.sum(axis=0)
    low, high = low[paid], np.maximum(high[paid], low[paid] + 1e-9)
    width, hazard = _overlap(low, high)
    share = width / (high - low)[:, None]
    reached = share - ((1.0 - high) / (high - low))[:, None] * hazard  # the mean hazard passed before the level drawn
    return share.sum(axis=0), expected + np.clip(reached, 0.0, None).sum(axis=0)


def _overlap(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """(width of levels, hazard) of each stretch of levels in each cell."""
    start, end = np.maximum(low[:, None], KNOTS[:-1]), np.minimum(high[:, None], KNOTS[1:])
    end = np.maximum(start, end)
    return end - start, _hazard(end) - _hazard(start)


def starts_of(first: pd.Timestamp, last: pd.Timestamp, way: str) -> list[pd.Timestamp]:
    return list(pd.date_range(first, last if way in ("questions", "weeks") else first, freq="7D"))


def split_of(name: str) -> tuple[str, str, str, str]:
    """(importer, source, first day, last day) of a split, or of a quarter named NAME:FIRST-DAY."""
    if ":" not in name:
        return SPLITS[name]
    ledger, first = name.split(":")
    fmt, source, _, end = QUARTERS[ledger]
    last = min(pd.Timestamp(first) + pd.DateOffset(months=3) - DAY, pd.Timestamp(end))
    return fmt, source, first, str(last.date())


def run(name: str) -> None:
    """Print one split: a line a way of renewing, coverage of each month with enough items beside the figures."""
    fmt, source, first, last = split_of(name)
    ledger = imported(fmt, source)
    prepared, begin, end = prepare(ledger), pd.Timestamp(first), pd.Timestamp(last)
    truth = outcomes(ledger, pd.Timestamp(ledger.last_known_on))
    recipe = fit_recipe(ledger, prepared, begin - DAY, 1, explain=False)
    model, issued = replace(recipe.model, levels=Levels()), truth.items["issued_on"]

    def answered(rows: NDArray[np.bool_], asker) -> tuple[Asked, Scored]:  # type: ignore[no-untyped-def]
        asked = truth.only(rows)
        X = build_items(prepared, asked.items, list(dict.fromkeys((*asker.needed, *BASELINE_INPUTS))))
        return asked, Scored.of(asked, X, asker)

    asked, scored = answered(issued.between(begin, end).to_numpy(), model)
    parts = [(asked, scored)]
    if recipe.earlier is not None:
        before = (truth.items["as_of"] >= recipe.earlier.after) & (issued < begin)
        parts.append(answered(before.to_numpy(), recipe.earlier.model))
    days = [start - DAY for start in starts_of(begin, end, "questions")]
    known = Known(parts, {day: outcomes(ledger, day) for day in days})
    back = int(max(scored.age.max() for _, scored in parts)) // 7 if len(parts) > 1 else 0
    first_end = int(np.datetime64(begin - DAY, "D").astype(np.int64))
    weeks = Weeks.of(parts, np.arange(first_end - 7 * back, first_end + 7 * len(days), 7))
    months = asked.items["issued_on"].dt.to_period("M").astype(str).to_numpy()
    shown = [m for m in np.unique(months) if (months == m).sum() >= FEWEST]
    once = {"left out": recipe.left_out.scored if recipe.left_out else None, "earlier": recipe.scored}
    renewed: dict[str, Known | Weeks] = {"questions": known, "weeks": weeks}
    rows = []
    for words, way, half_life in WAYS:
        unpaid, item = scored.curves.unpaid.copy(), scored.curves.steps.item
        starts = starts_of(begin, end, way) if way else []
        for start, until in zip(starts, [*(s - DAY for s in starts[1:]), end], strict=False):
            levels = renewed[way].levels(start - DAY, half_life) if way in renewed else levels_of(once[way], half_life)
            inside = asked.items["issued_on"].between(start, until).to_numpy()[item]
            unpaid[inside] = 1.0 - np.interp(1.0 - unpaid[inside], KNOTS, np.array(levels.calibrated))
        with_levels = replace(scored, curves=replace(scored.curves, unpaid=unpaid))
        figures = evaluate(with_levels, intervals=False)
        covered = [evaluate(with_levels.only(months == m), intervals=False)["coverage_80_levels"] for m in shown]
        rows.append([words, *(f"{figures[f]:.3f}" for f in FIGURES.values()), *(f"{c:.3f}" for c in covered)])
    print(f"\n{name}: known before {first}, asked {first} to {last}; by level: whole, and issued in the month\n")
    print(table(rows, ["levels", *FIGURES, *shown]), flush=True)


if __name__ == "__main__":
    if not SHARED.exists():
        sys.exit("skipped: ../shared/data is not there.")
    for asked_for in sys.argv[1:] or SPLITS:
        run(asked_for)

"""Does it pay to renew the delay model's levels between two fits? python -m benchmarks.delay_levels [SET …]

SET is one of the splits of benchmarks.delay_real. The model of the split's origin answers with no levels, with those of
its fit, and with levels renewed every month or week by the outcomes known until then: of the earlier model's questions,
and of the model's own since the origin. Weights of outcomes halve every 20, 45 or 1,000 days. Reads ../shared/data.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.delay_real import DAY, SHARED, SPLITS, imported
from cli.output import table
from features.book import prepare
from features.history import build_items
from models.conformal import KNOTS, Levels, fit_levels
from training.delay import fit_recipe
from training.delay_evaluation import BASELINE_INPUTS, Scored, evaluate
from training.delay_questions import Asked, outcomes

WAYS = (
    ("no levels", "", 0.0),
    ("those of the fit, 20 days", "fit", 20.0),
    ("those of the fit, 45 days (ours)", "fit", 45.0),
    ("those of the fit, 1,000 days", "fit", 1000.0),
    ("renewed each month, 45 days", "MS", 45.0),
    ("renewed each week, 45 days", "W-MON", 45.0),
    ("renewed each week, 20 days", "W-MON", 20.0),
)
FIGURES = {
    "AUC >=5": "auc_late_5",
    "Brier": "brier_late_5",
    "MAE": "mae_days",
    "CRPS": "crps_days",
    "by level": "coverage_80_levels",
}
FEWEST = 500


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


def starts_of(first: pd.Timestamp, last: pd.Timestamp, way: str) -> list[pd.Timestamp]:
    return [first, *(pd.date_range(first + DAY, last, freq=way) if way not in ("", "fit") else [])]


def run(name: str) -> None:
    """Print one split: a line a way of renewing, coverage of each month with enough items beside the figures."""
    fmt, source, first, last = SPLITS[name]
    ledger = imported(fmt, source)
    book, begin, end = prepare(ledger), pd.Timestamp(first), pd.Timestamp(last)
    truth = outcomes(ledger, pd.Timestamp(ledger.last_known_on))
    recipe = fit_recipe(ledger, book, begin - DAY, 1, explain=False)
    model, issued = replace(recipe.model, levels=Levels()), truth.items["issued_on"]

    def answered(rows: NDArray[np.bool_], asker) -> tuple[Asked, Scored]:  # type: ignore[no-untyped-def]
        asked = truth.only(rows)
        X = build_items(book, asked.items, list(dict.fromkeys((*asker.needed, *BASELINE_INPUTS))))
        return asked, Scored.of(asked, X, asker)

    asked, scored = answered(issued.between(begin, end).to_numpy(), model)
    parts = [(asked, scored)]
    if recipe.earlier is not None:
        before = (truth.items["as_of"] >= recipe.earlier.after) & (issued < begin)
        parts.append(answered(before.to_numpy(), recipe.earlier.model))
    days = {start - DAY for _, way, _ in WAYS for start in starts_of(begin, end, way)}
    known = Known(parts, {day: outcomes(ledger, day) for day in sorted(days)})
    months = asked.items["issued_on"].dt.to_period("M").astype(str).to_numpy()
    shown = [m for m in np.unique(months) if (months == m).sum() >= FEWEST]
    rows = []
    for words, way, half_life in WAYS:
        unpaid, item = scored.curves.unpaid.copy(), scored.curves.steps.item
        starts = starts_of(begin, end, way) if way else []
        for start, until in zip(starts, [*(s - DAY for s in starts[1:]), end], strict=False):
            levels = known.levels(start - DAY, half_life)
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

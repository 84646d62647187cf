"""What bounds the delay model in the break of 2020, on Datarisk: python -m benchmarks.delay_break

By week of the question: how the model of 2020-01-31 orders, and where outcomes fall in its answers. Below, the same without the
weeks in which payments turned late before the books could show it; and what a boosting could do that had learned from
other customers' invoices of the same months: foresight, which no model of that day has. Reads ../shared/data.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.delay_real import DAY, SHARED, SPLITS, imported
from cli.output import table
from features.engine.histories import build_items
from features.engine.prepared import prepare
from models import metrics
from models.delay.payment_curve import levels_between
from training.delay.evaluation import BASELINE_INPUTS, Scored
from training.delay.fit import COLUMNS, fit_recipe
from training.delay.late_threshold import fit_late_question
from training.delay.samples import Asked, outcomes
from training.splits import customer_folds

Floats = NDArray[np.float64]
Rows = NDArray[np.bool_]

SPLIT = "datarisk_covid"
BREAK = pd.Timestamp("2020-02-17"), pd.Timestamp("2020-03-15")  # questions of these days; set by the table's weeks
FOLDS = 5
SMALLEST = 100  # known answers of a week


def foreseen(X: pd.DataFrame, asked: Asked, *, with_calendar: bool) -> Floats:
    """Log-odds to be at least 5 days late by boosters of the same months, each of other customers than it is asked of."""
    fold, found = customer_folds(asked.items["customer_id"], FOLDS), np.empty(len(X))
    columns = COLUMNS
    if with_calendar:
        days = {
            name: (asked.items[name] - pd.Timestamp("2020-01-01")).dt.days.to_numpy() for name in ("as_of", "due_on")
        }
        X, columns = X.assign(**days), (*COLUMNS, *days)
    for group in range(FOLDS):
        learned = fold != group
        question = fit_late_question(X[learned], asked.only(learned), columns, seed=1, members=2, reference_items=2)
        if question is None:
            sys.exit("too few known answers in these months.")
        found[~learned] = question.margins(X[~learned])
    return found


def main() -> None:
    fmt, source, first, last = SPLITS[SPLIT]
    ledger = imported(fmt, source)
    prepared, truth = prepare(ledger), outcomes(ledger, pd.Timestamp(ledger.last_known_on))
    asked = truth.only(truth.items["issued_on"].between(pd.Timestamp(first), pd.Timestamp(last)).to_numpy())
    model = fit_recipe(ledger, prepared, pd.Timestamp(first) - DAY, 1, explain=False).model
    X = build_items(prepared, asked.items, list(dict.fromkeys((*model.needed, *BASELINE_INPUTS))))
    scored = Scored.of(asked, X, model)
    place = levels_between(
        scored.curves.place(scored.ended, before=True), scored.curves.place(scored.ended), np.random.default_rng(0)
    )
    late, known = scored.ended >= 5, scored.is_paid | (scored.ended >= 5)
    week = asked.items["as_of"].dt.to_period("W").dt.start_time
    rows = [
        [
            str(start.date()),
            *_figures(late, scored.curves.at_least(5), known, scored.is_paid, place, (week == start).to_numpy()),
        ]
        for start in sorted(week.unique())
        if (known & (week == start)).sum() >= SMALLEST
    ]
    print(f"\n{SPLIT}: the model of {first} less a day, by week of the question\n")
    header = (
        "asked in the week from",
        "known",
        "5 days late",
        "AUC >=5",
        "paid",
        "below 10 %",
        "above 90 %",
        "by level",
    )
    print(table(rows, header))
    usual = ~asked.items["as_of"].between(*BREAK).to_numpy()
    everyone = np.ones(len(usual), dtype=bool)
    answered = scored.curves.at_least(5)
    lines = [
        ("the model, all questions", answered, place, everyone),
        (f"… without those of {BREAK[0].date()} to {BREAK[1].date()}", answered, place, usual),
        ("… those alone", answered, place, ~usual),
        ("a boosting of these very months, other customers", foreseen(X, asked, with_calendar=False), None, everyone),
        ("… that also knows the days asked and due", foreseen(X, asked, with_calendar=True), None, everyone),
    ]
    below = [(name, *_figures(late, score, known, scored.is_paid, at, which)) for name, score, at, which in lines]
    print()
    print(table(below, ("", *header[1:])), flush=True)


def _figures(late: Rows, score: Floats, known: Rows, paid: Rows, place: Floats | None, which: Rows) -> list[str]:
    """Cells of one line: order over known answers, places over paid items; nothing where only one answer came."""
    at, settled = known & which, paid & which
    order = f"{metrics.auc(late[at].astype(np.float64), score[at]):.3f}" if 0 < late[at].sum() < at.sum() else ""
    cells = [f"{at.sum():,}", f"{late[at].mean():.3f}", order, f"{settled.sum():,}"]
    if place is None:
        return [*cells, "", "", ""]
    inside = place[settled]
    return [
        *cells,
        f"{(inside < 0.1).mean():.3f}",
        f"{(inside > 0.9).mean():.3f}",
        f"{((inside >= 0.1) & (inside <= 0.9)).mean():.3f}",
    ]


if __name__ == "__main__":
    if not SHARED.exists():
        sys.exit("skipped: ../shared/data is not there.")
    main()

"""The delay model against the sample's true chances, and a model of closed invoices beside it: python -m
benchmarks.delay_truth

The ledger is a sample of 1,500 customers over 36 months (seed 11). The model knows it up to six months before its end.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from cli.output import table
from features.engine.histories import build_items
from features.engine.prepared import PreparedLedger, prepare
from ledger.ledger import read_ledger
from ledger.open_items import open_items_on
from models import metrics
from models.delay.model import DelayModel
from sample.generator import write_sample
from training.delay.evaluation import MATURE_DAYS, evaluate
from training.delay.fit import Asker, answers, fit_recipe, train
from training.delay.samples import Asked, outcomes, questions

CUSTOMERS, MONTHS, SEED = 1500, 36, 11
RECENT_DAYS = 90  # before the cut-off: the invoices whose outcomes are half known


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "ledger"
        write_sample(folder, customers=CUSTOMERS, months=MONTHS, seed=SEED)
        ledger, truth = read_ledger(folder), pd.read_parquet(folder / "truth_invoices.parquet")
    prepared = prepare(ledger)
    cut = pd.Timestamp(ledger.last_known_on) - pd.DateOffset(months=6)
    known = outcomes(ledger, cut)
    ours = train(prepared, questions(known, 1), seed=1, explain=False)
    closed = train(prepared, questions(known.only(known.is_paid), 1), seed=1, explain=False)
    print(
        f"{len(ledger.invoices):,} documents of {CUSTOMERS:,} customers; models know what was known on {cut.date()}\n"
    )

    after = outcomes(ledger, pd.Timestamp(ledger.last_known_on))
    issued = after.items["issued_on"]
    asked = after.items[(issued > cut).to_numpy()].merge(truth.drop(columns="customer_id"), on="invoice_id")
    X = build_items(prepared, asked, list(ours.needed))
    rows = []
    for k in (1, 5, 30, 60, 90):
        true = asked[f"true_p_late_{k}"].to_numpy(np.float64)
        row = [f"at least {k}", f"{true.mean():.4f}"]
        for model in (ours, closed):
            p = model.curves(X).at_least(k)
            row += [
                f"{p.mean():.4f}",
                f"{slope(true, p):.3f}",
                f"{log_odds_slope(true, p):.3f}",
                f"{np.corrcoef(true, p)[0, 1]:.3f}",
            ]
        rows.append(row)
    print(
        f"Asked on the day before issue, {len(asked):,} invoices issued after that day: "
        "true and predicted chances to be late\n"
    )
    print(
        table(
            rows,
            [
                "days late",
                "true mean",
                "ours",
                "slope",
                "log-odds slope",
                "r",
                "closed only",
                "slope",
                "log-odds slope",
                "r",
            ],
        )
    )

    recent = known.only((known.items["issued_on"] > cut - pd.Timedelta(days=RECENT_DAYS)).to_numpy())
    fresh = asked[(asked["issued_on"] <= cut + pd.Timedelta(days=30)).to_numpy()]
    X_fresh = build_items(prepared, fresh, list(ours.needed))
    ours_recent, closed_recent = (
        train(prepared, questions(some, 1), seed=1, explain=False) for some in (recent, recent.only(recent.is_paid))
    )
    print(
        f"\nThe same two, fitted only on the invoices issued in the last {RECENT_DAYS} days before {cut.date()} "
        f"({len(recent.items):,}, of which {1 - recent.is_paid.mean():.0%} not seen paid), "
        f"asked about the {len(fresh):,} of the next 30 days\n"
    )
    rows = []
    for k in (1, 5, 30):
        true = fresh[f"true_p_late_{k}"].mean()
        means = [model.curves(X_fresh).at_least(k).mean() for model in (ours_recent, closed_recent)]
        rows.append(
            [f"at least {k}", f"{true:.4f}", *(f"{m:.4f}" for m in means), *(f"{100 * (m - true):+.1f}" for m in means)]
        )
    print(table(rows, ["days late", "true mean", "ours", "closed only", "ours, points", "closed only, points"]))
    open_line(prepared, ours, cut, after)
    level_line(prepared, cut, after)


def open_line(prepared: PreparedLedger, model: DelayModel, cut: pd.Timestamp, after: Asked) -> None:
    """Items open in the books on the cut-off: predicted and actual shares paid within 7, 14 and 30 days, as the books
    then showed it (a payment made before but booked after counts on the day after)."""
    items = open_items_on(prepared.ledger, prepared.settlement, cut)
    curves = model.curves(build_items(prepared, items, list(model.needed)))
    came = items.merge(after.items[["invoice_id"]].assign(ended=after.ended, is_paid=after.is_paid), on="invoice_id")
    rows = []
    for days in (7, 14, 30):
        paid = (came["is_paid"] & (came["ended"] <= curves.asked + days)).mean()
        rows.append([f"within {days} days", f"{paid:.4f}", f"{(1 - curves.unpaid_on(curves.asked + days)).mean():.4f}"])
    print(f"\n{len(items):,} items open on {cut.date()} in the books, asked on it: share paid\n")
    print(table(rows, ["", "came", "ours"]))


def slope(true: np.ndarray, p: np.ndarray) -> float:
    """Least-squares slope of the true chance on the prediction: 1 where a predicted point is a true point."""
    return float(np.cov(true, p)[0, 1] / np.var(p, ddof=1))


def log_odds_slope(true: np.ndarray, p: np.ndarray) -> float:
    """Slope of a logistic line through the true chances: each row is a share `true` of ones and the rest of zeros."""
    y = np.concatenate([np.ones(len(p)), np.zeros(len(p))])
    return metrics.log_odds_slope(
        y, np.clip(np.concatenate([p, p]), 1e-6, 1 - 1e-6), np.concatenate([true, 1.0 - true])
    )[0]


def level_line(prepared: PreparedLedger, cut: pd.Timestamp, after: Asked) -> None:
    """Coverage by level of the served recipe on the six months after the cut-off."""
    recipe = fit_recipe(prepared.ledger, prepared, cut, 1, explain=False)
    scored = answers(
        prepared, after, Asker(model=recipe.model, after=cut, until=pd.Timestamp(prepared.ledger.last_known_on))
    )
    found = evaluate(scored.only(scored.observed_after_due >= MATURE_DAYS), intervals=False)
    print(
        f"\nThe recipe with its levels: coverage of 80 % by level {found['coverage_80_levels']:.3f}, "
        f"in days {found['coverage_80']:.3f}; "
        f"CRPS {found['crps_days']:.3f}, "
        f"customer's distribution {found['baseline_customer_distribution_crps_days']:.3f}, "
        f"Kaplan-Meier {found['baseline_kaplan_meier_crps_days']:.3f}"
    )


if __name__ == "__main__":
    main()

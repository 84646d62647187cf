"""The delay model against the sample's true chances, and a model of closed invoices beside it: python -m benchmarks.delay_truth

The ledger is a sample of 1,500 customers over 36 months (seed 11). The model knows it up to six months before its end.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from cli.output import table
from features.book import Book, prepare
from features.history import build_items
from features.ledger import read_ledger
from features.synthetic import write_sample
from models import metrics
from training.delay import Asker, answers, fit_recipe, train
from training.delay_evaluation import MATURE_DAYS, evaluate
from training.delay_questions import Asked, outcomes, questions

CUSTOMERS, MONTHS, SEED = 1500, 36, 11
NEAR_DAYS = 45  # before the cut-off: the invoices whose outcomes are half known


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "ledger"
        write_sample(folder, customers=CUSTOMERS, months=MONTHS, seed=SEED)
        ledger, truth = read_ledger(folder), pd.read_parquet(folder / "truth_invoices.parquet")
    book = prepare(ledger)
    cut = pd.Timestamp(ledger.last_known_on) - pd.DateOffset(months=6)
    known = outcomes(ledger, cut)
    ours = train(book, questions(known, 1), seed=1, explain=False)
    closed = train(book, questions(known.only(known.is_paid), 1), seed=1, explain=False)
    print(f"{len(ledger.invoices):,} documents of {CUSTOMERS:,} customers; models know what was known on {cut.date()}\n")

    after = outcomes(ledger, pd.Timestamp(ledger.last_known_on))
    issued = after.items["issued_on"]
    asked = after.items[(issued > cut).to_numpy()].merge(truth.drop(columns="customer_id"), on="invoice_id")
    X = build_items(book, asked, list(ours.needed))
    rows = []
    for k in (1, 5, 30, 60, 90):
        true = asked[f"true_p_late_{k}"].to_numpy(np.float64)
        row = [f"at least {k}", f"{true.mean():.4f}"]
        for model in (ours, closed):
            p = model.curves(X).at_least(k)
            row += [f"{p.mean():.4f}", f"{slope(true, p):.3f}", f"{log_odds_slope(true, p):.3f}", f"{np.corrcoef(true, p)[0, 1]:.3f}"]
        rows.append(row)
    print(f"Asked on the day before issue, {len(asked):,} invoices issued after that day: true and predicted chances to be late\n")
    print(table(rows, ["days late", "true mean", "ours", "slope", "log-odds slope", "r", "closed only", "slope", "log-odds slope", "r"]))

    near = known.items["issued_on"] > cut - pd.Timedelta(days=NEAR_DAYS)
    close = known.items[near.to_numpy()].merge(truth.drop(columns="customer_id"), on="invoice_id").assign(as_of=cut)
    open_now = known.only((near & ~known.is_paid).to_numpy())
    X_open = build_items(book, open_now.items.assign(as_of=cut), list(ours.needed))
    came = after.items[["invoice_id"]].assign(ended=after.ended, is_paid=after.is_paid)
    outcome = open_now.items[["invoice_id"]].merge(came, on="invoice_id", how="left")
    print(f"\nInvoices of the last {NEAR_DAYS} days before {cut.date()} still open then ({len(outcome):,} of {len(close):,}), asked on it\n")
    rows = []
    for k in (5, 30):
        sure = (outcome["is_paid"] | (outcome["ended"] >= k)).to_numpy()
        y = (outcome["ended"] >= k).to_numpy(np.float64)[sure]
        rows.append([f"at least {k}", f"{y.mean():.4f}", *(f"{m.curves(X_open).at_least(k)[sure].mean():.4f}" for m in (ours, closed))])
    print(table(rows, ["days late", "came", "ours", "closed only"]))
    level_line(book, cut, after)


def slope(true: np.ndarray, p: np.ndarray) -> float:
    """Least-squares slope of the true chance on the prediction: 1 where a predicted point is a true point."""
    return float(np.cov(true, p)[0, 1] / np.var(p, ddof=1))


def log_odds_slope(true: np.ndarray, p: np.ndarray) -> float:
    """Slope of a logistic line through the true chances: each row is a share `true` of ones and the rest of zeros."""
    y = np.concatenate([np.ones(len(p)), np.zeros(len(p))])
    return metrics.log_odds_slope(y, np.clip(np.concatenate([p, p]), 1e-6, 1 - 1e-6), np.concatenate([true, 1.0 - true]))[0]


def level_line(book: Book, cut: pd.Timestamp, after: Asked) -> None:
    """Coverage by level of the served recipe on the six months after the cut-off."""
    recipe = fit_recipe(book.ledger, book, cut, 1, explain=False)
    scored = answers(book, after, Asker(model=recipe.model, after=cut, until=pd.Timestamp(book.ledger.last_known_on)))
    found = evaluate(scored.only(scored.observed_after_due >= MATURE_DAYS), intervals=False)
    print(f"\nThe recipe with its levels: coverage of 80 % by level {found['coverage_80_levels']:.3f}, in days {found['coverage_80']:.3f}; "
          f"CRPS {found['crps_days']:.3f}, customer's distribution {found['baseline_customer_distribution_crps_days']:.3f}, "
          f"Kaplan-Meier {found['baseline_kaplan_meier_crps_days']:.3f}")  # fmt: skip


if __name__ == "__main__":
    main()

"""`python -m benchmarks.default_ceiling`: how much of the true PD's order a history shows at all, on sample ledgers.

A boosting is taught the true PDs themselves, which no ledger holds: what it cannot order from a set of columns, a model
of outcomes on so many customers is not likely to learn. Beside it the served model, which learned from defaults alone. Both are
fitted on the months up to the evaluation origin and asked about later months of customers that they never saw.
"""

from __future__ import annotations

import argparse

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from benchmarks.default_book import print_table, sample_histories
from models import metrics
from training.default.calibration import margins
from training.default.data import Histories
from training.default.evaluation import true_pd
from training.default.fit import SELECTED, Options, cold_start, evaluation_origin, later_rows
from training.default.stages import fit_at, judged_shape, shape_on
from training.splits import customer_folds

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]

FOLDS = 5
TAUGHT = {
    "objective": "regression", "learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 50, "feature_fraction": 0.3,
    "lambda_l2": 5.0, "verbose": -1, "num_threads": 2, "seed": 1, "deterministic": True, "force_col_wise": True,
}  # fmt: skip
ROUNDS = 300


def taught(data: Histories, learned: Rows, asked: Rows, true: Floats) -> Floats:
    """Log-odds of `asked` rows by boosters of the true log-odds of `learned` rows, each of other customers."""
    fold, found = customer_folds(data.customer, FOLDS, "ceiling"), np.empty(len(data.on))
    for group in range(FOLDS):
        rows, rest = learned[fold[learned] != group], asked[fold[asked] == group]
        booster = lgb.train(TAUGHT, lgb.Dataset(data.matrix[rows], logit(true[rows])), ROUNDS)
        found[rest] = np.asarray(booster.predict(data.matrix[rest]))
    return found[asked]


def of_seed(seed: int, customers: int, months: int) -> dict[str, float]:
    """Share of the true PD's Gini, by true PD, of each way."""
    whole, truth = sample_histories(seed, customers=customers, months=months, columns=None)
    origin, every = evaluation_origin(whole), np.arange(len(whole.on))
    true = true_pd(whole, every, truth)
    later = later_rows(whole, origin)
    later = later[~np.isnan(true[later])]
    # customers that have left have a true PD of 0, which has no log-odds to learn
    learned = np.flatnonzero(
        (whole.on <= np.datetime64(origin, "D")) & ~whole.outcomes(whole.as_of).in_default & (true > 0) & (true < 1)
    )
    served = cold_start.only(whole, SELECTED)
    shape = shape_on(served, origin, Options())
    scores = {
        "served: learned from defaults": margins(
            served, fit_at(served, origin, judged_shape(shape), Options(), 1), later, of_unseen=True
        ),
        f"taught the true PDs, the same {len(SELECTED)} columns": taught(served, learned, later, true),
        f"taught the true PDs, all {len(whole.columns)} columns": taught(whole, learned, later, true),
    }
    best = metrics.gini(true[later], true[later])
    return {name: metrics.gini(true[later], score) / best for name, score in scores.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--months", type=int, default=48)
    asked = parser.parse_args()
    found = [of_seed(seed, asked.customers, asked.months) for seed in asked.seeds]
    print(f"Sample ledgers of {asked.customers:,} customers and {asked.months} months; share of the true PD's Gini.\n")
    lines = [
        (name, *(f"{f[name]:.3f}" for f in found), f"{np.mean([f[name] for f in found]):.3f}") for name in found[0]
    ]
    print_table(lines, ["share, by true PD", *(f"seed {seed}" for seed in asked.seeds), "mean"])


if __name__ == "__main__":
    main()

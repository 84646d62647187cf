"""`python -m benchmarks.default_tuning`: the default model's shape by Optuna, in folds that respect time, on a sample
ledger that no table judges; trials go to MLflow as those of `tradecredit train --tune` do."""

from __future__ import annotations

import argparse

from benchmarks.default_book import print_table, sample_histories
from models.registry import Settings
from training.default.columns import SELECTED
from training.default.tuning import folds, tune
from training.lifecycle.tuning_log import log_tuning


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--trials", type=int, default=20)
    asked = parser.parse_args()
    data, _ = sample_histories(asked.seed, customers=asked.customers, months=48, columns=SELECTED)
    for fold in folds(data):
        defaulters = len(set(data.customer[fold.rows][fold.y > 0]))
        print(f"fold: learned until {fold.origin.date()}, {len(fold.rows):,} later snapshots, {defaulters} defaulters.")
    found = tune(data, trials=asked.trials, seed=asked.seed)
    as_of, place = data.as_of.date(), f"sample-{asked.seed}"
    run = log_tuning(Settings.from_environment(), found, seed=asked.seed, as_of=as_of, place=place)
    print(f"\nSample ledger of seed {asked.seed}; trial 0 is the shape that is served. Logged to MLflow (run {run}).\n")
    shown = found.trials.sort_values("loss")
    names = [
        "number",
        "state",
        "rounds",
        "depth",
        "near_rounds",
        "learning_rate",
        "smallest_leaf",
        "l2",
        "feature_share",
    ]
    print_table(
        [(f"{1000 * line.loss:.2f}", *(getattr(line, name) for name in names)) for line in shown.itertuples()],
        ["log loss on later months, 1/1000", *names],
    )


if __name__ == "__main__":
    main()

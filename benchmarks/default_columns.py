"""`python -m benchmarks.default_columns`: the chosen columns against all of them, and against those without ratings."""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.default_book import print_table, sample_histories
from features.catalogue import CATALOGUE
from features.definition import Level
from models import metrics
from training.bagging import Shape
from training.default import SELECTED, Options, evaluation_origin, fit_at
from training.default_evaluation import true_pd

SETS = {
    "chosen": SELECTED,
    "chosen, without ratings": tuple(name for name in SELECTED if not name.startswith("rating")),
    "all": tuple(c.name for c in CATALOGUE.columns(level=Level.CUSTOMER)),
}


def share_of_truth(seed: int, columns: tuple[str, ...]) -> float:
    """Share of the true PD's expected Gini, on later months of unseen customers."""
    data, truth = sample_histories(seed, customers=3000, months=48, columns=columns)
    origin = evaluation_origin(data)
    fitted = fit_at(data, origin, Shape(), Options(), 1)
    true = true_pd(data, np.arange(len(data.on)), truth)
    later = data.on > np.datetime64(origin, "D")
    rows = np.flatnonzero(data.outcomes(data.as_of).usable(12) & later & ~np.isnan(true))
    margin = fitted.bag.margin_of_unseen(data.matrix[rows], data.customer[rows])
    return metrics.gini(true[rows], margin) / metrics.gini(true[rows], true[rows])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    seeds = range(1, parser.parse_args().seeds + 1)
    lines = [(name, len(columns), *(share_of_truth(seed, columns) for seed in seeds)) for name, columns in SETS.items()]
    print("Gini share of the true PD, out of time and unseen, before calibration.\n")
    print_table(lines, ["columns", "count", *(f"seed {seed}" for seed in seeds)])


if __name__ == "__main__":
    main()

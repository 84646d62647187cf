"""`python -m benchmarks.default_columns`: the chosen columns against all of them, against fewer, and without ratings,
on sample ledgers that no other table judges."""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.default_book import print_table, sample_histories
from features.catalogue import CATALOGUE
from features.language import Level
from models import metrics
from training.default.data import Histories
from training.default.ensembles import gains
from training.default.evaluation import true_pd
from training.default.fit import SELECTED, Options, cold_start, evaluation_origin, fit_at, later_rows
from training.default.stages import judged_shape, shape_on

ALL = tuple(c.name for c in CATALOGUE.columns(level=Level.CUSTOMER))
FEWER = (20, 10, 5)
GROWING = "invoices_settled_ever"  # tells the month where a ledger begins for most customers on one day


def share_of_truth(data: Histories, true: np.ndarray) -> tuple[float, list[str]]:
    """(share of the true PD's expected Gini on later months of unseen customers, columns by their share of the gain)."""
    origin = evaluation_origin(data)
    fitted = fit_at(data, origin, judged_shape(shape_on(data, origin, Options())), Options(), 1)
    rows = later_rows(data, origin)
    rows = rows[~np.isnan(true[rows])]
    margin = fitted.bag.margin_of_unseen(data.matrix[rows], data.customer[rows])
    gain = gains(fitted.bag, data.columns)
    return metrics.gini(true[rows], margin) / metrics.gini(true[rows], true[rows]), sorted(gain, key=lambda c: -gain[c])


def of_seed(seed: int) -> dict[str, tuple[int, float]]:
    """Count of columns and share, by set."""
    whole, truth = sample_histories(seed, customers=3000, months=48, columns=ALL)
    true = true_pd(whole, np.arange(len(whole.on)), truth)
    chosen, by_gain = share_of_truth(cold_start.only(whole, SELECTED), true)
    found = {"all of the catalogue": (len(ALL), share_of_truth(whole, true)[0]), "chosen": (len(SELECTED), chosen)}
    for count in FEWER:
        some = [name for name in SELECTED if name in by_gain[:count]]
        found[f"chosen, {count} with the most gain"] = (count, share_of_truth(cold_start.only(whole, some), true)[0])
    longer = (*SELECTED, GROWING)
    found[f"chosen, and {GROWING}"] = (len(longer), share_of_truth(cold_start.only(whole, longer), true)[0])
    unrated = [name for name in SELECTED if not name.startswith("rating")]
    found["chosen, without ratings"] = (len(unrated), share_of_truth(cold_start.only(whole, unrated), true)[0])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14])
    seeds = parser.parse_args().seeds
    found = [of_seed(seed) for seed in seeds]
    print("Gini share of the true PD (expected), out of time and unseen, before calibration.\n")
    lines = []
    for name, (count, _) in found[0].items():
        shares = [f[name][1] for f in found]
        against = [f[name][1] - f["chosen"][1] for f in found]
        error = float(np.std(against, ddof=1) / np.sqrt(len(against))) if len(against) > 1 else float("nan")
        lines.append((name, count, *shares, float(np.mean(shares)), f"{np.mean(against):+.4f} ± {error:.4f}"))
    header = [
        "columns",
        "count",
        *(f"seed {seed}" for seed in seeds),
        "mean",
        "above chosen (standard error over seeds)",
    ]
    print_table(lines, header)


if __name__ == "__main__":
    main()

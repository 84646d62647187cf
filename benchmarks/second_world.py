"""`python -m benchmarks.second_world [--customers 1500 --months 48 --seeds 1]`: the default model on a second generated world.

A world with other mechanics (sample/second_world.py), on which nothing was tuned, as a test of transfer: the model is fitted
as served, on the second world's own ledger, at the evaluation origin, and asked about later months of customers that it never
saw. Together with it: boosters taught the true PDs themselves from the same columns, HistGradientBoosting on the same
outcomes, and plain rules. All Ginis are by the true PD: the order without the luck of who defaulted.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from scipy.special import expit

from benchmarks.default_book import print_table
from benchmarks.default_ceiling import taught
from ledger.default_status import PRIMARY
from models import metrics
from sample.second_world import second_world
from training.default import cold_start
from training.default.challengers import fit_challengers
from training.default.columns import SELECTED
from training.default.data import histories
from training.default.evaluation import rules, true_pd
from training.default.fit import Options, bags_until, evaluation_origin, later_log_odds, later_rows
from training.default.stages import shape_on

SLOPES = (0.85, 1.15)
SHARE = 0.85


def of_seed(seed: int, customers: int, months: int) -> dict[str, Any]:
    """Return the figures of one world: defaults, Ginis by the true PD, and the slope of the true log-odds."""
    world = second_world(customers=customers, months=months, seed=seed)
    whole = histories(world.ledger, world.ledger.last_known_on, PRIMARY, cold_start.with_door(SELECTED))
    data = cold_start.only(whole, SELECTED)
    origin = evaluation_origin(data)
    shape = shape_on(data, origin, Options())
    *bags, fitted = bags_until(data, origin, shape, Options(), 1)
    doors = cold_start.Doors.fitted(whole, bags, fitted, fitted, seed=1)
    true = true_pd(data, np.arange(len(data.on)), world.truth)
    rows = later_rows(data, origin)
    rows = rows[~np.isnan(true[rows])]
    log_odds = doors.mixed(rows, later_log_odds(data, bags, fitted, rows))
    seen = data.outcomes(origin)
    learned = np.flatnonzero(
        (data.on <= np.datetime64(origin, "D")) & ~seen.in_default & (true > 0) & (true < 1 - 1e-9)
    )
    oldest = rules(data, rows)
    others = {challenger.name: challenger.pd for challenger in fit_challengers(data, origin, rows)}
    others |= {"past due > 30 days": oldest["past_due_30"], "DBT of open items": oldest["dbt"]}
    gini = {
        "default model": log_odds, "taught the true PDs": taught(data, learned, rows, true),
        **{name: others[name] for name in ("HistGradientBoosting", "past due > 30 days", "DBT of open items")},
    }  # fmt: skip
    best = metrics.gini(true[rows], true[rows])
    y = data.outcomes(data.as_of).within(12)[rows]
    return {
        "seed": seed, "rows": len(rows), "trained": fitted.count_defaulters, "rate": float(y.mean()),
        "auc": metrics.auc(y, log_odds), "rule_auc": metrics.auc(y, others["past due > 30 days"]),
        "slope": metrics.log_odds_slope(true[rows], expit(log_odds))[0],
        "gini": {name: metrics.gini(true[rows], score) / best for name, score in gini.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--customers", type=int, default=1500)
    parser.add_argument("--months", type=int, default=48)
    asked = parser.parse_args()
    results = [of_seed(seed, asked.customers, asked.months) for seed in asked.seeds]
    print(f"Second worlds of {asked.customers:,} customers and {asked.months} months, policy primary.\n")
    header = ["seed", "snapshots", "defaulters learned from", "default rate", "AUC", "AUC of past due > 30", "slope"]
    print_table(
        [(r["seed"], r["rows"], r["trained"], r["rate"], r["auc"], r["rule_auc"], r["slope"]) for r in results], header
    )
    names = list(results[0]["gini"])
    lines = [(r["seed"], *(r["gini"][n] for n in names), _reached(r)) for r in results]
    print_table(lines, ["seed, share of the true PD's Gini", *names, "model / taught"])
    for r in results:
        others = max(v for n, v in r["gini"].items() if n not in ("default model", "taught the true PDs"))
        print(
            f"seed {r['seed']}: at least {SHARE:.0%} of the taught boosters: {_reached(r) >= SHARE}; slope within "
            f"{SLOPES[0]} to {SLOPES[1]}: {SLOPES[0] <= r['slope'] <= SLOPES[1]}; above HistGradientBoosting and the "
            f"rules: {r['gini']['default model'] > others}"
        )


def _reached(result: dict[str, Any]) -> float:
    return float(result["gini"]["default model"] / result["gini"]["taught the true PDs"])


if __name__ == "__main__":
    main()

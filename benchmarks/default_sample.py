"""`python -m benchmarks.default_sample`: the default model on sample ledgers of several seeds, beside rules,
challengers and the true PD; out of time and on unseen customers."""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.default_book import print_table, sample_histories
from models import metrics
from models.default import INTERVAL_SDS
from training import default
from training.bagging import Shape, jackknife_widening
from training.default import SELECTED, Options, calibrate, evaluation_origin, fit_at
from training.default_data import Histories
from training.default_evaluation import _true_pd, grade_table, rules, truth_deciles
from training.splits import customer_folds

Floats = NDArray[np.float64]
FOLDS = 5


def scorecard(matrix: Floats, y: Floats, columns: tuple[str, ...]):  # type: ignore[no-untyped-def]
    """A logistic scorecard: optimal binning, weight of evidence, logistic regression."""
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    process = BinningProcess(list(columns), max_n_bins=6, min_bin_size=0.02)
    card = Scorecard(binning_process=process, estimator=LogisticRegression(C=0.05, max_iter=1000), scaling_method=None)
    return card.fit(pd.DataFrame(matrix, columns=list(columns)), y.astype(int))


def challengers(data: Histories, origin: pd.Timestamp, rows: NDArray[np.int64]) -> dict[str, Floats]:
    """Scores of `rows` by challengers fitted at `origin` on mature outcomes, each without the row's customers."""
    seen = data.outcomes(origin)
    usable, y = seen.usable(data.policy.horizon_months), seen.within(data.policy.horizon_months)
    fold = customer_folds(data.customer, FOLDS, "challengers")
    thinned = usable & (data.month % 3 == 0)
    found = {"HistGradientBoosting": np.zeros(len(rows)), "logistic scorecard": np.zeros(len(rows))}
    for left_out in range(FOLDS):
        train, asked = np.flatnonzero(thinned & (fold != left_out)), fold[rows] == left_out
        trees = HistGradientBoostingClassifier(
            max_iter=80, learning_rate=0.05, max_leaf_nodes=8, min_samples_leaf=60, l2_regularization=10.0,
            monotonic_cst=data.monotone, random_state=1,
        ).fit(data.matrix[train], y[train])  # fmt: skip
        found["HistGradientBoosting"][asked] = trees.predict_proba(data.matrix[rows[asked]])[:, 1]
        card = scorecard(data.matrix[train], y[train], data.columns)
        asked_frame = pd.DataFrame(data.matrix[rows[asked]], columns=list(data.columns))
        found["logistic scorecard"][asked] = card.predict_proba(asked_frame)[:, 1]
    oldest = rules(data, rows)
    return {**found, "past due > 30 days": oldest["past_due_30"], "DBT of open items": oldest["dbt"]}


def _above(y: Floats, z: Floats, other: Floats, customer: NDArray[Any]) -> metrics.Interval:
    """How much the Gini of z is above that of another score, on the same draws of customers."""
    return metrics.paired_by_customer(
        lambda w: metrics.gini(y, z, w), lambda w: metrics.gini(y, other, w), customer, draws=100
    )


def one_seed(seed: int, customers: int) -> dict[str, Any]:
    """Everything that the tables need of one sample."""
    data, truth = sample_histories(seed, customers=customers, months=48, columns=SELECTED)
    shape, options, origin = Shape(), Options(), evaluation_origin(data)
    earlier = [origin - pd.offsets.MonthEnd(default.step_months(data.policy) * k) for k in (2, 1)]
    bags = [b for o in earlier if (b := default._fitted_or_none(data, o, shape, options, 1)) is not None]
    fitted = fit_at(data, origin, shape, options, 1)
    calibration = calibrate(data, bags, origin, options, of_unseen=True)
    final = data.outcomes(data.as_of)
    true_all = _true_pd(data, np.arange(len(data.on)), truth)
    rows = np.flatnonzero(final.usable(12) & (data.on > np.datetime64(origin, "D")) & ~np.isnan(true_all))
    y, true, customer = final.within(12)[rows], true_all[rows], data.customer[rows].astype(str)
    raw = fitted.level + fitted.bag.member_margins(data.matrix[rows])
    z = calibration.log_odds(default._margins(data, fitted, rows, True))
    p = 1.0 / (1.0 + np.exp(-z))
    spread = calibration.slope * jackknife_widening(shape.folds) * raw.std(axis=0, ddof=1)
    beside = challengers(data, origin, rows)
    paired = {name: _above(y, z, score, customer) for name, score in beside.items()}
    return {
        "seed": seed, "rows": len(rows), "defaulters": len(set(customer[y > 0])), "rate": float(y.mean()),
        "gini": metrics.gini(y, z), "true": metrics.gini(y, true), "p": p, "y": y, "truth": true, "z": z,
        "expected": metrics.gini(true, z) / metrics.gini(true, true), "slope": metrics.log_odds_slope(true, p)[0],
        "rule_auc": metrics.auc(y, beside["past due > 30 days"]), "paired": paired, "spread": spread,
        "beside": {name: metrics.gini(y, s) for name, s in beside.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--customers", type=int, default=3000)
    asked = parser.parse_args()
    seeds = range(1, asked.seeds + 1)
    with ProcessPoolExecutor(max_workers=2) as pool:
        results = list(pool.map(one_seed, seeds, [asked.customers] * asked.seeds))
    print(f"Sample ledgers of {asked.customers:,} customers and 48 months, seeds 1 to {asked.seeds}.\n")
    lines = [
        (
            r["seed"],
            r["rows"],
            r["defaulters"],
            r["rate"],
            r["rule_auc"],
            r["gini"],
            r["true"],
            r["gini"] / r["true"],
            r["expected"],
        )
        for r in results
    ]
    mean = [float(np.mean([line[i] for line in lines])) for i in range(3, 9)]
    print_table(
        [*lines, ("mean", "", "", *mean)],
        [
            "seed",
            "snapshots",
            "defaulters",
            "default rate",
            "AUC of past due > 30",
            "Gini",
            "Gini of true PD",
            "share",
            "share, by true PD",
        ],
    )
    names = list(results[0]["beside"])
    print_table(
        [(r["seed"], *(f"{d.value:+.3f} ({d.low:+.3f} to {d.high:+.3f})" for d in (r["paired"][n] for n in names)))
         for r in results],
        ["seed, Gini above", *names],
    )  # fmt: skip
    slopes = [
        (r["seed"], r["slope"], float(r["p"].mean()), float(r["truth"].mean()), _close(r), _inside(r)) for r in results
    ]
    print_table(
        slopes,
        [
            "seed",
            "slope of true log-odds",
            "mean PD",
            "mean true PD",
            "deciles within 15 % or 0.2 points",
            "true PD inside pd_low … pd_high",
        ],
    )
    whole = {name: np.concatenate([r[name] for r in results]) for name in ("y", "p", "truth")}
    print("All seeds together, by grade:\n")
    grades = grade_table(whole["y"], whole["p"])
    print_table(grades.to_numpy().tolist(), list(grades.columns))
    deciles = truth_deciles(whole["p"], whole["truth"])[["count", "predicted", "true", "gap", "is_close"]]
    print("All seeds together, by decile of the prediction:\n")
    print_table(
        [[f"{v:.4f}" if isinstance(v, float) else v for v in row] for row in deciles.to_numpy().tolist()],
        list(deciles.columns),
    )


def _close(result: dict[str, Any]) -> str:
    table = truth_deciles(result["p"], result["truth"])
    return f"{int(table['is_close'].sum())} of {len(table)}"


def _inside(result: dict[str, Any]) -> float:
    low, high = (1 / (1 + np.exp(-(result["z"] + sign * INTERVAL_SDS * result["spread"]))) for sign in (-1.0, 1.0))
    return metrics.coverage(result["truth"], low, high)


if __name__ == "__main__":
    main()

"""`python -m benchmarks.default_sample`: the default model on sample ledgers of several seeds, beside rules,
challengers and the true PD; out of time and on unseen customers. With `--keep FOLDER` in pieces of a seed each."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.default_book import print_table, sample_histories
from benchmarks.default_challengers import challengers
from models import metrics
from models.calibration import low_default_bound, shift_to_mean
from models.default.model import INTERVAL_SDS
from models.rating_scale import MASTER_SCALE
from training.default.calibration import margins
from training.default.ensembles import jackknife_widening
from training.default.evaluation import (
    LOW_DEFAULT_CONFIDENCE,
    cohorts,
    grade_table,
    segment_table,
    true_pd,
    truth_deciles,
)
from training.default.fit import (
    SELECTED,
    Options,
    bags_until,
    cold_start,
    evaluation_origin,
    judged_calibration,
    later_log_odds,
    later_rows,
)
from training.default.stages import SHORTEST_MONTHS, shape_on

Floats = NDArray[np.float64]
DRAWS = 200
NORMAL_95 = 1.96


def _above(y: Floats, z: Floats, other: Floats, customer: NDArray[Any]) -> metrics.Interval:
    """How much the Gini of z is above that of another score, on the same draws of customers. y : outcomes, or the true
    PDs: the same question without the luck of who defaulted."""
    return metrics.paired_by_customer(
        lambda w: metrics.gini(y, z, w), lambda w: metrics.gini(y, other, w), customer, draws=DRAWS
    )


def one_seed(seed: int, customers: int, months: int) -> dict[str, Any]:
    """Everything that the tables need of one sample."""
    whole, truth = sample_histories(seed, customers=customers, months=months, columns=cold_start.with_door(SELECTED))
    data = cold_start.only(whole, SELECTED)
    origin = evaluation_origin(data)
    shape = shape_on(data, origin, Options())
    *bags, fitted = bags_until(data, origin, shape, Options(), 1)
    doors = cold_start.Doors.fitted(whole, bags, fitted, fitted, seed=1)
    rows = later_rows(data, origin)
    rows = rows[~np.isnan(true_pd(data, rows, truth))]
    y, true = data.outcomes(data.as_of).within(12)[rows], true_pd(data, rows, truth)
    customer = data.customer[rows].astype(str)
    z = doors.mixed(rows, later_log_odds(data, bags, fitted, rows))
    p = expit(z)
    calibration = judged_calibration(data, bags, fitted)
    members = fitted.bag.member_margins(data.matrix[rows])
    spread = calibration.slope * jackknife_widening(shape.folds) * members.std(axis=0, ddof=1)
    beside = challengers(data, origin, rows)
    interval = metrics.by_customer(lambda w: metrics.gini(y, z, w) / metrics.gini(y, true, w), customer, draws=DRAWS)
    trained = fitted.count_defaulters
    seen = data.outcomes(origin)
    learned = seen.usable(12)
    levelling = np.flatnonzero(seen.usable(SHORTEST_MONTHS) & (data.on <= np.datetime64(origin, "D")))
    levelling = levelling[~np.isnan(truth_there := true_pd(data, levelling, truth))]
    there = calibration.log_odds(margins(data, fitted, levelling, of_unseen=True))
    lucky = shift_to_mean(there, float(np.nanmean(truth_there)))
    return {
        "seed": seed, "rows": len(rows), "defaulters": len(set(customer[y > 0])), "rate": float(y.mean()),
        "gini": metrics.gini(y, z), "true": metrics.gini(y, true), "p": p, "y": y, "truth": true, "z": z,
        "expected": metrics.gini(true, z) / metrics.gini(true, true), "slope": metrics.log_odds_slope(true, p)[0],
        "rule_auc": metrics.auc(y, beside["past due > 30 days"]), "spread": spread, "share": interval,
        "paired": {name: _above(y, z, score, customer) for name, score in beside.items()},
        "paired_true": {name: _above(true, z, score, customer) for name, score in beside.items()},
        "beside": {name: metrics.gini(true, s) / metrics.gini(true, true) for name, s in beside.items()},
        "cohort": cohorts(data.month[rows], 12), "segments": segment_table(data, rows, y, p), "trained": trained,
        "learned_rate": float(seen.within(12)[learned].mean()), "without_luck": z + lucky,
        "learned_true": float(np.nanmean(true_pd(data, np.flatnonzero(learned), truth))),
    }  # fmt: skip


def kept(seed: int, customers: int, months: int, folder: Path | None) -> dict[str, Any]:
    """The seed's results, from the folder where they are there already."""
    place = None if folder is None else folder / f"seed_{seed}_{customers}_{months}.pickle"
    if place is not None and place.exists():
        with place.open("rb") as stored:
            return dict(pickle.load(stored))  # our own file, written below
    result = one_seed(seed, customers, months)
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(pickle.dumps(result))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--months", type=int, default=48)
    parser.add_argument("--keep", type=Path, help="a folder for each seed's results: what is there is not done again")
    asked = parser.parse_args()
    results = [kept(seed, asked.customers, asked.months, asked.keep) for seed in asked.seeds]
    print(f"Sample ledgers of {asked.customers:,} customers and {asked.months} months, seeds {asked.seeds}.\n")
    print_order(results)
    print_level(results)
    print_grades(results)


def print_order(results: list[dict[str, Any]]) -> None:
    """Order beside the true PD's, and above each challenger."""
    lines = [
        (r["seed"], r["rows"], r["trained"], r["defaulters"], r["rate"], r["rule_auc"], r["gini"], r["true"],
         f"{r['share'].value:.3f} ({r['share'].low:.3f} to {r['share'].high:.3f})", r["expected"]) for r in results
    ]  # fmt: skip
    mean = [float(np.mean([line[i] for line in lines])) for i in (4, 5, 6, 7)]
    share = float(np.mean([r["share"].value for r in results]))
    header = ["seed", "snapshots", "defaulters learned from", "defaulters judged on", "default rate",
              "AUC of past due > 30", "Gini", "Gini of true PD", "share", "share, by true PD"]  # fmt: skip
    print_table([*lines, ("mean", "", "", "", *mean, share, float(np.mean([r["expected"] for r in results])))], header)
    names = list(results[0]["beside"])
    for kind, words in (("paired", "seed, Gini above"), ("paired_true", "seed, Gini by true PD above")):
        paired = [
            (r["seed"], *(f"{d.value:+.3f} ({d.low:+.3f} to {d.high:+.3f})" for d in (r[kind][n] for n in names)))
            for r in results
        ]
        together = ("mean", *(_together([r[kind][n] for r in results]) for n in names))
        print_table([*paired, together], [words, *names])
    beside = [(r["seed"], r["expected"], *(r["beside"][n] for n in names)) for r in results]
    print_table(beside, ["seed, share by true PD", "default model", *names])


def print_level(results: list[dict[str, Any]]) -> None:
    """Level and slope beside the true PD, by seed and by decile of all seeds."""
    lines = [
        (r["seed"], r["slope"], float(r["p"].mean()), float(r["truth"].mean()), float(r["y"].mean()),
         r["learned_rate"], r["learned_true"], _close(r, r["z"]), _close(r, r["without_luck"]),
         _close(r, r["z"] + shift_to_mean(r["z"], float(r["truth"].mean()))), _inside(r)) for r in results
    ]  # fmt: skip
    header = ["seed", "slope of true log-odds", "mean PD", "mean true PD", "default rate", "default rate learned from",
              "mean true PD there", "deciles within 15 % or 0.2 points", "… level without luck",
              "… level of the months judged", "true PD inside pd_low … pd_high"]  # fmt: skip
    print_table(lines, header)
    p, true = (np.concatenate([r[name] for r in results]) for name in ("p", "truth"))
    print(f"All seeds together: slope {metrics.log_odds_slope(true, p)[0]:.3f}; by decile of the prediction:\n")
    deciles = truth_deciles(p, true)[["count", "predicted", "true", "gap", "is_close"]]
    print_table(
        [[f"{v:.4f}" if isinstance(v, float) else v for v in row] for row in deciles.to_numpy().tolist()],
        list(deciles.columns),
    )


def print_grades(results: list[dict[str, Any]]) -> None:
    """Jeffreys' test by grade, on one row a customer and on every month's; and the effects of country and sector."""
    y, p, true, cohort = (np.concatenate([r[name] for r in results]) for name in ("y", "p", "truth", "cohort"))
    for words, of in (("one row a customer", cohort), ("every month's rows", np.ones(len(y), dtype=bool))):
        print(f"All seeds together, by grade, {words}:\n")
        grades, grade = grade_table(y[of], p[of]), MASTER_SCALE.grade(p[of])
        means = [f"{true[of][grade == name].mean():.4f}" for name in grades["grade"]]
        lines = [
            (*(f"{v:.4f}" if isinstance(v, float) else v for v in row), mean)
            for row, mean in zip(grades.to_numpy().tolist(), means, strict=True)
        ]
        print_table(lines, [*grades.columns, "mean true PD"])
    whole: dict[tuple[str, str], NDArray[np.float64]] = {}
    for r in results:
        for line in r["segments"].itertuples():
            found = whole.setdefault((line.segment, line.value), np.zeros(5))
            found += (line.count, line.defaults, line.count * line.pd_mean, line.customers, line.customers_defaulted)
    print("All seeds together, by country and sector (neither is an input of the history's part):\n")
    segments = [
        (*key, int(n), d / n, s / n, int(c), int(b), low_default_bound(int(c), int(b), LOW_DEFAULT_CONFIDENCE))
        for key, (n, d, s, c, b) in sorted(whole.items())
    ]
    header = ["segment", "value", "snapshots", "default rate", "mean PD", "customers once", "of them defaulted",
              "not above with 75 % (Pluto–Tasche)"]  # fmt: skip
    print_table(segments, header)


def _together(found: list[metrics.Interval]) -> str:
    """The mean of differences on independent samples; its interval from theirs, taken as normal."""
    deviations = [(d.high - d.low) / (2 * NORMAL_95) for d in found]
    mean, half = float(np.mean([d.value for d in found])), NORMAL_95 * float(np.linalg.norm(deviations)) / len(found)
    return f"{mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f})"


def _close(result: dict[str, Any], log_odds: Floats) -> str:
    """Deciles near the truth. What bounds them is beside it: the level by the true PDs of the months learned from, as if
    their defaulters had been as many as expected; and by those of the months judged, which nobody knows."""
    table = truth_deciles(expit(log_odds), result["truth"])
    return f"{int(table['is_close'].sum())} of {len(table)}"


def _inside(result: dict[str, Any]) -> float:
    low, high = (expit(result["z"] + sign * INTERVAL_SDS * result["spread"]) for sign in (-1.0, 1.0))
    return metrics.coverage(result["truth"], low, high)


if __name__ == "__main__":
    main()

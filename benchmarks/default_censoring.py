"""`python -m benchmarks.default_censoring`: what to do with snapshots whose 12 months are not over, beside the true PD.

All are fitted at the evaluation origin on what was known then and scored, uncalibrated, on the later months of
customers that their members never saw. The classical mistake counts an outcome that is not seen yet as good.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from benchmarks.default_book import print_table, sample_histories
from models import metrics
from models.term_structure import evenly_spread
from training.bagging import Bag, Rows, Shape, fit_bag
from training.default import SELECTED, Options, evaluation_origin, fit_at
from training.default_data import Histories, Outcomes
from training.default_evaluation import true_pd
from training.default_stages import SHORTEST_MONTHS

Floats = NDArray[np.float64]
SHAPE = Shape(folds=4, repeats=1)
HORIZON = 12
SEED = 1


def _bag(
    data: Histories, used: NDArray[np.bool_], y: Floats, level: Floats | float, weight: Floats | None = None
) -> Bag:
    rows = Rows(
        matrix=data.matrix[used], y=y[used], offset=np.broadcast_to(level, y.shape)[used].astype(np.float64),
        weight=np.ones(int(used.sum())) if weight is None else weight[used], customer=data.customer[used],
        month=data.month[used],
    )  # fmt: skip
    return fit_bag(rows, data.monotone, SHAPE, seed=SEED)


def _plain(
    data: Histories, used: NDArray[np.bool_], y: Floats, rows: NDArray[np.int64], weight: Floats | None = None
) -> Floats:
    level = float(logit(np.average(y[used], weights=None if weight is None else weight[used])))
    return expit(level + _bag(data, used, y, level, weight).margin_of_unseen(data.matrix[rows], data.customer[rows]))


def _hazard(data: Histories, seen: Outcomes, rows: NDArray[np.int64]) -> Floats:
    """Discrete-time hazard: one row a snapshot and month at risk, the month a column of its own."""
    risk = np.flatnonzero(seen.usable(1) & (data.month % SHAPE.every_month == 0))
    when = np.where(seen.default_month[risk] > 0, seen.default_month[risk], HORIZON + 1)
    last = np.minimum(seen.mature_months[risk], when)
    place = np.repeat(risk, last)
    month = np.arange(len(place)) - np.repeat(np.cumsum(last) - last, last) + 1
    y = (month == np.repeat(when, last)).astype(np.float64)
    level = float(logit(y.mean()))
    expanded = Rows(
        matrix=np.column_stack([data.matrix[place], month]), y=y, offset=np.full(len(y), level), weight=np.ones(len(y)),
        customer=data.customer[place], month=np.zeros(len(y), dtype=np.int64),
    )  # fmt: skip
    bag = fit_bag(expanded, [*data.monotone, 0], SHAPE, seed=SEED)
    survival = np.ones(len(rows))
    for m in range(1, HORIZON + 1):
        asked = np.column_stack([data.matrix[rows], np.full(len(rows), m)])
        survival *= 1.0 - expit(level + bag.margin_of_unseen(asked, data.customer[rows]))
    return 1.0 - survival


def predictions(data: Histories, rows: NDArray[np.int64]) -> dict[str, Floats]:
    """PDs of `rows` by each way to treat censoring, all as known on the evaluation origin."""
    origin = evaluation_origin(data)
    seen = data.outcomes(origin)
    mature, young = seen.usable(HORIZON), seen.usable(SHORTEST_MONTHS)
    before = ~seen.in_default & (data.on <= np.datetime64(origin, "D"))
    y = seen.within(HORIZON)
    time = np.where(seen.within(seen.mature_months) > 0, seen.default_month, seen.mature_months).astype(np.float64)
    at_risk = before & (seen.mature_months > 0)
    weight = np.zeros(len(y))
    known_y = np.zeros(len(y))
    known_y[at_risk], weight[at_risk] = metrics.ipcw_weights(
        time[at_risk], seen.within(seen.mature_months)[at_risk] > 0, float(HORIZON)
    )
    even = evenly_spread(HORIZON)
    level = float(logit(y[mature].mean()))
    shift = level + even.offset(np.full(len(y), level), seen.mature_months)
    spread = _bag(data, young, seen.within(seen.mature_months), shift)
    chosen = fit_at(data, origin, SHAPE, Options(), SEED)
    asked, whose = data.matrix[rows], data.customer[rows]
    return {
        "term structure (chosen)": expit(chosen.level + chosen.bag.margin_of_unseen(asked, whose)),
        "mature rows only": _plain(data, mature, y, rows),
        "one offset a month (proportional odds)": expit(level + spread.margin_of_unseen(asked, whose)),
        "inverse-probability weights": _plain(data, weight > 0, known_y, rows, weight),
        "discrete-time hazard": _hazard(data, seen, rows),
        "classical mistake: immature is good": _plain(
            data, before, seen.within(HORIZON) * (seen.default_month > 0), rows
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    asked = parser.parse_args()
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for seed in range(1, asked.seeds + 1):
        data, truth = sample_histories(seed, customers=3000, months=48, columns=SELECTED)
        true = true_pd(data, np.arange(len(data.on)), truth)
        final = data.outcomes(data.as_of)
        later = data.on > np.datetime64(evaluation_origin(data), "D")
        rows = np.flatnonzero(final.usable(HORIZON) & later & ~np.isnan(true))
        for name, p in predictions(data, rows).items():
            t = true[rows]
            found.setdefault(name, []).append((
                metrics.gini(t, p) / metrics.gini(t, t), float(p.mean() / t.mean()), metrics.log_odds_slope(t, p)[0],
                1000 * (metrics.log_loss(t, p) - metrics.log_loss(t, t)),
            ))  # fmt: skip
    print(f"Sample ledgers of 3,000 customers, means over seeds 1 to {asked.seeds}; before calibration.\n")
    header = [
        "censoring",
        "Gini share of true PD",
        "mean PD / mean true PD",
        "slope",
        "log loss above true PD's, 1/1000",
    ]
    print_table([(name, *np.mean(values, axis=0).tolist()) for name, values in found.items()], header)


if __name__ == "__main__":
    main()

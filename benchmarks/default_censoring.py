"""`python -m benchmarks.default_censoring`: what to do with snapshots whose 12 months are not over, beside the true PD.

All are fitted at the evaluation origin on what was known then and scored, uncalibrated, on the later months of
customers that their members never saw; in one stage, the served model's two stages beside them. The classical mistake
counts an outcome that is not seen yet as good.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from benchmarks.default_book import print_table, sample_histories
from models import metrics
from models.default.term_structure import evenly_spread
from training.default.data import Histories, Outcomes
from training.default.ensembles import Bag, Rows, fit_bag
from training.default.evaluation import true_pd
from training.default.fit import SELECTED, Options, cold_start, evaluation_origin, fit_at
from training.default.stages import SHAPE as DEFAULT_SHAPE
from training.default.stages import SHORTEST_MONTHS

Floats = NDArray[np.float64]
SERVED = replace(DEFAULT_SHAPE, repeats=2)
SHAPE = replace(SERVED, near_rounds=0, rounds=100)
GROWING = "invoices_settled_ever"  # a column that rises with the calendar: not served
HORIZON = 12
SEED = 1


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The histories that a bag is fitted on and the later rows that it scores."""

    data: Histories
    rows: NDArray[np.int64]

    def among(self, columns: Sequence[str]) -> Asked:
        """The same with some of the columns."""
        return replace(self, data=cold_start.only(self.data, columns))

    def bag(self, used: NDArray[np.bool_], y: Floats, level: Floats | float, weight: Floats | None = None) -> Bag:
        data = self.data
        rows = Rows(
            matrix=data.matrix[used], y=y[used], offset=np.broadcast_to(level, y.shape)[used].astype(np.float64),
            weight=np.ones(int(used.sum())) if weight is None else weight[used], customer=data.customer[used],
            month=data.month[used],
        )  # fmt: skip
        return fit_bag(rows, data.monotone, SHAPE, seed=SEED)

    def unseen(self, bag: Bag, level: float) -> Floats:
        """PDs of the rows by members that never saw the customer."""
        margin = bag.margin_of_unseen(self.data.matrix[self.rows], self.data.customer[self.rows])
        return np.asarray(expit(level + margin))

    def plain(self, used: NDArray[np.bool_], y: Floats, weight: Floats | None = None) -> Floats:
        """PDs of a bag fitted on outcomes taken as they are."""
        level = float(logit(np.average(y[used], weights=None if weight is None else weight[used])))
        return self.unseen(self.bag(used, y, level, weight), level)


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


def predictions(whole: Histories, rows: NDArray[np.int64]) -> dict[str, Floats]:
    """PDs of `rows` by each way to treat censoring, all as known on the evaluation origin.

    whole : with the columns of SELECTED, and GROWING, which one of the ways is given too.
    """
    growing = Asked(data=whole, rows=rows)
    asked = growing.among(SELECTED)
    data, origin = asked.data, evaluation_origin(whole)
    seen = data.outcomes(origin)
    mature, young = seen.usable(HORIZON), seen.usable(SHORTEST_MONTHS)
    before = ~seen.in_default & (data.on <= np.datetime64(origin, "D"))
    y = seen.within(HORIZON)
    known_y, weight = _weighted(seen, before & (seen.mature_months > 0))
    level = float(logit(y[mature].mean()))
    shift = level + evenly_spread(HORIZON).offset(np.full(len(y), level), seen.mature_months)
    spread = asked.bag(young, seen.within(seen.mature_months), shift)
    chosen, served = (fit_at(data, origin, shape, Options(), SEED) for shape in (SHAPE, SERVED))
    return {
        "term structure (chosen)": asked.unseen(chosen.bag, chosen.level),
        "mature rows only": asked.plain(mature, y),
        "one offset a month (proportional odds)": asked.unseen(spread, level),
        "inverse-probability weights": asked.plain(weight > 0, known_y, weight),
        f"… with {GROWING}": growing.plain(weight > 0, known_y, weight),
        "discrete-time hazard": _hazard(data, seen, rows),
        "classical mistake: immature is good": asked.plain(before, seen.within(HORIZON) * (seen.default_month > 0)),
        "as served: term structure, two stages": asked.unseen(served.bag, served.level),
    }


def _weighted(seen: Outcomes, at_risk: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """(outcome, weight) of every row by inverse probability of being still observed; weight 0: not known."""
    came = seen.within(seen.mature_months) > 0
    time = np.where(came, seen.default_month, seen.mature_months).astype(np.float64)
    y, weight = np.zeros(len(came)), np.zeros(len(came))
    y[at_risk], weight[at_risk] = metrics.ipcw_weights(time[at_risk], came[at_risk], float(HORIZON))
    return y, weight


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12])
    seeds = parser.parse_args().seeds
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for seed in seeds:
        data, truth = sample_histories(seed, customers=3000, months=48, columns=(*SELECTED, GROWING))
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
    print(f"Sample ledgers of 3,000 customers, means over seeds {seeds}; before calibration.\n")
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

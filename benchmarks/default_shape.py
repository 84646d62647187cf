"""`python -m benchmarks.default_shape`: what the shape of the trees gives in order and costs in explanation.

Each shape is fitted at the evaluation origin of a sample ledger that no other table judges; order is on later months of
unseen customers beside the true PD, cost is the model's own `contributions` and `predict`, one customer at a time as the
service asks, as a multiple of the first shape's (measured in turns, so that a busy machine slows all alike).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, rel_entr

from benchmarks.default_book import print_table, sample_histories
from ledger.default_status import PRIMARY
from models import metrics
from models.calibration import Calibration, shift_to_mean
from models.default.calibrated_ensemble import CalibratedBag
from training.default.calibration import calibrate, margins
from training.default.data import Histories
from training.default.ensembles import Bag, Shape
from training.default.evaluation import true_pd
from training.default.fit import SELECTED, Options, evaluation_origin, fit_at, later_rows
from training.default.stages import SHAPE, SHAPE_OF_MANY, judged_shape

Floats = NDArray[np.float64]

FEW, MANY = "served where defaulters are few", "served where they are many: depth 3, 50 rounds on the default"
SHAPES: dict[str, Shape] = {
    FEW: SHAPE,
    "stumps (depth 1)": replace(SHAPE, depth=1, leaves=2),
    MANY: SHAPE_OF_MANY,
    "depth 3": replace(SHAPE, depth=3, leaves=8),
    "depth 4": replace(SHAPE, depth=4, leaves=16),
    "depth 6": replace(SHAPE, depth=6, leaves=31),
    "Optuna's best on seed 11": replace(
        SHAPE,
        depth=3,
        leaves=8,
        near_rounds=60,
        rounds=120,
        learning_rate=0.034,
        smallest_leaf=120,
        l2=22.844,
        feature_share=0.331,
    ),
    "before: 40 rounds on the default, a third of the shrinkage": replace(SHAPE, rounds=40, l2=10.0),
    "no first stage": replace(SHAPE, near_rounds=0, rounds=SHAPE.near_rounds + SHAPE.rounds),
    "first stage, one round on the default": replace(SHAPE, rounds=1),
    "judged by 2 members, not 5": replace(SHAPE, judged_repeats=2),
    "long before: 80 rounds of depth 4, no first stage": Shape(),
}
ROWS, TURNS = 60, 5


@dataclass(frozen=True, kw_only=True)
class Order:
    """How well a shape orders later months of unseen customers.

    expected, observed : share of the true PD's Gini, by true PDs and by outcomes. loss : log loss above that of the true
    PDs, by them, 1/1000, with the level of the months judged (which is not the shape's doing). defaulters : learned from.
    """

    expected: float
    observed: float
    loss: float
    defaulters: int


def order(data: Histories, true: Floats, shape: Shape) -> tuple[Order, Bag]:
    """(how well the shape orders, a bag as it would be served)."""
    origin = evaluation_origin(data)
    wide = fit_at(data, origin, judged_shape(shape), Options(), 1)
    rows = later_rows(data, origin)
    rows = rows[~np.isnan(true[rows])]
    y, t = data.outcomes(data.as_of).within(PRIMARY.horizon_months)[rows], true[rows]
    margin = margins(data, wide, rows, of_unseen=True)
    z = calibrate(data, [], wide, Options(), of_unseen=True).log_odds(margin)
    p = expit(z + shift_to_mean(z, float(t.mean())))
    found = Order(
        expected=metrics.gini(t, margin) / metrics.gini(t, t), observed=metrics.gini(y, margin) / metrics.gini(y, t),
        loss=1000.0 * float(np.mean(rel_entr(t, p) + rel_entr(1.0 - t, 1.0 - p))), defaulters=wide.count_defaulters,
    )  # fmt: skip
    return found, replace(wide.bag, members=wide.bag.members[: shape.folds * shape.repeats])


def costs(bags: dict[str, Bag], X: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Seconds to explain and to score a row at a time, the least of several turns."""
    models = {
        name: CalibratedBag(columns=SELECTED, members=bag.members, calibration=Calibration(slope=1.0, intercept=-3.0))
        for name, bag in bags.items()
    }
    found = {name: [np.inf, np.inf] for name in models}
    for _ in range(TURNS):
        for name, model in models.items():
            for place, ask in enumerate((model.contributions, model.log_odds)):
                began = time.perf_counter()
                for row in range(len(X)):
                    ask(X.iloc[[row]])
                found[name][place] = min(found[name][place], time.perf_counter() - began)
    return {name: (explain, score) for name, (explain, score) in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[12, 13])
    parser.add_argument("--only", nargs="+", choices=list(SHAPES), default=list(SHAPES), help="beside the first")
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--months", type=int, default=48)
    parsed = parser.parse_args()
    seeds, asked = parsed.seeds, {name: SHAPES[name] for name in SHAPES if name in (FEW, *parsed.only)}
    found: dict[str, list[Order]] = {name: [] for name in asked}
    bags: dict[str, Bag] = {}
    for seed in seeds:
        data, truth = sample_histories(seed, customers=parsed.customers, months=parsed.months, columns=SELECTED)
        true = true_pd(data, np.arange(len(data.on)), truth)
        for name, shape in asked.items():
            result, bags[name] = order(data, true, shape)
            found[name].append(result)
    seconds = costs(bags, data.frame(np.arange(0, len(data.on), len(data.on) // ROWS)[:ROWS]))
    lines = []
    for name, shape in asked.items():
        expected, observed, loss = np.array([(o.expected, o.observed, o.loss) for o in found[name]]).T
        trees = sum(member.num_trees() for member in bags[name].members)
        explain, score = (seconds[name][k] / seconds[FEW][k] for k in (0, 1))
        against = expected - np.array([o.expected for o in found[FEW]])
        error = float(np.std(against, ddof=1) / np.sqrt(len(against))) if len(against) > 1 else float("nan")
        lines.append((name, shape.depth, trees, float(expected.mean()), f"{against.mean():+.4f} ± {error:.4f}",
                      float(observed.mean()), f"{loss.mean():.2f}", explain, score))  # fmt: skip
    learned = ", ".join(str(o.defaulters) for o in found[FEW])
    print(
        f"Sample ledgers of {parsed.customers:,} customers and {parsed.months} months, means over seeds {seeds} "
        f"({learned} defaulters learned from); cost on {ROWS} customers, one at a time.\n"
    )
    header = ["shape", "depth", "trees", "share, by true PD", "above the first (standard error over seeds)", "share",
              "loss above true PDs', 1/1000", "explaining, times the first", "scoring, times the first"]  # fmt: skip
    print_table(lines, header)


if __name__ == "__main__":
    main()

"""`python -m benchmarks.default_shape`: what the shape of the trees gives in order and costs in explanation.

Each shape is fitted at the evaluation origin of a sample ledger that no other table judges; order is on later months of
unseen customers beside the true PD, cost is the model's own `contributions` and `predict`, one customer at a time as the
service asks, as a multiple of the served shape's (measured in turns, so that a busy machine slows all alike).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.default_book import print_table, sample_histories
from features.default_status import PRIMARY
from models import metrics
from models.calibrated_bag import CalibratedBag
from models.calibration import Calibration
from training.bagging import Bag, Shape
from training.default import SELECTED, SHAPE, Options, evaluation_origin, fit_at, later_rows
from training.default_data import Histories
from training.default_evaluation import true_pd
from training.default_stages import judged_shape

SHAPES: dict[str, Shape] = {
    "served": SHAPE,
    "stumps (depth 1)": replace(SHAPE, depth=1, leaves=2),
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


def order(data: Histories, true: np.ndarray, shape: Shape) -> tuple[float, float, Bag]:
    """(expected and observed share of the true PD's Gini, a bag as it would be served)."""
    origin = evaluation_origin(data)
    wide = fit_at(data, origin, judged_shape(shape), Options(), 1)
    rows = later_rows(data, origin)
    rows = rows[~np.isnan(true[rows])]
    y, t = data.outcomes(data.as_of).within(PRIMARY.horizon_months)[rows], true[rows]
    margin = wide.bag.margin_of_unseen(data.matrix[rows], data.customer[rows])
    served = replace(wide.bag, members=wide.bag.members[: shape.folds * shape.repeats])
    return metrics.gini(t, margin) / metrics.gini(t, t), metrics.gini(y, margin) / metrics.gini(y, t), served


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
    parser.add_argument("--only", nargs="+", choices=list(SHAPES), default=list(SHAPES), help="beside the served one")
    parsed = parser.parse_args()
    seeds, asked = parsed.seeds, {name: SHAPES[name] for name in SHAPES if name in ("served", *parsed.only)}
    shares: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    bags: dict[str, Bag] = {}
    for seed in seeds:
        data, truth = sample_histories(seed, customers=3000, months=48, columns=SELECTED)
        true = true_pd(data, np.arange(len(data.on)), truth)
        for name, shape in asked.items():
            expected, observed, bags[name] = order(data, true, shape)
            shares[name].append((expected, observed))
    seconds = costs(bags, data.frame(np.arange(0, len(data.on), len(data.on) // ROWS)[:ROWS]))
    lines = []
    for name, shape in asked.items():
        expected, observed = np.mean(shares[name], axis=0)
        trees = sum(member.num_trees() for member in bags[name].members)
        explain, score = (seconds[name][k] / seconds["served"][k] for k in (0, 1))
        against = np.array([e - s for (e, _), (s, _) in zip(shares[name], shares["served"], strict=True)])
        error = float(np.std(against, ddof=1) / np.sqrt(len(against))) if len(against) > 1 else float("nan")
        lines.append((name, shape.depth, shape.leaves, trees, float(expected), f"{against.mean():+.4f} ± {error:.4f}",
                      float(observed), explain, score))  # fmt: skip
    print(f"Sample ledgers of 3,000 customers, means over seeds {seeds}; cost on {ROWS} customers, one at a time.\n")
    header = ["shape", "depth", "leaves", "trees", "share, by true PD",
              "above served (standard error over seeds)", "share", "explaining, times served",
              "scoring, times served"]  # fmt: skip
    print_table(lines, header)


if __name__ == "__main__":
    main()

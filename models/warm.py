"""Compile the loops of the models once, at install: `python -m models.warm`."""

from __future__ import annotations

import time

import lightgbm as lgb
import numpy as np

from models.delay.margin_shares import LATE_30, NODES, WEIGHTS, shared_out
from models.tree_margins import member_margins, repeated_margins
from models.tree_shap import mean_shap_values


def warm() -> float:
    """Walk and explain small and large trees, and share out a change; return the seconds (nearly all compiling)."""
    start = time.perf_counter()
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 8))
    for leaves in (4, 31):  # tables, and sums
        settings = {
            "objective": "binary",
            "num_leaves": leaves,
            "min_data_in_leaf": 3,
            "verbosity": -1,
            "num_threads": 1,
        }
        members = (lgb.train(settings, lgb.Dataset(X, X[:, 0] + X[:, 1:6].max(axis=1) > 1), 3),)
        for matrix in (X, X.astype(np.float32)):
            member_margins(members, matrix)
            mean_shap_values(members, matrix)
        repeated_margins(members, X[:, :6].astype(np.float32), np.arange(400), X[:, 6:].astype(np.float32))
    days, one, numbers = np.arange(3), np.zeros(1, dtype=np.int64), np.zeros(3)
    shared_out(LATE_30, np.array([0, 3]), days, days + 1, numbers, one, one, numbers, numbers, np.zeros(1), np.zeros(1),
               NODES, WEIGHTS)  # fmt: skip
    return time.perf_counter() - start


if __name__ == "__main__":
    print(f"models compiled in {warm():.0f} s")

"""The default model's challengers, fitted on the same columns and outcomes, each without the customers it scores."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from training.default import cold_start
from training.default.data import Histories
from training.default.evaluation import rules
from training.splits import customer_folds

Floats = NDArray[np.float64]
FOLDS = 5
EVERY_MONTH = 3


def scorecard(matrix: Floats, y: Floats, columns: tuple[str, ...]):  # type: ignore[no-untyped-def]
    """A logistic scorecard: optimal binning, weight of evidence, logistic regression."""
    from optbinning import BinningProcess, Scorecard
    from sklearn.linear_model import LogisticRegression

    process = BinningProcess(list(columns), max_n_bins=6, min_bin_size=0.02)
    card = Scorecard(binning_process=process, estimator=LogisticRegression(C=0.05, max_iter=1000), scaling_method=None)
    return card.fit(pd.DataFrame(matrix, columns=list(columns)), y.astype(int))


def with_values(data: Histories, rows: NDArray[np.int64]) -> Histories:
    """Return the histories without the columns that have one value or none in `rows`: scikit-learn's cannot be fitted on
    these."""
    spread = np.nanmax(data.matrix[rows], axis=0, initial=-np.inf) > np.nanmin(
        data.matrix[rows], axis=0, initial=np.inf
    )
    return cold_start.only(data, [name for name, is_told in zip(data.columns, spread, strict=True) if is_told])


def challengers(data: Histories, origin: pd.Timestamp, rows: NDArray[np.int64]) -> dict[str, Floats]:
    """Scores of `rows` by challengers fitted at `origin` on mature outcomes, each without the row's customers; and by
    plain rules."""
    seen = data.outcomes(origin)
    usable, y = seen.usable(data.policy.horizon_months), seen.within(data.policy.horizon_months)
    fold = customer_folds(data.customer, FOLDS, "challengers")
    thinned = usable & (data.month % EVERY_MONTH == 0)
    found = {"HistGradientBoosting": np.zeros(len(rows)), "logistic scorecard": np.zeros(len(rows))}
    data = with_values(data, np.flatnonzero(thinned))
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

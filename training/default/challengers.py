"""Challengers of the default model by scikit-learn: fitted on the same columns and outcomes, scored on the same rows.

Each scores a customer only by a fit that never saw it, as the default model's evaluation does.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer

from training.default.data import Histories
from training.splits import customer_folds

Floats = NDArray[np.float64]

FOLDS = 3
EVERY_MONTH = 3  # a customer's neighbouring month ends are nearly the same row
BINS = 6
SMALLEST_PD = 1e-6


@dataclass(frozen=True, kw_only=True)
class Challenger:
    """A challenger's scores. name : for people. parameters : as logged. pd : (rows,) predicted probabilities."""

    name: str
    parameters: dict[str, Any]
    pd: Floats


def hist_gradient_boosting(monotone: list[int]) -> tuple[Any, dict[str, Any]]:
    """Return scikit-learn's histogram boosting with the catalogue's monotone directions, and its parameters."""
    parameters = {
        "max_iter": 80, "learning_rate": 0.05, "max_leaf_nodes": 8, "min_samples_leaf": 60, "l2_regularization": 10.0,
        "random_state": 1,
    }  # fmt: skip
    return HistGradientBoostingClassifier(monotonic_cst=monotone, **parameters), parameters


def logistic_scorecard() -> tuple[Any, dict[str, Any]]:
    """Return a logistic scorecard: quantile bins with missing as a bin of its own, one-hot, ridge logistic regression;
    and its parameters."""
    parameters = {"bins": BINS, "C": 0.05, "max_iter": 300}
    bins = make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        KBinsDiscretizer(
            n_bins=BINS,
            encode="onehot-dense",
            strategy="quantile",
            subsample=None,
            quantile_method="averaged_inverted_cdf",
        ),
    )
    missing = FunctionTransformer(_is_missing)
    card = make_pipeline(make_union(bins, missing), LogisticRegression(C=0.05, max_iter=300))
    return card, parameters


def _weights(model: Any, weight: Floats | None) -> dict[str, Floats]:
    """Return the argument with which a model takes row weights; none where all rows are there."""
    if weight is None:
        return {}
    return {"logisticregression__sample_weight" if hasattr(model, "steps") else "sample_weight": weight}


def _is_missing(X: Floats) -> Floats:
    return np.isnan(X).astype(np.float64)


def fit_challengers(data: Histories, origin: pd.Timestamp, rows: NDArray[np.int64]) -> tuple[Challenger, ...]:
    """Fit both challengers at `origin` on mature outcomes known then and score `rows`; () with too few outcomes.

    Needs at least 10 rows of each outcome in every training fold.
    """
    seen = data.outcomes(origin)
    usable, y = seen.usable(data.policy.horizon_months), seen.within(data.policy.horizon_months)
    thinned = usable & (data.month % EVERY_MONTH == 0)
    fold = customer_folds(data.customer, FOLDS, "challengers")
    smallest = min(min(y[thinned & (fold != f)].sum(), (1 - y[thinned & (fold != f)]).sum()) for f in range(FOLDS))
    if smallest < 10:
        return ()
    kinds = {"HistGradientBoosting": np.zeros(len(rows)), "logistic scorecard": np.zeros(len(rows))}
    parameters: dict[str, dict[str, Any]] = {}
    for left_out in range(FOLDS):
        train, asked = np.flatnonzero(thinned & (fold != left_out)), fold[rows] == left_out
        # a column without a value in these rows says nothing, and scikit-learn cannot be fitted on it
        has_values = np.asarray(~np.isnan(data.matrix[train]).all(axis=0))
        matrix = data.matrix[train][:, has_values]
        for name, (model, used) in (
            (
                "HistGradientBoosting",
                hist_gradient_boosting([m for m, has in zip(data.monotone, has_values, strict=True) if has]),
            ),
            ("logistic scorecard", logistic_scorecard()),
        ):
            if asked.any():
                with warnings.catch_warnings():
                    # a column with few distinct values has fewer bins than asked for: meant
                    warnings.filterwarnings("ignore", message="Bins whose width are too small")
                    model.fit(
                        matrix, y[train], **_weights(model, None if data.row_weight is None else data.row_weight[train])
                    )
                kinds[name][asked] = model.predict_proba(data.matrix[rows[asked]][:, has_values])[:, 1]
            parameters[name] = {**used, "folds": FOLDS, "every_month": EVERY_MONTH, "library": "scikit-learn"}
    return tuple(
        Challenger(name=name, parameters=parameters[name], pd=np.clip(pds, SMALLEST_PD, 1 - SMALLEST_PD))
        for name, pds in kinds.items()
    )

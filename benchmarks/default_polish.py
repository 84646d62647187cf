"""`python -m benchmarks.default_polish`: the default model's bag on Polish bankruptcies, by 10-fold."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from benchmarks.default_book import SHARED, imported
from benchmarks.default_folds import cross_validated, print_figures
from features.known import known_on
from training.bagging import Shape

AS_OF = "2007-12-31"
SOURCE = SHARED / "polish-bankruptcy" / "1year.arff"
SHAPE = Shape(
    rounds=100, learning_rate=0.1, leaves=31, depth=-1, smallest_leaf=20, l2=0.0, feature_share=1.0, folds=12,
    repeats=1,
    every_month=1,
    bins=255,
)  # fmt: skip


def ratio_features(attributes: pd.DataFrame, ids: pd.Series) -> NDArray[np.float64]:
    """(customers, 65): the ratios, NaN where not given, and how many are missing."""
    values = attributes.assign(number=attributes["value"].astype(float))
    wide = values.pivot(index="customer_id", columns="name", values="number").reindex(ids)
    return np.column_stack([wide.to_numpy(dtype=np.float64), wide.isna().sum(axis=1).to_numpy()])


def main() -> None:
    if not SOURCE.exists():
        print("skipped: ../shared/data/polish-bankruptcy is not here.")
        return
    whole = imported("arff-ratios", SOURCE)
    known = known_on(whole, AS_OF)
    ids = known.customers["customer_id"]
    X = ratio_features(known["attributes"], ids)
    y = np.asarray(ids.isin(whole.events["customer_id"]), dtype=np.float64)
    p = cross_validated(X, y, [0] * X.shape[1], SHAPE, folds=10)
    plain = HistGradientBoostingClassifier(random_state=0)
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    boosting = cross_val_predict(plain, X, y, cv=folds, method="predict_proba")[:, 1]
    print(f"Polish companies, {len(y):,}, bankrupt {y.mean():.3f}, {X.shape[1]} columns, 10-fold.\n")
    print_figures({"default model's bag, calibrated": p, "plain boosting, same columns": boosting}, y)


if __name__ == "__main__":
    main()

"""`python -m benchmarks.default_polish`: the default model's bag on Polish bankruptcies, by 10-fold.

`--source-marks` shows what a higher figure would be made of: the two classes were not collected alike. Ratio 27 (operating
profit over financial expenses) has no value where financial expenses are 0, which ratio 11 less ratio 7 tells; the
survivors have one all the same. Ratios 36 and 9 are both sales over assets; they are equal for survivors alone. With
those two differences as columns the same bag is far above what the ratios themselves give: neither is in the model.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from benchmarks.default_book import SHARED, imported, print_table
from benchmarks.default_folds import cross_validated, print_figures
from features.known import known_on
from models import metrics
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


def print_source_marks(X: NDArray[np.float64], y: NDArray[np.float64]) -> None:
    """How the classes differ where they should not, and what plain boosting and the bag make of such columns."""
    ratio = {number: X[:, number - 1] for number in range(1, 65)}
    no_expenses = np.isclose(ratio[7], ratio[11], rtol=0.0, atol=1e-9)
    equal_sales = np.isclose(ratio[9], ratio[36], rtol=0.0, atol=1e-9)
    rows = [
        ("financial expenses 0, ratio 27 without a value", *(f"{np.isnan(ratio[27][no_expenses & (y == k)]).mean():.3f}" for k in (0, 1))),
        ("ratio 9 equals ratio 36", *(f"{equal_sales[y == k].mean():.3f}" for k in (0, 1))),
    ]  # fmt: skip
    print_table(rows, ["share of companies", "survived", "bankrupt"])
    without = np.delete(X, [26, 64], axis=1)  # ratio 27, and the number of missing ratios
    marks = np.column_stack([X, ratio[11] - ratio[7], ratio[9] - ratio[36]])
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    figures = []
    for name, columns in (
        ("64 ratios, number missing", X),
        ("without ratio 27", without),
        ("with both differences", marks),
    ):
        boosting = HistGradientBoostingClassifier(random_state=0)
        p = cross_val_predict(boosting, columns, y, cv=folds, method="predict_proba")[:, 1]
        figures.append((name, f"{metrics.auc(y, p):.4f}"))
    print()
    print_table(figures, ["plain boosting", "AUC"])
    bag = cross_validated(marks, y, [0] * marks.shape[1], SHAPE, folds=10)
    print_figures({"default model's bag, calibrated, with both differences (not the model's figure)": bag}, y, folds=10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source-marks", action="store_true")
    given = parser.parse_args()
    if not SOURCE.exists():
        print("skipped: ../shared/data/polish-bankruptcy is not here.")
        return
    whole = imported("arff-ratios", SOURCE)
    known = known_on(whole, AS_OF)
    ids = known.customers["customer_id"]
    X = ratio_features(known["attributes"], ids)
    y = np.asarray(ids.isin(whole.events["customer_id"]), dtype=np.float64)
    if given.source_marks:
        print_source_marks(X, y)
        return
    p = cross_validated(X, y, [0] * X.shape[1], SHAPE, folds=10)
    plain = HistGradientBoostingClassifier(random_state=0)
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    boosting = cross_val_predict(plain, X, y, cv=folds, method="predict_proba")[:, 1]
    print(f"Polish companies, {len(y):,}, bankrupt {y.mean():.3f}, {X.shape[1]} columns, 10-fold.\n")
    print_figures({"default model's bag, calibrated": p, "plain boosting, same columns": boosting}, y, folds=10)


if __name__ == "__main__":
    main()

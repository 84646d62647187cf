"""`python -m benchmarks.default_polish`: the default model's bag on Polish bankruptcies, by 10-fold: on the 64 ratios, and on
the ratios with the statement's lines behind them.

`--source-marks` shows what such figures are made of: the two classes were not collected alike. Ratio 27 (operating
profit over financial expenses) has no value where financial expenses are 0, which ratio 11 less ratio 7 tells; the
survivors have one all the same. Ratios 36 and 9 are both sales over assets; they are equal for survivors alone. The three
years' profit (24) is the last year's (18) for bankrupt companies. None of the three differences is in the model.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from benchmarks.default_book import SHARED, imported, print_table
from benchmarks.default_folds import cross_validated, print_figures
from benchmarks.default_polish_features import numbered, ratios_of, with_lines, with_missing
from ledger.known import known_on
from models import metrics
from training.default.ensembles import Shape

Floats = NDArray[np.float64]

AS_OF = "2007-12-31"
FOLDS = 10
SOURCE = SHARED / "polish-bankruptcy" / "1year.arff"
SHAPE = Shape(
    rounds=100, learning_rate=0.1, leaves=31, depth=-1, smallest_leaf=20, l2=0.0, feature_share=1.0, folds=12,
    repeats=1,
    every_month=1,
    bins=255,
)  # fmt: skip


def bag(X: Floats, y: Floats) -> Floats:
    """PDs of all companies by the default model's bag, each from a fit that never saw it."""
    return cross_validated(X, y, [0] * X.shape[1], SHAPE, folds=FOLDS)


def plain(X: Floats, y: Floats) -> Floats:
    """The same by plain histogram boosting."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    return np.asarray(
        cross_val_predict(HistGradientBoostingClassifier(random_state=0), X, y, cv=folds, method="predict_proba")[:, 1]
    )


def print_source_marks(ratios: Floats, y: Floats) -> None:
    """How the classes differ where they should not, and what plain boosting and the bag make of it."""
    ratio = numbered(ratios)
    no_expenses = _are_equal(ratio[7], ratio[11])
    flags = {
        "financial expenses 0, ratio 27 without a value": (np.isnan(ratio[27]), no_expenses),
        "ratio 9 equals ratio 36": (_are_equal(ratio[9], ratio[36]), np.ones(len(y), dtype=bool)),
        "ratio 24 equals ratio 18": (_are_equal(ratio[24], ratio[18]), ~np.isnan(ratio[24])),
    }
    rows = [(name, *(f"{flag[among & (y == k)].mean():.3f}" for k in (0, 1))) for name, (flag, among) in flags.items()]
    print_table(rows, ["share of companies", "survived", "bankrupt"])

    as_given = with_missing(ratios)
    columns = {
        "64 ratios, number missing": as_given,
        "… and the statement's lines": with_lines(ratios),
        "without ratio 27": np.delete(ratios, 26, axis=1),
        "without ratio 27, and the statement's lines": np.delete(with_lines(ratios), [26, ratios.shape[1]], axis=1),
        "with the first two differences": np.column_stack([as_given, ratio[11] - ratio[7], ratio[9] - ratio[36]]),
        "without ratio 27, with the third difference": np.column_stack(
            [np.delete(ratios, 26, axis=1), ratio[24] - ratio[18]]
        ),
    }
    figures = [(name, *(f"{metrics.auc(y, score(X, y)):.4f}" for score in (plain, bag))) for name, X in columns.items()]
    print_table(figures, ["columns", "plain boosting", "default model's bag"])


def _are_equal(a: Floats, b: Floats) -> NDArray[np.bool_]:
    return np.isclose(a, b, rtol=0.0, atol=1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source-marks", action="store_true")
    given = parser.parse_args()
    if not SOURCE.exists():
        print("skipped: ../shared/data/polish-bankruptcy is not here.")
        return
    whole = imported("arff-ratios", SOURCE)
    known = known_on(whole, AS_OF)
    ids = known.customers["customer_id"]
    ratios = ratios_of(known["attributes"], ids)
    y = np.asarray(ids.isin(whole.events["customer_id"]), dtype=np.float64)
    if given.source_marks:
        print_source_marks(ratios, y)
        return
    as_given, lines = with_missing(ratios), with_lines(ratios)
    print(f"Polish companies, {len(y):,}, bankrupt {y.mean():.3f}, {lines.shape[1]} columns, {FOLDS}-fold.\n")
    scores = {
        "default model's bag, calibrated": bag(lines, y), "default model's bag, the 64 ratios and the number missing": bag(as_given, y),
        "plain boosting, same columns": plain(lines, y), "plain boosting, the 64 ratios and the number missing": plain(as_given, y),
    }  # fmt: skip
    print_figures(scores, y, folds=FOLDS)


if __name__ == "__main__":
    main()

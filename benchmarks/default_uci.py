"""`python -m benchmarks.default_uci`: the default model's bag on UCI card statements, imported as a ledger, by 5-fold.

Features are made of the ledger as known on 2005-09-30 (statements, payments, limits, repayment status); the outcome is
an event of the month after. SEX, EDUCATION, MARRIAGE and AGE never reach the ledger.
"""

from __future__ import annotations

import re

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from benchmarks.default_book import SHARED, imported
from benchmarks.default_folds import cross_validated, print_figures
from benchmarks.default_uci_features import RISING, reference_classes, statement_features
from ledger.known import known_on
from models.protected import refuse_protected
from training.default.ensembles import Shape

AS_OF = "2005-09-30"
SOURCE = SHARED / "uci-credit-card" / "default.csv"
SHAPE = Shape(
    rounds=500, learning_rate=0.03, leaves=12, depth=5, smallest_leaf=60, l2=20.0, feature_share=0.15, folds=10,
    repeats=4,
    every_month=1,
    extra_trees=True,
)  # fmt: skip


def main() -> None:
    if not SOURCE.exists():
        print("skipped: ../shared/data/uci-credit-card is not here.")
        return
    whole = imported("uci-card", SOURCE)
    ids, X = statement_features(known_on(whole, AS_OF))
    refuse_protected(X.columns)
    y = np.asarray(ids.isin(whole.events.loc[whole.events["kind"] == "write_off", "customer_id"]), dtype=np.float64)
    directions, classes = [int(name.startswith(RISING)) for name in X.columns], reference_classes(X)
    p = cross_validated(X.to_numpy(), y, directions, SHAPE, folds=5, classes=classes)
    without = cross_validated(X.to_numpy(), y, directions, SHAPE, folds=5)
    plain = HistGradientBoostingClassifier(random_state=0)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    raw = X[[name for name in X.columns if name == "credit_limit" or re.fullmatch(r"(status|balance|paid)_\d", name)]]
    boosting, boosting_raw = (
        cross_val_predict(plain, columns.to_numpy(), y, cv=folds, method="predict_proba")[:, 1] for columns in (X, raw)
    )
    print(
        f"UCI card, {len(y):,} customers, default rate {y.mean():.3f}, {X.shape[1]} features of the ledger and "
        f"rates of {classes.shape[1]} kinds of classes, 5-fold.\n"
    )
    print_figures(
        {"default model's bag, calibrated": p, "… without the rates of classes": without, f"plain boosting, the {X.shape[1]} features": boosting,
         f"plain boosting, the {raw.shape[1]} raw columns": boosting_raw, "rule: latest repayment status": X["status_0"].to_numpy()}, y, folds=5,
    )  # fmt: skip


if __name__ == "__main__":
    main()

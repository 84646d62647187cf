"""`python -m benchmarks.default_thin`: how good the default model is for thin files, and for customers without history.

'No history' scores the same later snapshots with every column of the customer's own past emptied, as a customer before
its first invoice has it; ratings stay.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from benchmarks.default_book import print_table, sample_histories
from features.catalogue import CATALOGUE
from models import metrics
from training.bagging import Shape
from training.default import SELECTED, Options, evaluation_origin, fit_at
from training.default_evaluation import _true_pd

BUCKETS = ((0, 5), (5, 20), (20, 60), (60, 10**9))


def main() -> None:
    lines: list[tuple[object, ...]] = []
    data, truth = sample_histories(1, customers=3000, months=48, columns=SELECTED)
    origin = evaluation_origin(data)
    fitted = fit_at(data, origin, Shape(), Options(), 1)
    final = data.outcomes(data.as_of)
    true = _true_pd(data, np.arange(len(data.on)), truth)
    rows = np.flatnonzero(final.usable(12) & (data.on > np.datetime64(origin, "D")) & ~np.isnan(true))
    y, true, customer = final.within(12)[rows], true[rows], data.customer[rows]
    matrix = data.matrix[rows]
    p = expit(fitted.level + fitted.bag.margin_of_unseen(matrix, customer))
    settled = np.nan_to_num(matrix[:, data.columns.index("invoices_settled_ever")])
    for low, high in BUCKETS:
        of = (settled >= low) & (settled < high)
        words = f"{low} to {high - 1} settled invoices" if high < 10**9 else f"{low} and more"
        lines.append((words, int(of.sum()), int(y[of].sum()), *_figures(y[of], true[of], p[of])))
    emptied = matrix.copy()
    own = [i for i, name in enumerate(data.columns) if not name.startswith("rating")]
    counts = [i for i in own if CATALOGUE[data.columns[i]].unit.value == "count"]
    emptied[:, own], emptied[:, counts] = np.nan, 0.0
    q = expit(fitted.level + fitted.bag.margin_of_unseen(emptied, customer))
    lines.append(("all, own history emptied (no_history)", len(y), int(y.sum()), *_figures(y, true, q)))
    rated = ~np.isnan(matrix[:, data.columns.index("rating_risk")])
    lines.append(
        (
            "… of these without a rating",
            int((~rated).sum()),
            int(y[~rated].sum()),
            *_figures(y[~rated], true[~rated], q[~rated]),
        )
    )
    print("Sample ledger, 3,000 customers, seed 1, later months of unseen customers, before calibration.\n")
    header = ["file", "snapshots", "with a default", "Gini share of true PD", "mean PD", "default rate", "mean true PD"]
    print_table(lines, header)


def _figures(y: np.ndarray, true: np.ndarray, p: np.ndarray) -> tuple[float, float, float, float]:
    share = metrics.gini(true, p) / metrics.gini(true, true)
    return share, float(p.mean()), float(y.mean()), float(true.mean())


if __name__ == "__main__":
    main()

"""Cross-validation of the default model's bag on sets without time: each fold fits, calibrates, and scores the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import TargetEncoder

from benchmarks.default_book import print_table
from models import metrics
from models.calibration import fit_calibration
from training.default.ensembles import Rows, Shape, fit_bag

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

INNER_FOLDS = 10
CLASS_PRIOR = 20.0  # rows of the mean rate that a class's own are added to


def fold_of_rows(y: Floats, folds: int, seed: int = 0) -> NDArray[np.int64]:
    """(rows,) the number of the fold that each row is scored in; folds are alike in their share of defaults."""
    place = np.empty(len(y), dtype=np.int64)
    splits = StratifiedKFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(y)), y)
    for number, (_, test) in enumerate(splits):
        place[test] = number
    return place


def cross_validated(
    matrix: Floats, y: Floats, monotone: Sequence[int], shape: Shape, *, folds: int, seed: int = 0,
    classes: Codes | None = None,
) -> Floats:  # fmt: skip
    """PDs of all rows, each from a bag and a calibration that never saw the row.

    The calibration is fitted on the training part's rows, each scored by members that did not see it. classes : (rows,
    kinds) codes of the classes a row belongs to; each kind becomes a column, the class's default rate (`class_rates`).
    """
    p = np.empty(len(y))
    customer = np.arange(len(y)).astype(str).astype(object)
    place = fold_of_rows(y, folds, seed)
    for number in range(folds):
        train, test = np.flatnonzero(place != number), np.flatnonzero(place == number)
        level = float(logit(y[train].mean()))
        of_train, of_test = matrix[train], matrix[test]
        if classes is not None:
            rates = class_rates(classes[train], y[train], classes[test])
            of_train, of_test = np.hstack([of_train, rates[0]]), np.hstack([of_test, rates[1]])
        rows = Rows(
            matrix=of_train, y=y[train], offset=np.full(len(train), level), weight=np.ones(len(train)),
            customer=customer[train], month=np.zeros(len(train), dtype=np.int64),
        )  # fmt: skip
        directions = [*monotone, *[1] * (of_train.shape[1] - matrix.shape[1])]
        bag = fit_bag(rows, directions, shape, seed=number + 1)
        unseen = level + bag.margin_of_unseen(of_train, customer[train])
        line = fit_calibration(unseen, y[train], slope_sd=1.0)
        p[test] = expit(line.log_odds(level + bag.margin(of_test)))
    return p


def class_rates(train: Codes, y: Floats, test: Codes) -> tuple[Floats, Floats]:
    """(of the training rows, of the test rows): the default rate of each row's class, drawn to the mean rate where the
    class is small; that of a training row is made of other folds of the training part, that of a test row of all of it.

    y : (training rows,). A class that training has not seen gets the mean rate.
    """
    folds = StratifiedKFold(INNER_FOLDS, shuffle=True, random_state=0)
    encoder = TargetEncoder(target_type="binary", smooth=CLASS_PRIOR, cv=folds)
    return np.asarray(encoder.fit_transform(train, y)), np.asarray(encoder.transform(test))


def print_figures(scores: Mapping[str, Floats], y: Floats, folds: int, draws: int = 300) -> None:
    """AUC of all rows together with its interval, mean of the folds' AUCs, Brier score and ECE of each score.

    The first compares rows scored by different fits, the second does not; scores of fits that differ in level lose by the
    first alone. A rule that is no probability has no Brier score and no ECE.
    """
    place = fold_of_rows(y, folds)
    lines = []
    rows = np.arange(len(y))
    for name, score in scores.items():
        interval = metrics.by_customer(lambda w, s=score: metrics.auc(y, s, w), rows, draws=draws)  # type: ignore[misc]
        is_probability = bool(score.min() >= 0.0 and score.max() <= 1.0 and len(np.unique(score)) > 20)
        lines.append((
            name, f"{interval.value:.4f}", f"{interval.low:.4f} to {interval.high:.4f}",
            f"{np.mean([metrics.auc(y[place == k], score[place == k]) for k in range(folds)]):.4f}",
            f"{metrics.brier(y, score):.4f}" if is_probability else "",
            f"{metrics.ece(y, score):.4f}" if is_probability else "",
        ))  # fmt: skip
    print_table(lines, ["model", "AUC", "95 % interval", "mean of the folds' AUCs", "Brier", "ECE"])

"""Fitting the boosters of one question alone: will the item be at least 5 days late."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.delay.late_threshold import DAYS_LATE, LAST_DAY, LateQuestion, question_matrix, question_shap_values
from models.delay.payment_steps import asked_day, days_moved
from training.delay.samples import Asked

PARAMETERS: dict[str, Any] = {
    "objective": "binary", "learning_rate": 0.03, "num_leaves": 15, "min_data_in_leaf": 60, "lambda_l2": 10.0,
    "feature_fraction": 0.4, "bagging_fraction": 0.7, "bagging_freq": 1,
    "verbose": -1, "num_threads": 1, "deterministic": True, "force_row_wise": True,
}  # fmt: skip
TREES = 300
FEWEST = 50  # questions with each answer


def fit_late_question(
    X: pd.DataFrame, asked: Asked, columns: tuple[str, ...], *, seed: int, members: int, reference_items: int
) -> LateQuestion | None:
    """The boosters of the questions whose answer is known, X their matrix; None with too few of either answer.

    Days count from the usual due date where the stated one is implausible.
    """
    rows, is_late = known_answers(X, asked)
    if min(int(is_late.sum()), int((~is_late).sum())) < FEWEST:
        return None
    some = X.iloc[rows]
    data = lgb.Dataset(
        question_matrix(some, columns), is_late.astype(np.float64), feature_name=list(columns), params=PARAMETERS
    ).construct()

    def member(number: int) -> lgb.Booster:
        return lgb.train({**PARAMETERS, "seed": seed * 100 + number}, data, TREES)

    with ThreadPoolExecutor(max_workers=members) as pool:
        boosters = tuple(pool.map(member, range(members)))
    chosen = np.random.default_rng(seed).permutation(len(some))[:reference_items]
    values, margin = question_shap_values(boosters, some.iloc[chosen], columns)
    return LateQuestion(
        columns=columns, members=boosters, margin=float(margin.mean()), contributions=values.mean(axis=0)
    )


def known_answers(X: pd.DataFrame, asked: Asked) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(rows, is_late): the questions asked before LAST_DAY of items whose LAST_DAY was observed to its end, and whether
    they were at least DAYS_LATE days late.

    Items due too late to be seen are left out whether they were paid by then or not: the paid ones alone would say that
    nobody is late. So are items closed without payment by LAST_DAY: they have no days late.
    """
    moved = days_moved(X)
    ended = asked.ended + moved
    seen = (asked.seen_until - asked.items["due_on"]).dt.days.to_numpy() + moved >= LAST_DAY
    known = seen & (asked_day(X) < LAST_DAY) & (asked.is_paid | (ended >= LAST_DAY))
    rows = np.flatnonzero(known)
    return rows, np.where(asked.is_paid, ended >= DAYS_LATE, ended >= LAST_DAY)[rows]

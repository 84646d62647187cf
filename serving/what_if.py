"""`/what_if`: a review as things are and as they would be, and what would lift the grade by one."""

from __future__ import annotations

from typing import Any

import numpy as np

from decisions.scorer import COLUMNS, Scorer, Scores
from decisions.what_if import Better, hypothetical, next_better
from models.default.model import DefaultModel
from models.reasons.sentences import sentence, shown
from serving.answer_parts import Inputs, number
from serving.answers import Answer, common, computed_now, one, record, reviewed
from serving.champions import Champions
from serving.decision_log import DecisionLog
from serving.messages import WhatIfRequest
from serving.score_book import ScoreBook
from serving.sent_ledger import sent_tables
from serving.shared_limits import Shared, shared_of


def what_if(
    champions: Champions, log: DecisionLog, asked: WhatIfRequest, book: ScoreBook | None = None, *,
    shared: Shared | None = None,
) -> Answer:  # fmt: skip
    """Before and after, the columns that moved, and what would have to change for the next better grade (of before)."""
    scorer, scores = one(champions, asked.customer_id, asked.as_of, book)
    values = {name: np.nan if value is None else float(value) for name, value in asked.features.items()}
    there, after = hypothetical(scorer, scores, sent_tables(asked.tables()), values)
    shared = shared or shared_of(champions, log, asked.customer_id, scores.as_of)
    before = reviewed(scorer, scores, asked, shared=shared)
    answer: Answer = {
        "customer_id": asked.customer_id, "language": asked.language, "currency": asked.currency,
        "before": before, "after": reviewed(there, after, asked, shared=shared), "score": before["score"],
        "moved": _moved(scores, after, asked.language),
        "next_better_grade": _better(scorer, scores, asked.language),
        **common(champions, scorer, scores),
    }  # fmt: skip
    inputs = {**Inputs.of(scores).at(asked.customer_id), "supposed": Inputs.of(after).at(asked.customer_id)}
    (decision_id,) = log.append([record(champions, scorer, "what_if", asked.kept(), inputs, answer)])
    return {**answer, "decision_id": decision_id, **computed_now(champions)}


def _moved(before: Scores, after: Scores, language: str) -> list[dict[str, Any]]:
    """The model's columns whose value is another one; all of them where only one of the two has any."""
    found = []
    for name in dict.fromkeys((*before.X.columns, *after.X.columns)):
        was, now = (float(s.X[name].iloc[0]) if len(s.X) else np.nan for s in (before, after))
        if was != now and not (np.isnan(was) and np.isnan(now)):
            column = COLUMNS[name]
            found.append({
                "feature": name, "label": column.meaning, "before": number(was), "after": number(now),
                "text": sentence(column, now, language),
            })  # fmt: skip
    return found


def _next_better(scorer: Scorer, scores: Scores) -> Better | None:
    """Return what would lift the grade by one; None without a default model, or without a PD of it."""
    if not isinstance(scorer.default, DefaultModel) or scores.X.empty:
        return None
    return next_better(scorer.default, scores.X)


def _better(scorer: Scorer, scores: Scores, language: str) -> dict[str, Any] | None:
    """What would lift the grade by one; None for a customer without a grade of the model, or with the best."""
    found: Better | None = _next_better(scorer, scores)
    if found is None:
        return None
    return {
        "grade": found.grade,
        "single_changes": [
            {
                "feature": change.column.name, "label": change.column.meaning, "value": change.value,
                "shown": shown(change.value, change.column.unit, language), "needed": change.needed,
                "needed_shown": shown(change.needed, change.column.unit, language),
                "pd": change.pd, "grade": change.grade,
            }
            for change in found.changes
        ],
        "all_at_best": {"pd": found.together_pd, "grade": found.together_grade},
    }  # fmt: skip

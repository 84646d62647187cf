"""The data of a letter's page: read from the decision log, its reasons worded again in the letter's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from decisions.letters import Letter, letter
from decisions.limits import recommend
from decisions.scorer import COLUMNS, Scorer
from models.reasons.sentences import reason_sentence
from models.reasons.table import Direction
from serving.answers import worded
from serving.decision_log import DecisionLog, UnknownDecision
from serving.errors import Problem
from serving.shared_limits import Shared


def letter_of(log: DecisionLog, scorer: Scorer, decision_id: str, language: str) -> Letter:
    """Return the letter about a final decision. Raises Problem 404 for an unknown one, 409 for one that is not final."""
    try:
        record = log.read(decision_id)
        if record.content["kind"] != "decide":
            raise Problem(status=404, error="unknown_decision", detail="this is not a person's decision.")
        decision = record.content["answer"]
        review = log.read(decision["review_id"])
    except UnknownDecision as unknown:
        raise Problem(status=404, error="unknown_decision", detail=str(unknown)) from None
    if decision["status"] != "decided":
        raise Problem(status=409, error="conflict", detail="a letter is about a final decision.")
    answer = review.content["answer"]
    reasons = answer["reasons"] if answer["language"] == language else _again(review.content, scorer, language)
    conditions = answer["conditions"]
    if answer["language"] != language:
        conditions = _conditions_again(review.content, scorer, language)
    return letter(
        decision,
        {**answer, "conditions": conditions},
        reasons,
        decided_at=record.content["decided_at"],
        decision_id=decision_id,
    )


def _again(content: Mapping[str, Any], scorer: Scorer, language: str) -> list[dict[str, Any]]:
    """The review's reasons in another language: the model's from the logged inputs, the policy's computed again."""
    answer = content["answer"]
    found = recommend(_situation(content, scorer), scorer.limit_policy)
    own = dict(found.reasons)
    result = []
    inputs = content["inputs"].get("default", {})
    as_of = pd.Timestamp(answer_as_of(content)).date()
    facts = scorer.reason_facts([answer["customer_id"]], as_of)[answer["customer_id"]]
    for reason in answer["reasons"]:
        code = reason["code"]
        if code in own:
            result += worded([(code, own[code])], language)
        elif code in COLUMNS:
            value = inputs.get(code)
            direction = Direction.RAISES if reason["log_odds"] > 0 else Direction.LOWERS
            number = float("nan") if value is None else float(value)
            text = reason_sentence(COLUMNS[code], number, direction, language, facts)
            if text is not None:
                result.append({**reason, "text": text})
    return result


def _conditions_again(content: Mapping[str, Any], scorer: Scorer, language: str) -> list[dict[str, Any]]:
    return worded(recommend(_situation(content, scorer), scorer.limit_policy).conditions, language)


def answer_as_of(content: Mapping[str, Any]) -> str:
    """Return the day that a logged answer is about."""
    return str(content["answer"]["as_of"])


def _situation(content: Mapping[str, Any], scorer: Scorer) -> Any:
    answer = content["answer"]
    as_of = pd.Timestamp(answer_as_of(content)).date()
    scores = scorer.score([answer["customer_id"]], as_of)
    shared = Shared.of_json(answer)
    return scorer.situation(
        scores, answer["customer_id"], answer["requested_limit"] * answer["exchange_rate"],
        shared=shared.limits, country_stop=shared.country_stop,
    )  # fmt: skip

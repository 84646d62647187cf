"""An explanation as the part of an answer: contributions, families and reasons in the language asked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from decisions.scorer import COLUMNS, Scorer
from models.explanation import Explanation, Reason, reasons_or_why_none, themes
from models.reasons.sentences import NO_FACTS, ReasonFacts, sentence, shown
from models.reasons.table import reason_table
from serving.answer_parts import number

WORDS_KEPT = 20_000  # (column, value, language) whose words are kept in memory
EXPLAINS: Mapping[str, Mapping[str, str]] = {
    "pd": {
        "en": "The probability of default in log-odds; the base value is the average customer trained on. Of a short "
        "history, what the history's length itself changes stands with its column.",
        "zh": "违约概率（对数几率）；基准值为训练总体的平均客户。历史较短时，其长度本身的影响计入该列。",
    },
    "delay": {
        "en": "The chance that the next invoice is paid at least 30 days late, in log-odds, before its level is "
        "recalibrated by the last outcomes known; the base value is the average invoice asked on the same day before "
        "its due date.",
        "zh": "下一张发票逾期30天以上的概率（对数几率，重新校准之前）；基准值为距到期日相同天数的平均发票。",
    },
}


def explained(
    found: Explanation, scorer: Scorer, *, target: str, language: str, facts: ReasonFacts = NO_FACTS
) -> dict[str, Any]:
    """Return base value and its population, every contribution, families and themes, reasons, the additivity residual."""
    raised, lowered = reasons_or_why_none(found, COLUMNS, language, facts=facts)
    table = reason_table()
    return {
        "explains": scorer.explained_number(target), "explains_note": EXPLAINS[target][language],
        "population": dict(scorer.population(target)),
        "base_value": found.base_value, "base_probability": found.base_probability,
        "margin": found.margin, "probability": found.probability,
        "contributions": [_contribution(row, language) for row in found.rows],
        "families": [
            {"family": row["family"], "log_odds": row["log_odds"], "probability_points": row["points"]}
            for row in found.by_family
        ],
        "themes": [
            {"theme": theme, "name": table.theme_name(theme, language), "log_odds": log_odds, "probability_points": points}
            for theme, log_odds, points in themes(found, COLUMNS)
        ],
        "reasons": named(raised), "strengths": named(lowered), "reason_table": table.version,
        "additivity_residual": found.residual,
    }  # fmt: skip


def named(found: list[Reason]) -> list[dict[str, Any]]:
    """Return reasons as code, text, theme, weight, and whether they may stand in a text for the customer."""
    return [
        {
            "code": reason.code, "text": reason.text, "log_odds": reason.log_odds, "theme": reason.theme,
            "letter_safe": reason.letter_safe,
        }
        for reason in found
    ]  # fmt: skip


def _contribution(row: Mapping[Any, Any], language: str) -> dict[str, Any]:
    return {
        **_words(row["feature"], row["value"], language),
        "log_odds": row["log_odds"], "probability_points": row["points"],
    }  # fmt: skip


@lru_cache(maxsize=WORDS_KEPT)
def _words(feature: str, value: float, language: str) -> Mapping[str, Any]:
    """Return what is said of one column's value: many customers share most values, and words cost more than numbers."""
    column = COLUMNS[feature]
    return MappingProxyType({
        "feature": column.name, "family": column.family, "theme": reason_table().theme(column), "label": column.meaning,
        "text": sentence(column, value, language), "value": number(value),
        "shown": shown(value, column.unit, language), "unit": column.unit.value,
    })  # fmt: skip


def again(answer: Mapping[str, Any]) -> Explanation:
    """Return the explanation that an answer in any language was made of, to word it in another one."""
    rows = tuple(
        {
            "feature": c["feature"], "family": c["family"], "value": math.nan if c["value"] is None else c["value"],
            "log_odds": c["log_odds"], "points": c["probability_points"],
        }
        for c in answer["contributions"]
    )  # fmt: skip
    return Explanation(
        base_value=answer["base_value"], base_probability=answer["base_probability"], margin=answer["margin"],
        probability=answer["probability"], rows=rows, residual=answer["additivity_residual"],
    )  # fmt: skip

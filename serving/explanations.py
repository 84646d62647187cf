"""An explanation as the part of an answer: contributions, families and reasons in the language asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from decisions.scorer import COLUMNS, Scorer
from models.explanation import Explanation, Reason, reasons, sentence, shown
from serving.answer_parts import number

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


def explained(found: Explanation, scorer: Scorer, *, target: str, language: str) -> dict[str, Any]:
    """Base value and its population, every contribution, families, reasons for and against, the additivity residual."""
    return {
        "explains": scorer.explained_number(target), "explains_note": EXPLAINS[target][language],
        "population": dict(scorer.population(target)),
        "base_value": found.base_value, "base_probability": found.base_probability,
        "margin": found.margin, "probability": found.probability,
        "contributions": [_contribution(row, language) for row in found.contributions.to_dict("records")],
        "families": [
            {"family": row["family"], "log_odds": row["log_odds"], "probability_points": row["points"]}
            for row in found.families.to_dict("records")
        ],
        "reasons": named(reasons(found, COLUMNS, language)),
        "strengths": named(reasons(found, COLUMNS, language, raising=False)),
        "additivity_residual": found.residual,
    }  # fmt: skip


def named(found: list[Reason]) -> list[dict[str, Any]]:
    """Reasons as code, text and weight."""
    return [{"code": reason.code, "text": reason.text, "log_odds": reason.log_odds} for reason in found]


def _contribution(row: Mapping[Any, Any], language: str) -> dict[str, Any]:
    column = COLUMNS[row["feature"]]
    return {
        "feature": column.name, "family": column.family, "label": column.meaning,
        "text": sentence(column, row["value"], language), "value": number(row["value"]),
        "shown": shown(row["value"], column.unit, language), "unit": column.unit.value,
        "log_odds": row["log_odds"], "probability_points": row["points"],
    }  # fmt: skip

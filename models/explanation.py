"""From contributions to words: what moved one answer, by column and by family, and the reasons a person reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from features.language import Column, Unit
from ledger.errors import InputError

LANGUAGES = ("en", "zh")
LARGEST_RESIDUAL = 1e-6  # in log-odds; above it an explanation is not the model's and is not given
SMALLEST_REASON = 0.05  # log-odds: what moves the odds by less than a twentieth is no reason to name
MOST_REASONS = (
    4  # as many as are customary in notices of adverse action (Regulation B, official interpretation 9(b)(2))
)
MOST_OF_A_FAMILY = 2

_NOT_KNOWN = {"en": "Not known of this customer: {meaning}", "zh": "该客户缺少此项数据：{sentence}"}
_NO_VALUE = {"en": "an unknown value", "zh": "（未知）"}


class NotAdditive(RuntimeError):
    """The contributions do not add up to the model's own margin: the explanation is wrong and must not be shown."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason: the column's name as its code, its sentence, and by how many log-odds it moves the answer."""

    code: str
    text: str
    log_odds: float


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why one probability is what it is.

    base_value : the margin (log-odds) of the population the model was fitted on, before anything of this customer.
    margin : base_value + Σ contributions, as the model itself gives it. probability = expit(margin).
    contributions : one row a column, largest effect first: feature, family, value (NaN: not known), log_odds, points
        (of probability: they add up to probability − base_probability exactly).
    families : log_odds and points by family, largest effect first.
    residual : |base_value + Σ log_odds − margin|, below LARGEST_RESIDUAL.
    """

    base_value: float
    base_probability: float
    margin: float
    probability: float
    contributions: pd.DataFrame
    families: pd.DataFrame
    residual: float


def explain(
    *, base: float, log_odds: pd.Series, values: pd.Series, margin: float, columns: Mapping[str, Column]
) -> Explanation:
    """Put one answer's contributions in order and check that they add up.

    log_odds, values : by column name. margin : the model's own log-odds, computed another way than by the sum.

    A contribution's probability points are its share of the change from the base: its log-odds times the mean slope of
    the logistic curve between base and margin (Aumann–Shapley values of a function of a sum), so they keep their sign,
    their order and add up. Raises NotAdditive where the residual is LARGEST_RESIDUAL or more.
    """
    total = float(np.sum(log_odds.to_numpy(dtype=np.float64)))
    residual = abs(base + total - margin)
    if not residual < LARGEST_RESIDUAL:
        raise NotAdditive(
            f"contributions miss the model's margin by {residual:.2e} log-odds (at most {LARGEST_RESIDUAL:g})."
        )
    p0, p1 = float(expit(base)), float(expit(margin))
    slope = (p1 - p0) / (margin - base) if abs(margin - base) > 1e-9 else p0 * (1 - p0)
    frame = pd.DataFrame({
        "feature": log_odds.index, "family": [columns[name].family for name in log_odds.index],
        "value": values.reindex(log_odds.index).to_numpy(dtype=np.float64),
        "log_odds": log_odds.to_numpy(dtype=np.float64),
    })  # fmt: skip
    frame["points"] = frame["log_odds"] * slope
    families = frame.groupby("family", as_index=False)[["log_odds", "points"]].sum()
    return Explanation(
        base_value=base, base_probability=p0, margin=margin, probability=p1, residual=residual,
        contributions=_largest_first(frame), families=_largest_first(families),
    )  # fmt: skip


def _largest_first(frame: pd.DataFrame) -> pd.DataFrame:
    order = np.lexsort((frame[frame.columns[0]].to_numpy(dtype=str), -frame["log_odds"].abs().to_numpy()))
    return frame.iloc[order].reset_index(drop=True)


def reasons(
    explanation: Explanation, columns: Mapping[str, Column], language: str, *, raising: bool = True
) -> list[Reason]:
    """The columns that raise the answer most (or, with raising=False, lower it most), as sentences.

    At most MOST_REASONS, one a declared feature (not each of its windows), MOST_OF_A_FAMILY a family: four ways of
    saying the same thing are one reason.
    """
    sign, found = (1 if raising else -1), []
    features: set[str] = set()
    families: dict[str, int] = {}
    for row in explanation.contributions.to_dict("records"):
        column = columns[row["feature"]]
        if sign * row["log_odds"] < SMALLEST_REASON or column.feature in features:
            continue
        if families.get(column.family, 0) >= MOST_OF_A_FAMILY:
            continue
        features.add(column.feature)
        families[column.family] = families.get(column.family, 0) + 1
        found.append(Reason(code=column.name, text=sentence(column, row["value"], language), log_odds=row["log_odds"]))
        if len(found) == MOST_REASONS:
            break
    return found


def sentence(column: Column, value: float, language: str) -> str:
    """A column's reason with its value in words. Raises InputError for a language that has no reasons."""
    if language not in LANGUAGES:
        raise InputError(f"language must be one of {', '.join(LANGUAGES)}. Got {language!r} instead.")
    if math.isnan(value):
        blank = column.reason[language].replace("{value}", _NO_VALUE[language])
        return _NOT_KNOWN[language].format(meaning=column.meaning, sentence=blank)
    text = column.reason[language].replace("{value}", shown(value, column.unit, language))
    return text[0].upper() + text[1:]


def shown(value: float, unit: Unit, language: str) -> str:
    """A value as a person reads it in its unit; '–' for a missing one."""
    if math.isnan(value):
        return "–"
    match unit:
        case Unit.SHARE:
            return f"{100 * value:.1f}%" if language == "zh" else f"{100 * value:.1f} %"
        case Unit.DAYS:
            number = f"{value:,.1f}".removesuffix(".0")
            return f"{number}天" if language == "zh" else f"{number} day" if number in ("1", "-1") else f"{number} days"
        case Unit.MONEY:
            return f"{value:,.2f}"
        case Unit.COUNT | Unit.CODE:
            return f"{value:,.0f}"
        case _:
            return f"{value:,.2f}"

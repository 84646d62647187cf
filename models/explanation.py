"""From contributions to words: what moved one answer, by column, family and theme, and the reasons a person reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from features.language import Column
from models.reasons.sentences import NO_FACTS, ReasonFacts, is_letter_safe, reason_sentence
from models.reasons.table import Direction, ReasonTable, reason_table

Floats = NDArray[np.float64]

LANGUAGES = ("en", "zh")
LARGEST_RESIDUAL = 1e-6  # in log-odds; above it an explanation is not the model's and is not given
SMALLEST_REASON = 0.05  # log-odds: what moves the odds by less than a twentieth is no reason to name
MOST_REASONS = (
    4  # as many as are customary in notices of adverse action (Regulation B, official interpretation 9(b)(2))
)
NOTHING_MOVED, MANY_SMALL = "nothing_moved", "many_small"  # codes of the sentences where no fact gives a reason


class NotAdditive(RuntimeError):
    """The contributions do not add up to the model's own margin: the explanation is wrong and must not be shown."""


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One reason: the column's name as its code, its sentence, its theme and the log-odds by which the theme moves the
    answer. letter_safe: whether it may stand in a text for the customer."""

    code: str
    text: str
    log_odds: float
    theme: str = ""
    letter_safe: bool = True


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why one probability is what it is.

    base_value : the margin (log-odds) of the population the model was fitted on, before anything of this customer.
    margin : base_value + Σ contributions, as the model itself gives it. probability = expit(margin).
    rows : one row a column, largest effect first: feature, family, value (NaN: not known), log_odds, points (of
        probability: they add up to probability − base_probability exactly).
    residual : |base_value + Σ log_odds − margin|, below LARGEST_RESIDUAL.
    """

    base_value: float
    base_probability: float
    margin: float
    probability: float
    rows: tuple[dict[str, Any], ...]
    residual: float

    @cached_property
    def contributions(self) -> pd.DataFrame:
        """Return the rows as a frame."""
        return pd.DataFrame(list(self.rows), columns=["feature", "family", "value", "log_odds", "points"])

    @cached_property
    def by_family(self) -> list[dict[str, Any]]:
        """Return family, log_odds and points of every family, largest effect first."""
        sums: dict[str, list[list[float]]] = {}
        for row in self.rows:
            log_odds, points = sums.setdefault(row["family"], [[], []])
            log_odds.append(row["log_odds"])
            points.append(row["points"])
        found = [{"family": name, "log_odds": fsum(a), "points": fsum(b)} for name, (a, b) in sums.items()]
        return sorted(found, key=lambda row: (-abs(row["log_odds"]), row["family"]))

    @cached_property
    def families(self) -> pd.DataFrame:
        """Return log_odds and points by family, largest effect first."""
        return pd.DataFrame(self.by_family, columns=["family", "log_odds", "points"])


def explain(
    *, base: float, log_odds: pd.Series, values: pd.Series, margin: float, columns: Mapping[str, Column]
) -> Explanation:
    """Return the explanation of one answer; log_odds, values : by column name. See `explain_rows`."""
    given = values if values.index is log_odds.index or values.index.equals(log_odds.index) else (
        values.reindex(log_odds.index)
    )  # fmt: skip
    return explain_rows(
        bases=np.array([base]), log_odds=log_odds.to_numpy(dtype=np.float64)[None],
        values=given.to_numpy(dtype=np.float64)[None], margins=np.array([margin]),
        names=tuple(map(str, log_odds.index)), columns=columns,
    )[0]  # fmt: skip


def explain_rows(
    *, bases: Floats, log_odds: Floats, values: Floats, margins: Floats, names: tuple[str, ...],
    columns: Mapping[str, Column],
) -> list[Explanation]:  # fmt: skip
    """Put the contributions of answers in order and check that they add up.

    Parameters
    ----------
    bases : (answers,). log_odds, values : (answers, columns) contributions and inputs, in the order of `names`; NaN inputs
    are not known. margins : (answers,) the model's own log-odds, computed another way than by the sum.

    Returns
    -------
    One explanation an answer. A contribution's probability points are its share of the change from the base: its log-odds
    times the mean slope of the logistic curve between base and margin (Aumann–Shapley values of a function of a sum), so
    they keep their sign, their order and add up.

    Raises
    ------
    NotAdditive : where a residual is LARGEST_RESIDUAL or more.
    """
    effects = np.ascontiguousarray(log_odds, dtype=np.float64)
    residuals = np.abs(bases + effects.sum(axis=1) - margins)
    if not (residuals < LARGEST_RESIDUAL).all():
        raise NotAdditive(
            f"contributions miss the model's margin by {residuals.max():.2e} log-odds (at most {LARGEST_RESIDUAL:g})."
        )
    p0, p1 = expit(bases), expit(margins)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.where(np.abs(margins - bases) > 1e-9, (p1 - p0) / (margins - bases), p0 * (1 - p0))
    layout = _layout(names, columns)
    order = np.lexsort((np.broadcast_to(layout.rank, effects.shape), -np.abs(effects)), axis=-1)
    sorted_lists = [
        np.take_along_axis(part, order, axis=1).tolist() for part in (values, effects, effects * slopes[:, None])
    ]
    found = []
    for k, (places, *parts) in enumerate(zip(order.tolist(), *sorted_lists, strict=True)):
        rows = tuple(
            {
                "feature": layout.names[i],
                "family": layout.families[i],
                "value": value,
                "log_odds": effect,
                "points": point,
            }
            for i, value, effect, point in zip(places, *parts, strict=True)
        )
        found.append(Explanation(
            base_value=float(bases[k]), base_probability=float(p0[k]), margin=float(margins[k]),
            probability=float(p1[k]), residual=float(residuals[k]), rows=rows,
        ))  # fmt: skip
    return found


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Columns of an explanation: their names and families, and each name's place in alphabetic order."""

    names: tuple[str, ...]
    families: tuple[str, ...]
    rank: NDArray[np.int64]


_LAYOUTS: dict[tuple[str, ...], _Layout] = {}


def _layout(names: tuple[str, ...], columns: Mapping[str, Column]) -> _Layout:
    found = _LAYOUTS.get(names)
    if found is None:
        rank = np.empty(len(names), dtype=np.int64)
        rank[np.argsort(np.array(names, dtype=str), kind="stable")] = np.arange(len(names))
        found = _Layout(names=names, families=tuple(columns[name].family for name in names), rank=rank)
        if len(_LAYOUTS) < 100:
            _LAYOUTS[names] = found
    return found


def reasons(
    explanation: Explanation, columns: Mapping[str, Column], language: str, *, raising: bool = True,
    facts: ReasonFacts = NO_FACTS, letter_safe: bool = False,
) -> list[Reason]:  # fmt: skip
    """Return the facts that raise the answer most (or, with raising=False, lower it most), as sentences.

    One reason a theme of the table of reasons: its columns measure the same thing, so the theme counts with the sum of
    its contributions and speaks by the column whose contribution is largest among those whose value agrees with the
    direction. A theme of which no value agrees gives no reason: it stays among the contributions. At most
    MOST_REASONS, largest first. letter_safe: only what may stand in a text for the customer.
    Raises InputError for a language without texts.
    """
    table = reason_table()
    table.of(language)
    direction = Direction.RAISES if raising else Direction.LOWERS
    found = []
    for theme, effect, rows in _themes(explanation, columns, table):
        if direction.value * effect < SMALLEST_REASON:
            continue
        reason = _of_theme(theme, effect, rows, columns, language, direction, facts, letter_safe)
        if reason is not None:
            found.append(reason)
    return found[:MOST_REASONS]


def reasons_or_why_none(
    explanation: Explanation, columns: Mapping[str, Column], language: str, *, facts: ReasonFacts = NO_FACTS,
    letter_safe: bool = False,
) -> tuple[list[Reason], list[Reason]]:  # fmt: skip
    """Return (reasons for higher risk, reasons for lower risk); never two empty lists.

    Where no fact gives a reason, the first list holds one sentence that says so: nothing moved, or only small effects.
    """
    raised, lowered = (
        reasons(explanation, columns, language, raising=side, facts=facts, letter_safe=letter_safe)
        for side in (True, False)
    )
    if raised or lowered:
        return raised, lowered
    moved = any(abs(row["log_odds"]) >= SMALLEST_REASON for row in explanation.rows)
    texts = reason_table().of(language)
    code, text = (MANY_SMALL, texts.many_small) if moved else (NOTHING_MOVED, texts.nothing_moved)
    return [Reason(code=code, text=text, log_odds=explanation.margin - explanation.base_value, theme="other")], []


def main_reasons(
    explanation: Explanation, columns: Mapping[str, Column], language: str, *, facts: ReasonFacts = NO_FACTS
) -> list[Reason]:
    """Return the first of the two lists of `reasons_or_why_none`; the second is made only where it matters."""
    raised = reasons(explanation, columns, language, facts=facts)
    return raised or reasons_or_why_none(explanation, columns, language, facts=facts)[0]


def themes(explanation: Explanation, columns: Mapping[str, Column]) -> list[tuple[str, float, float]]:
    """Return (theme, log-odds, probability points) of every theme, largest effect first."""
    found = []
    for theme, effect, rows in _themes(explanation, columns, reason_table()):
        found.append((theme, effect, float(sum(row["points"] for row in rows))))
    return found


def _themes(
    explanation: Explanation, columns: Mapping[str, Column], table: ReasonTable
) -> list[tuple[str, float, list[dict[str, Any]]]]:
    """Each theme with the sum of its contributions and their rows, largest effect first."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in explanation.rows:
        grouped.setdefault(table.theme(columns[row["feature"]]), []).append(row)
    summed = [(theme, float(sum(row["log_odds"] for row in rows)), rows) for theme, rows in grouped.items()]
    return sorted(summed, key=lambda t: (-abs(t[1]), t[0]))


def _of_theme(
    theme: str, effect: float, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Column], language: str,
    direction: Direction, facts: ReasonFacts, letter_safe: bool,
) -> Reason | None:  # fmt: skip
    """The reason of one theme: its column with the largest contribution whose value agrees with the direction."""
    for row in sorted(rows, key=lambda row: -direction.value * row["log_odds"]):
        column = columns[row["feature"]]
        if direction.value * row["log_odds"] <= 0:
            break
        safe = is_letter_safe(column)
        text = reason_sentence(column, float(row["value"]), direction, language, facts)
        if text is not None and (safe or not letter_safe):
            return Reason(code=column.name, text=text, log_odds=effect, theme=theme, letter_safe=safe)
    return None

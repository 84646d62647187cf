"""The slopes that share out an explanation are those of the answers: what is spread in proportion hides no wrong one."""

from typing import Any

import numpy as np
import pytest

from models.delay.late_threshold import LAST_DAY
from models.delay.margin_shares import LATE_30, MEAN_DAYS, NODES, WEIGHTS, answer, shared_out
from models.delay.payment_steps import steps_after

DAYS = [-40, -3, 3, 12]
HEADLINES = [LATE_30, MEAN_DAYS]


def question_of(asked: int, headline: int, with_question: bool) -> tuple[tuple[Any, ...], np.ndarray]:
    """((passed, start, end, moved, early) of an item, log-odds of each of its steps and of the late question)."""
    steps = steps_after(np.array([asked]))
    start, end = steps.start, steps.end
    passed = np.ones(len(end))
    if headline == LATE_30:
        start, end = start[start < 29], end[start < 29]
        passed = np.minimum((29 - start) / (end - start), 1.0)
    early = int(np.searchsorted(end, LAST_DAY, side="right")) if with_question and asked < LAST_DAY else 0
    return (passed, start, end, 0, early), np.random.default_rng(asked + 100).normal(-1.5, 1.0, len(end) + 1)


def slope_at(headline: int, margin: np.ndarray, arguments: tuple[Any, ...]) -> np.ndarray:
    slope = np.empty(len(margin))
    answer(headline, margin, arguments, slope)
    return slope


@pytest.mark.parametrize("asked", DAYS)
@pytest.mark.parametrize("headline", HEADLINES)
@pytest.mark.parametrize("with_question", [True, False])
def test_slopes_are_those_of_the_answer(asked: int, headline: int, with_question: bool) -> None:
    arguments, margin = question_of(asked, headline, with_question)
    slope, step, unused = slope_at(headline, margin, arguments), 1e-6, np.empty(len(margin))
    for place in range(len(margin)):
        moved = np.zeros(len(margin))
        moved[place] = step
        numeric = (
            answer(headline, margin + moved, arguments, unused) - answer(headline, margin - moved, arguments, unused)
        ) / (2 * step)
        assert slope[place] == pytest.approx(numeric, abs=1e-5, rel=1e-5)


@pytest.mark.parametrize("asked", DAYS)
@pytest.mark.parametrize("headline", HEADLINES)
def test_what_is_spread_is_the_quadratures_own_error(asked: int, headline: int) -> None:
    arguments, margin = question_of(asked, headline, True)
    passed, start, end, moved, early = arguments
    reference, n = np.full(len(margin), -2.0), len(start)
    base, whole, weight, asked_weight = shared_out(
        headline, np.array([0, n]), start, end, passed, np.array([moved]), np.array([early]), reference[:n], margin[:n],
        reference[n:], margin[n:], NODES, WEIGHTS,
    )  # fmt: skip
    weights = np.append(weight, asked_weight)
    nodes = np.linspace(0.0, 1.0, 4001)
    way = [slope_at(headline, reference + share * (margin - reference), arguments) for share in nodes]
    fine = np.trapezoid(np.array(way), nodes, axis=0)
    assert base[0] + weights @ (margin - reference) == pytest.approx(whole[0], abs=1e-9)
    assert weights == pytest.approx(fine, abs=1e-4)

"""The slopes that share out an explanation are those of the answers: what is spread in proportion hides no wrong one."""

from functools import partial
from typing import Any

import numpy as np
import pytest

from models.delay.attribution import _along, _late_30, _mean_days
from models.delay.late_threshold import LAST_DAY
from models.delay.payment_steps import steps_after

DAYS = [-40, -3, 3, 12]


def answer_of(asked: int, headline: str, with_question: bool) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """(the answer, starts and ends of its steps, log-odds of each step and, where it is asked, of the late question)."""
    steps = steps_after(np.array([asked]))
    start, end = steps.start, steps.end
    if headline == "p_late_30":
        start, end = start[start < 29], end[start < 29]
    early = int(np.searchsorted(end, LAST_DAY, side="right")) if with_question and asked < LAST_DAY else 0
    margin = np.random.default_rng(asked + 100).normal(-1.5, 1.0, len(end) + (early > 0))
    if headline == "p_late_30":
        passed = np.minimum((29 - start) / (end - start), 1.0)
        return partial(_late_30, passed, early), start, end, margin
    return partial(_mean_days, 0, early), start, end, margin


@pytest.mark.parametrize("asked", DAYS)
@pytest.mark.parametrize("headline", ["p_late_30", "days_late_mean"])
@pytest.mark.parametrize("with_question", [True, False])
def test_slopes_are_those_of_the_answer(asked: int, headline: str, with_question: bool) -> None:
    answer, start, end, margin = answer_of(asked, headline, with_question)
    _, slope = answer(margin, start, end)
    step = 1e-6
    for place in range(len(margin)):
        moved = np.zeros(len(margin))
        moved[place] = step
        numeric = (answer(margin + moved, start, end)[0] - answer(margin - moved, start, end)[0]) / (2 * step)
        assert slope[place] == pytest.approx(numeric, abs=1e-5, rel=1e-5)


@pytest.mark.parametrize("asked", DAYS)
@pytest.mark.parametrize("headline", ["p_late_30", "days_late_mean"])
def test_what_is_spread_is_the_quadratures_own_error(asked: int, headline: str) -> None:
    answer, start, end, margin = answer_of(asked, headline, True)
    reference = np.full(len(margin), -2.0)
    base, weight, whole = _along(answer, reference, margin, start, end)
    nodes = np.linspace(0.0, 1.0, 4001)
    way = [answer(reference + share * (margin - reference), start, end)[1] for share in nodes]
    fine = np.trapezoid(np.array(way), nodes, axis=0)
    assert base + weight @ (margin - reference) == pytest.approx(whole, abs=1e-9)
    assert weight == pytest.approx(fine, abs=1e-4)

"""Whatever the hazards and the day asked, a curve's answers agree with one another."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from models.delay.conformal import KNOTS, Levels
from models.delay.late_threshold import DAYS_LATE, LAST_DAY, OWN_SHARE, tilted
from models.delay.payment_curve import Curves, curves_of, joined
from models.delay.payment_steps import THRESHOLDS, steps_after

HAZARDS = st.lists(st.floats(0.0, 1.0), min_size=60, max_size=60)
DAYS = st.integers(-400, 700)
MAPS = st.lists(st.floats(0.0, 1.0), min_size=len(KNOTS) - 2, max_size=len(KNOTS) - 2)


def curve(asked: int, hazards: list[float], levels: list[float], margin: float | None = None) -> Curves:
    steps = steps_after(np.array([asked]))
    raw = curves_of(np.array([asked]), steps, np.array(hazards)[: len(steps.item)])
    if margin is not None:
        raw = tilted(raw, np.array([margin]))
    return Levels(calibrated=(0.0, *sorted(levels), 1.0)).applied(raw)


def around(found: Curves, day: int) -> float:
    """The chance to be paid within 3 days of a day."""
    return float(found.unpaid_on(np.array([day - 4]))[0] - found.unpaid_on(np.array([day + 3]))[0])


@settings(max_examples=200, deadline=None)
@given(asked=DAYS, hazards=HAZARDS, levels=MAPS, margin=st.none() | st.floats(-30.0, 30.0))
def test_answers_agree(asked: int, hazards: list[float], levels: list[float], margin: float | None) -> None:
    found = curve(asked, hazards, levels, margin)
    late = [found.at_least(k)[0] for k in THRESHOLDS]
    assert all(0.0 <= p <= 1.0 for p in late)
    assert all(a >= b for a, b in pairwise(late))
    assert all(p == 1.0 for p, k in zip(late, THRESHOLDS, strict=True) if k <= asked + 1)
    quantiles = [found.quantile(level)[0] for level in (0.1, 0.5, 0.9)]
    assert quantiles == sorted(quantiles)
    assert quantiles[0] > asked  # nothing before the day after the question
    assert asked < found.mean()[0] <= found.steps.end[-1]
    likely = int(found.likely()[0])
    assert likely > asked
    if quantiles[1] <= max(asked, 0) + 120:  # no other day has more chance within 3 days of it, the median neither
        assert around(found, likely) >= around(found, int(quantiles[1])) - 1e-9
    for level, day in zip((0.1, 0.5, 0.9), quantiles, strict=True):
        paid_by = 1.0 - found.unpaid_on(np.array([int(day)]))[0]
        paid_before = 1.0 - found.unpaid_on(np.array([int(day) - 1]))[0]
        if day <= found.steps.end[-1]:
            assert paid_before - 1e-9 <= level <= paid_by + 1e-9


@settings(max_examples=50, deadline=None)
@given(asked=DAYS, hazards=HAZARDS)
def test_only_and_joined_undo_each_other(asked: int, hazards: list[float]) -> None:
    one = curve(asked, hazards, list(KNOTS[1:-1]))
    three = joined([one, one, one])
    again = three.only(np.array([False, True, False]))
    assert (again.unpaid == one.unpaid).all()
    assert (again.quantile(0.5) == one.quantile(0.5)).all()
    assert (three.mean() == one.mean()[0]).all()


@settings(max_examples=100, deadline=None)
@given(asked=DAYS, hazards=st.lists(st.floats(0.01, 0.6), min_size=60, max_size=60), margin=st.floats(-6.0, 6.0))
def test_a_late_question_moves_only_what_lies_on_each_side(asked: int, hazards: list[float], margin: float) -> None:
    """The chance at the threshold is the mean of both log-odds; each side keeps its proportions."""
    before = curve(asked, hazards, list(KNOTS[1:-1]))
    after = tilted(before, np.array([margin]))
    if asked >= LAST_DAY:
        assert (after.unpaid == before.unpaid).all()
        return
    old, new = before.at_least(DAYS_LATE)[0], after.at_least(DAYS_LATE)[0]
    assert np.isclose(logit(new), OWN_SHARE * margin + (1.0 - OWN_SHARE) * logit(old), atol=1e-9)
    is_later = before.steps.end > LAST_DAY
    assert np.allclose(after.unpaid[is_later] / new, before.unpaid[is_later] / old, rtol=1e-9)
    paid = [(1.0 - found.unpaid[~is_later]) / (1.0 - late) for found, late in ((after, new), (before, old))]
    assert np.allclose(paid[0], paid[1], rtol=1e-6)


def test_mean_by_hand() -> None:
    # asked on the due date: half paid on day 1, the other half on day 2
    steps = steps_after(np.array([0]))
    hazard = np.where(steps.end == 1, 0.5, np.where(steps.end == 2, 1.0, 0.0))
    found = curves_of(np.array([0]), steps, hazard)
    assert abs(found.mean()[0] - 1.5) < 1e-6
    assert found.quantile(0.5)[0] == 1.0
    assert found.at_least(2)[0] == 0.5
    assert found.likely()[0] == 1.0  # the first of the days within 3 of which lie both
    # 40 % on day 1, and 30 % each on days 9 and 10: within 3 days of day 7 or later lie 60 %
    two = np.where(steps.end == 1, 0.4, np.where(steps.end == 9, 0.5, np.where(steps.end == 10, 1.0, 0.0)))
    apart = curves_of(np.array([0]), steps, two)
    assert apart.quantile(0.5)[0] == 9.0
    assert apart.likely()[0] == 7.0

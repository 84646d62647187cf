"""The first stage of the default model: a milder outcome, rolled to the scale of default, continued in one booster."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from ledger.default_status import BUREAU, CRR178, PRIMARY, SHORT_HISTORY
from ledger.errors import InputError
from training.default.ensembles import Bag, Rows, Shape, fit_bag
from training.default.evaluation import cohorts
from training.default.milder_outcome import Roll, fit_roll, near_policy, rolled

SHAPE = Shape(rounds=25, folds=3, repeats=1, every_month=1, smallest_leaf=20, feature_share=1.0)
LEVEL = -3.0


def rows(seed: int = 0, more: float = 0.0) -> Rows:
    """Outcomes whose log-odds rise with the first two columns; the second speaks of the default only beyond `more`."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(6000, 3))
    y = (rng.random(6000) < expit(LEVEL + more + matrix[:, 0] + (0.0 if more else matrix[:, 1]))).astype(float)
    return Rows(
        matrix=matrix, y=y, offset=np.full(6000, LEVEL), weight=np.ones(6000),
        customer=np.arange(6000).astype(str).astype(object), month=np.zeros(6000, dtype=np.int64),
    )  # fmt: skip


def near() -> Bag:
    return fit_bag(rows(more=1.5), [1, 1, 0], SHAPE, seed=1)


@pytest.mark.parametrize(("policy", "days", "items", "maturity"), [
    (PRIMARY, 0, 40, 40), (CRR178, 40, 0, 40), (SHORT_HISTORY, 0, 27, 27), (BUREAU, 0, 40, 40),
])  # fmt: skip
def test_the_milder_outcome_has_the_same_proportion_of_a_policys_days(policy, days, items, maturity):
    found = near_policy(policy)
    assert (found.consecutive_days, found.item_days_past_due, found.maturity_days) == (days, items, maturity)
    assert found.horizons_months == policy.horizons_months
    assert found.cure_months == found.concession_cure_months == 1


def test_a_rolled_booster_is_slope_times_margin_plus_shift_and_its_parts_add_up():
    matrix, member = rows().matrix, near().members[0]
    moved = rolled(member, Roll(slope=0.8, shift=-0.4))
    before, after = (b.predict(matrix, raw_score=True) for b in (member, moved))
    assert np.abs(after - (0.8 * before - 0.4)).max() < 1e-12
    assert np.abs(moved.predict(matrix, pred_contrib=True).sum(axis=1) - after).max() < 1e-9


def test_the_roll_finds_slope_and_shift_of_the_rarer_outcome():
    rng = np.random.default_rng(3)
    margin = rng.normal(0, 1.5, 200_000)
    y = (rng.random(200_000) < expit(0.8 * margin - 3.0)).astype(float)
    found = fit_roll(margin, y, np.full(200_000, -2.5), 1.0)
    assert found.slope == pytest.approx(0.8, abs=0.03)
    assert found.shift == pytest.approx(-0.5, abs=0.05)


def test_the_second_stage_continues_its_own_members_and_learns_what_the_first_could_not():
    first, target = near(), rows(seed=1)
    both = fit_bag(target, [1, 1, 0], SHAPE, seed=1, start=first.members)
    assert [m.num_trees() for m in both.members] == [2 * SHAPE.rounds] * 3
    assert both.unseen_fold == first.unseen_fold
    grid = np.zeros((50, 3))
    grid[:, 1] = np.linspace(-2, 2, 50)
    assert np.ptp(first.margin(grid)) < 0.3 < 1.0 < np.ptp(both.margin(grid))
    assert (np.diff(both.margin(grid)) >= 0).all()
    anew = fit_bag(target, [1, 1, 0], replace(SHAPE, rounds=50), seed=1)
    unseen = [b.margin_of_unseen(target.matrix, target.customer) for b in (both, anew)]
    truth = target.matrix[:, 0] + target.matrix[:, 1]
    assert np.corrcoef(unseen[0], truth)[0, 1] > 0.9 * np.corrcoef(unseen[1], truth)[0, 1]
    parts = both.members[0].predict(target.matrix[:100], pred_contrib=True).sum(axis=1)
    assert np.abs(parts - both.members[0].predict(target.matrix[:100], raw_score=True)).max() < 1e-9


def test_a_cohort_counts_each_customer_once_a_horizon():
    month = np.array([600, 600, 601, 605, 611, 612, 613, 624])
    assert cohorts(month, 12).tolist() == [True, True, False, False, False, True, False, True]


def test_a_policy_without_a_cure_is_refused():
    with pytest.raises(InputError, match="cure_months"):
        replace(PRIMARY, cure_months=0)

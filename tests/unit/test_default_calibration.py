"""The default model's line: level by customers left out alone, slope by them and by later months."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from training.default.calibration import Scored, line


def scored(count: int, seed: int, *, level: float = 0.0, steeper: float = 1.0, offset: float = 0.0) -> Scored:
    """Rows whose true log-odds are steeper · margin + level + offset, a customer each."""
    random = np.random.default_rng(seed)
    margin = random.normal(-3.0, 1.5, count)
    y = (random.random(count) < expit(steeper * margin + level + offset)).astype(np.float64)
    return Scored(
        margin=margin, y=y, offset=np.full(count, offset), weight=np.ones(count),
        customer=np.arange(count).astype(str).astype(object),
    )  # fmt: skip


def nothing() -> Scored:
    empty = np.empty(0)
    return Scored(margin=empty, y=empty, offset=empty, weight=empty, customer=np.empty(0, dtype=object))


def mean_pd(found, rows: Scored) -> float:
    return float(expit(found.log_odds(rows.margin) + rows.offset).mean())


@pytest.mark.parametrize("level", [-1.0, 0.0, 1.0])
def test_the_level_is_that_of_customers_left_out_whatever_earlier_bags_were_wrong_by(level):
    left_out = scored(4000, 1, offset=-0.4)
    found = line(left_out, scored(4000, 2, level=level))
    assert mean_pd(found, left_out) == pytest.approx(left_out.y.mean(), abs=1e-9)


def test_later_months_move_the_slope_a_little_their_own_way():
    left_out = scored(20_000, 1)
    alone = line(left_out, nothing())
    flatter, steeper = (line(left_out, scored(20_000, 3, steeper=s)) for s in (0.6, 1.4))
    assert flatter.slope < alone.slope < steeper.slope
    assert alone.slope == pytest.approx(1.0, abs=0.05)
    for found in (flatter, steeper):
        assert found.slope == pytest.approx(alone.slope, rel=0.4)
        assert mean_pd(found, left_out) == pytest.approx(left_out.y.mean(), abs=1e-9)


def test_with_fewer_than_two_defaulters_each_kind_of_evidence_is_left_out():
    left_out = scored(4000, 1)
    good = scored(300, 2, level=-30.0)
    assert line(left_out, good) == line(left_out, nothing())
    assert (line(good, left_out).slope, line(good, left_out).intercept) == (1.0, 0.0)


def test_a_row_counts_by_its_weight_in_the_level():
    rows = scored(4000, 1)
    weight = np.where(rows.margin > -3.0, 3.0, 0.5)
    found = line(Scored(**{**rows.__dict__, "weight": weight}), scored(4000, 2, steeper=0.7))
    predicted = expit(found.log_odds(rows.margin))
    assert np.average(predicted, weights=weight) == pytest.approx(np.average(rows.y, weights=weight), abs=1e-9)

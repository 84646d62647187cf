"""P(at least 5 days late) calibrated without losing order or coherence; the shortest interval and its own probability."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.engine.histories import build_items
from ledger.errors import InputError
from models.delay.late_calibration import LateCalibration
from models.delay.late_threshold import DAYS_LATE
from models.delay.payment_curve import Curves, curves_of
from models.delay.payment_steps import THRESHOLDS, steps_after
from tests.served import small
from training.delay import fit as delay_fit
from training.delay.evaluation import BASELINE_INPUTS, Scored
from training.delay.fit import FEWEST_PAID, Recipe, questions, train
from training.delay.late_calibration import fit_late_calibration, thickness_table
from training.delay.samples import outcomes


def curves(count: int, seed: int) -> Curves:
    random = np.random.default_rng(seed)
    asked = random.integers(-30, 20, count)
    steps = steps_after(asked)
    return curves_of(asked, steps, random.uniform(0.0, 0.4, len(steps.item)))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 50), st.floats(-2, 2), st.floats(0.3, 3), st.floats(-2, 2))
def test_a_calibrated_curve_stays_one_curve(seed, intercept, slope, new):
    raw = curves(20, seed)
    X = pd.DataFrame({"habit_weight": np.where(np.arange(20) % 3 == 0, np.nan, 4.0)})
    found = LateCalibration(intercept=intercept, slope=slope, new=new).applied(raw, X)
    before, after = raw.at_least(DAYS_LATE), found.at_least(DAYS_LATE)
    is_new, asked_before = X["habit_weight"].isna().to_numpy(), raw.asked < DAYS_LATE - 1
    wanted = 1 / (
        1 + np.exp(-(intercept + slope * np.log(before / (1 - np.minimum(before, 1 - 1e-12))) + new * is_new))
    )
    inside = asked_before & (before > 1e-5) & (before < 1 - 1e-5)
    assert after[inside] == pytest.approx(wanted[inside], abs=1e-9)
    assert (after[~asked_before] == before[~asked_before]).all()
    chances = np.array([found.at_least(k) for k in THRESHOLDS])
    assert (np.diff(chances, axis=0) <= 1e-12).all()  # no chance rises with the threshold
    assert ((found.unpaid >= -1e-12) & (found.unpaid <= 1 + 1e-12)).all()
    for group in (is_new & inside, ~is_new & inside):
        order = np.argsort(before[group], kind="stable")
        assert (np.diff(after[group][order]) >= -1e-12).all()  # slope above 0: the order stays


def test_the_shortest_interval_is_the_shortest_and_says_its_chance():
    found = curves(40, 7)
    low, high, chance = found.shortest(0.8)
    for i in range(40):
        last = int(found.steps.end[found.steps.first[i + 1] - 1])
        days = np.arange(found.asked[i], last + 2)
        one = found.only(np.arange(40) == i)
        unpaid = np.array([one.unpaid_on(np.array([d]))[0] for d in days])
        unpaid[-1] = 0.0  # what comes after the curve counts as the day after it
        assert chance[i] >= 0.8 - 1e-12
        assert chance[i] == pytest.approx(unpaid[int(low[i]) - 1 - days[0]] - unpaid[int(high[i]) - days[0]])
        width = int(high[i] - low[i])
        if width:  # no run of one day less holds as much
            shorter = unpaid[: len(unpaid) - width] - unpaid[width:]
            assert shorter.max() < 0.8


def test_the_fit_finds_a_known_miscalibration_and_refuses_too_few():
    prepared = small().prepared
    at = pd.Timestamp(prepared.data_known_to)
    asked = outcomes(prepared.ledger, at)
    some = asked.only(np.arange(0, len(asked.items), 3))

    X = build_items(prepared.prepared, some.items, list(dict.fromkeys((*small().delay.needed, *BASELINE_INPUTS))))
    scored = Scored.of(some, X, small().delay)
    found = fit_late_calibration([scored], small().delay.levels, 180.0)
    assert found is not None
    known = (scored.is_paid | (scored.ended >= DAYS_LATE)) & (scored.observed_after_due >= DAYS_LATE)
    late = (scored.ended >= DAYS_LATE)[known]
    weight = 0.5 ** (np.maximum(scored.age[known], 0) / 180.0)
    chance = found.applied(small().delay.levels.applied(scored.curves), X).at_least(DAYS_LATE)[known]
    assert np.average(chance, weights=weight) == pytest.approx(
        np.average(late, weights=weight), abs=2e-3
    )  # free intercept
    assert fit_late_calibration([scored.only(np.arange(len(some.items)) < 20)], small().delay.levels, 180.0) is None
    table = thickness_table(scored, "all")
    assert table["items"].sum() == (scored.is_paid | (scored.ended >= DAYS_LATE)).sum()
    assert table["paid_items"].iloc[0] == "none"


def test_without_evidence_a_model_is_registered_only_by_name(monkeypatch):
    facts = {"as_of": "test", "held_out_from": "2024-01-01"}
    ledger, day = small().ledger, small().prepared.data_known_to
    model, asked = replace(small().delay, facts=facts), outcomes(ledger, pd.Timestamp(day))
    recipe = Recipe(model=model, asked=asked, left_out=None, earlier=None, scored=None)
    monkeypatch.setattr(delay_fit, "fit_recipe", lambda *_, **__: recipe)
    with pytest.raises(delay_fit.NoEvidence, match="--without-evidence"):
        delay_fit.fit(ledger, as_of=day)
    fitted = delay_fit.fit(ledger, as_of=day, without_evidence=True)
    assert fitted.parameters["without_evidence"] is True  # tracking makes the registry's tag of it
    assert fitted.metrics == {}


def test_a_model_is_not_fitted_before_anything_fell_due():
    prepared = small().prepared
    asked = outcomes(prepared.ledger, pd.Timestamp(prepared.data_known_to))
    early = asked.items.assign(due_on=asked.seen_until + pd.Timedelta(days=1))  # paid in good time, nothing due yet

    with pytest.raises(InputError, match=f"at least {FEWEST_PAID} invoices that fell due"):
        train(prepared.prepared, questions(replace(asked, items=early), 1), seed=1, trees=2, members=1)

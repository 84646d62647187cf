"""Customers without history and with little of it: a smooth way from the door to the history, in order, adding up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.scoring_ledger import ScoringLedger
from features.catalogue import CATALOGUE
from features.engine.histories import build
from ledger.default_status import PRIMARY
from ledger.errors import InputError
from ledger.ledger import Ledger
from models.calibration import Calibration
from models.default.calibrated_ensemble import CalibratedBag
from models.default.cold_start import DAYS_A_MONTH, LENGTH, ColdStart, history_weight
from models.default.model import DefaultModel
from models.default.term_structure import evenly_spread
from models.protected import refuse_protected
from models.rating_scale import MASTER_SCALE, PD_FLOOR
from tests.served import small
from training.default.cold_start import DOOR, HALF_MONTHS, with_door
from training.default.columns import SELECTED
from training.default.ensembles import Bag, Rows, Shape, fit_bag

HISTORY = ("late_share_12m", "days_past_due_oldest", "rating_risk", "sales_growth_12m")
AT_DOOR = ("rating_risk", "monthly_revenue", "industry_late_share_12m", "group_overdue_amount")
NAMES = tuple(dict.fromkeys((*HISTORY, *AT_DOOR, LENGTH)))
SMALL = Shape(rounds=30, folds=3, repeats=1, every_month=1, smallest_leaf=10, feature_share=0.8)
DIRECTED = [name for name in NAMES if int(CATALOGUE[name].risk)]


def drawn(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({
        "late_share_12m": rng.random(n), "days_past_due_oldest": rng.exponential(20, n), "rating_risk": rng.random(n),
        "sales_growth_12m": rng.normal(0, 0.3, n), "monthly_revenue": rng.lognormal(10, 1, n),
        "industry_late_share_12m": rng.random(n), "group_overdue_amount": rng.exponential(1000, n),
        LENGTH: rng.exponential(90, n).round(),
    })  # fmt: skip
    frame = frame.mask(rng.random(frame.shape) < 0.1)
    new = rng.random(n) < 0.1  # no invoice at all: nothing is known of a history
    frame.loc[new, [LENGTH, "late_share_12m", "days_past_due_oldest", "sales_growth_12m"]] = np.nan
    return frame[list(NAMES)]


def bag(columns: tuple[str, ...], seed: int) -> Bag:
    X = drawn(3000, seed)
    known = X.fillna(0.0)
    z = -4 + 2 * known["late_share_12m"] + 0.03 * known["days_past_due_oldest"] + 2 * known["rating_risk"]
    y = (np.random.default_rng(seed).random(len(X)) < 1 / (1 + np.exp(-z))).to_numpy(dtype=float)
    rows = Rows(
        matrix=X[list(columns)].to_numpy(), y=y, offset=np.full(len(X), -3.0), weight=np.ones(len(X)),
        customer=np.arange(len(X)).astype(str).astype(object), month=np.zeros(len(X), dtype=np.int64),
    )  # fmt: skip
    return fit_bag(rows, [int(CATALOGUE[name].risk) for name in columns], SMALL, seed=1)


@lru_cache
def model() -> DefaultModel:
    door = CalibratedBag(
        columns=AT_DOOR, members=bag(AT_DOOR, 3).members, calibration=Calibration(slope=0.8, intercept=-2.8)
    )
    return DefaultModel(
        columns=HISTORY, members=bag(HISTORY, 2).members, term_structure=evenly_spread(12), policy=PRIMARY,
        calibration=Calibration(slope=0.9, intercept=-3.0), scale=MASTER_SCALE,
        cold=ColdStart(door=door, half_months=HALF_MONTHS, quality={"door": {"auc": 0.7}}),
    )  # fmt: skip


def test_the_weight_rises_from_nothing_to_nearly_all_and_never_jumps():
    days = np.arange(0.0, 3000.0)
    w = history_weight(days, HALF_MONTHS)
    assert w[0] == 0.0
    assert history_weight(np.array([np.nan]), HALF_MONTHS)[0] == 0.0
    assert (np.diff(w) > 0).all()
    assert np.diff(w).max() <= 1 / (HALF_MONTHS * DAYS_A_MONTH)
    assert history_weight(np.array([HALF_MONTHS * DAYS_A_MONTH]), HALF_MONTHS)[0] == pytest.approx(0.5)
    assert w[-1] > 0.98
    with pytest.raises(InputError, match="half_months"):
        replace(model().cold, half_months=0.0)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), row=st.integers(0, 39))
def test_along_a_growing_history_the_answer_goes_from_the_door_to_the_history_step_by_small_step(seed, row):
    one = drawn(40, seed).iloc[[row]]
    days = np.concatenate([[np.nan], np.arange(0.0, 1500.0)])
    along = pd.concat([one] * len(days), ignore_index=True).assign(**{LENGTH: days})
    found = model().predict(along)
    door, history = model().cold.door.log_odds(one)[0][0], model().history.log_odds(one)[0][0]
    margin = found["margin"].to_numpy()
    assert margin[0] == margin[1] == pytest.approx(door, abs=1e-12)
    assert abs(margin[-1] - history) <= abs(door - history) * 0.021 + 1e-12
    steps = np.diff(margin)
    assert np.abs(steps).max() <= abs(history - door) / (HALF_MONTHS * DAYS_A_MONTH) + 1e-12
    assert (steps * np.sign(history - door) >= -1e-12).all()
    assert (np.diff(found["history_weight"]) >= 0).all()
    assert ((found["pd_low"] <= found["pd_12m"]) & (found["pd_12m"] <= found["pd_high"])).all()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), column=st.sampled_from(DIRECTED), step=st.floats(0.01, 3.0))
def test_a_worse_history_or_a_worse_rating_never_lowers_the_pd(seed, column, step):
    X = drawn(40, seed)
    worse = X.assign(**{column: X[column] + step * int(CATALOGUE[column].risk) * X[column].std()})
    before, after = model().predict(X), model().predict(worse)
    for name in ("pd_3m", "pd_6m", "pd_12m", "margin"):
        assert (after[name] >= before[name]).all(), name
    assert (after["grade"] >= before["grade"]).all()
    assert (after["history_weight"] == before["history_weight"]).all()


@pytest.mark.parametrize("step", [0.05, 0.125, 0.5, 1.0])
@pytest.mark.parametrize("name", DIRECTED)
def test_no_single_tree_bag_falls_where_it_must_rise(name, step):
    """Many rows, some with missing values: LightGBM's 'intermediate' constraints break this in one of a thousand."""
    X = drawn(4000, 502)
    worse = X.assign(**{name: X[name] + step * int(CATALOGUE[name].risk) * X[name].std()})
    for part in (model().history, model().cold.door):
        if name in part.columns:
            rises = part.member_margins(part.matrix(worse)) - part.member_margins(part.matrix(X))
            assert rises.min() >= 0.0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_contributions_add_up_with_and_without_a_history(seed):
    X = drawn(60, seed)
    base, parts = model().contributions(X)
    found = model().predict(X)
    assert np.abs(base + parts.sum(axis=1) - found["margin"]).max() < 1e-6
    assert tuple(parts.columns) == model().needed
    new = X[LENGTH].isna()
    only_history = [name for name in HISTORY if name not in AT_DOOR]
    assert (parts.loc[new, only_history] == 0.0).all().all()  # nothing of a history that is not there


def test_saved_as_text_loaded_to_the_same_numbers_and_older_versions_have_no_door(tmp_path):
    X = drawn(100, 6)
    model().save(tmp_path / "new")
    assert {p.suffix for p in (tmp_path / "new").rglob("*") if p.is_file()} == {".json", ".txt"}
    loaded = DefaultModel.load(tmp_path / "new")
    pd.testing.assert_frame_equal(loaded.predict(X), model().predict(X))
    assert loaded.cold.quality == {"door": {"auc": 0.7}}
    replace(model(), cold=None).save(tmp_path / "old")
    old = DefaultModel.load(tmp_path / "old")
    assert old.cold is None
    assert old.needed == HISTORY
    assert (old.predict(X[list(HISTORY)])["history_weight"] == 1.0).all()


def test_the_length_of_the_history_is_asked_for_by_name():
    with pytest.raises(InputError, match=LENGTH):
        model().predict(drawn(5, 0).drop(columns=LENGTH))


def test_nothing_known_at_all_still_gets_an_answer():
    found = model().predict(pd.DataFrame(np.full((1, len(NAMES)), np.nan), columns=list(NAMES))).iloc[0]
    assert PD_FLOOR <= found["pd_12m"] < 0.5
    assert found["history_weight"] == 0.0


def with_first_invoice(paid: bool, past_due: int = 0) -> Ledger:
    """The small ledger, in which the customer without an invoice has one since the last day (or so many days past due)."""
    known, last = small().ledger, pd.Timestamp(small().prepared.data_known_to)
    due = last - timedelta(days=past_due) if past_due else last + timedelta(days=30)
    issued = min(last, due - timedelta(days=30)) if past_due else last
    rows = {
        "invoices": {"invoice_id": "x-first", "customer_id": "X-NEW", "kind": "invoice", "issued_on": issued,
                     "due_on": due, "amount": 900.0, "currency": "EUR"},
    }  # fmt: skip
    if paid:
        rows["payments"] = {"payment_id": "x-first", "customer_id": "X-NEW", "invoice_id": "x-first", "paid_on": last,
                            "amount": 900.0, "currency": "EUR", "kind": "payment"}  # fmt: skip
    frames = {name: frame for name, frame in known.tables.items() if len(frame)}
    for name, row in rows.items():
        both = pd.concat([frames[name].astype(object), pd.DataFrame([row]).astype(object)], ignore_index=True)
        frames[name] = both.map(lambda value: None if pd.isna(value) else str(value)).astype("str")
    return Ledger.from_frames(**frames)


def test_the_first_invoice_changes_nothing_on_its_day_and_paying_it_changes_no_weight():
    scorer = small().scorer
    before = scorer.score(["X-NEW"]).customers.iloc[0]
    assert before["special"] == "no_history"
    assert before["history_weight"] == 0.0

    def after(paid: bool, past_due: int = 0) -> pd.Series:
        served = ScoringLedger.of(with_first_invoice(paid, past_due))
        return replace(scorer, served=served).score(["X-NEW"]).customers.iloc[0]

    issued = after(paid=False)
    assert pd.isna(issued["special"])
    assert issued["margin"] == pytest.approx(before["margin"], abs=1e-12)
    assert after(paid=True)["margin"] == pytest.approx(before["margin"], abs=1e-12)
    late, paid_late = after(paid=False, past_due=20), after(paid=True, past_due=20)
    assert (
        late["history_weight"]
        == paid_late["history_weight"]
        == pytest.approx(history_weight(np.array([50.0]), small().default.cold.half_months)[0])
    )


def test_paying_or_not_never_moves_the_weight_of_a_whole_book():
    prepared, ledger = small().prepared.prepared, small().ledger
    rows = pd.DataFrame(
        {"customer_id": list(prepared.owners.ids), "as_of": pd.Timestamp(small().prepared.data_known_to)}
    )
    frames = {name: frame for name, frame in ledger.tables.items() if name != "payments" and len(frame)}
    unpaid = Ledger.from_frames(**frames, payments=ledger["payments"].iloc[:0])
    assert build(unpaid, rows, [LENGTH])[LENGTH].equals(build(prepared, rows, [LENGTH])[LENGTH])


@pytest.mark.parametrize("name", ["sex", "owner_age", "nationality", "postcode", "language"])
def test_the_door_refuses_protected_attributes_and_proxies_by_name(name):
    with pytest.raises(InputError, match="protected attributes"):
        with_door((*SELECTED, name))
    with pytest.raises(InputError, match="protected attributes"):
        replace(model().cold.door, columns=(*AT_DOOR, name))
    refuse_protected(DOOR)
    assert all(name in CATALOGUE for name in DOOR)

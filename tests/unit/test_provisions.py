"""The loss allowance: fixtures of the definitions, an independent re-computation, and movements that sum to the cent."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.policy_files import read_policy
from decisions.provisions import (
    INSURED,
    MOVEMENT,
    OWN,
    POOLED,
    Allowance,
    ProvisionPolicy,
    allowance,
    expected_credit_loss,
    lifetime_loss,
    loss_rates,
    matrix_rates,
    movement,
)
from ledger.buckets import BUCKETS
from ledger.loss_history import LossHistory, loss_history
from ledger.settlement import settle
from tests.drawn import ledger

POLICY = read_policy(ProvisionPolicy, "provisions")
DAY = date(2024, 12, 31)


def test_the_first_fixture_of_the_definitions() -> None:
    rates = matrix_rates(np.array([100.0, 50.0, 23.0, 8.0, 2.0]), np.full(5, 2.0))
    assert [round(100 * r, 1) for r in rates] == [2.0, 4.0, 8.7, 25.0, 100.0]
    assert round(expected_credit_loss(np.array([300e3, 140e3, 60e3, 23e3, 5e3]), rates)) == 27_567


def test_the_second_fixture_of_the_definitions() -> None:
    rates = np.array([0.003, 0.016, 0.036, 0.066, 0.106])
    assert expected_credit_loss(np.array([15e6, 7.5e6, 4e6, 2.5e6, 1e6]), rates) == pytest.approx(580_000, abs=1e-6)


def test_forward_factor_is_the_weighted_mean_of_the_scenarios() -> None:
    assert POLICY.forward_factor == pytest.approx(0.6 * 1.0 + 0.3 * 1.35 + 0.1 * 0.85)


@pytest.mark.parametrize(("change", "words"), [
    ({"scenarios": [{"name": "base", "weight": 0.5, "factor": 1}]}, "weights must sum to 1"),
    ({"overlays": [{"name": "x", "reason": "a long enough reason", "expires_on": DAY}]}, "either factor or amount"),
    ({"overlays": [{"name": "x", "reason": "short", "expires_on": DAY, "factor": 1.1}]}, "at least 10"),
    ({"unknown": 1}, "Extra inputs"),
])  # fmt: skip
def test_a_policy_that_does_not_hold_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ProvisionPolicy.model_validate({**POLICY.model_dump(), **change})


BOOK = ledger(
    invoices="""
        invoice_id | customer_id | issued_on  | due_on     | amount
        a          | acme        | 2023-01-01 | 2023-01-31 | 1000
        b          | acme        | 2023-01-01 | 2023-01-31 | 1000
        c          | acme        | 2023-01-01 | 2023-01-31 | 1000
        d          | bolt        | 2023-01-01 | 2023-01-31 | 500
    """,
    payments="""
        invoice_id | paid_on    | amount
        a          | 2023-01-31 | 1000
        b          | 2023-02-10 | 600
        b          | 2023-04-15 | 400
        c          | 2023-03-02 | 250
        d          | 2023-02-01 | 500
    """,
    events="""
        invoice_id | customer_id | occurred_on | kind      | amount
        c          | acme        | 2023-08-01  | write_off | 750
        c          | acme        | 2023-12-01  | recovery  | 150
    """,
)


def test_what_entered_each_bucket_and_what_was_lost_of_it_by_hand() -> None:
    segments = pd.Series({"acme": "large", "bolt": "small"})
    found = loss_history(BOOK, settle(BOOK), DAY, segments, months=36, outcome_days=365)
    # due on 31 January: day 1 is 1 February, day 31 is 3 March, day 61 is 2 April, day 91 is 2 May
    assert found.entered.loc["large"].tolist() == [300_000, 200_000, 115_000, 115_000, 75_000]
    # b entered 1-30 whole, 31-60 and 61-90 with 400; c 1-30 whole, then with 750; d was paid on day 1: it did not enter
    assert found.entered.loc["small"].tolist() == [50_000, 0, 0, 0, 0]
    assert found.lost.loc["large"].tolist() == [60_000] * 5  # 750 written off less 150 recovered
    assert found.lost_items.to_dict() == {"large": 1, "small": 0}


def test_a_segment_with_few_losses_takes_the_whole_book_s_rates() -> None:
    segments = pd.Series({"acme": "large", "bolt": "small"})
    history = loss_history(BOOK, settle(BOOK), DAY, segments, months=36, outcome_days=365)
    found = loss_rates(history, POLICY.model_copy(update={"fewest_lost_items": 1}))
    assert found.source.to_dict()["large"] == OWN
    assert found.source["small"] == POOLED
    assert found.rates.loc["large", "current"] == pytest.approx(600 / 3000)
    assert found.rates.loc["small", "current"] == pytest.approx(600 / 3500)
    assert found.rates.loc[INSURED, "over_90"] == pytest.approx(600 / 750 * 0.10)


def items(rng: np.random.Generator, count: int, first: int = 0) -> pd.DataFrame:
    amounts = rng.integers(1, 500_000, count)
    return pd.DataFrame({
        "invoice_id": [f"i{first + k}" for k in range(count)], "number": 0, "customer_id": "c",
        "segment": rng.choice(["large", "small", "new"], count), "bucket": rng.integers(0, 5, count),
        "open_cents": amounts, "insured_cents": (amounts * rng.choice([0.0, 0.5, 0.9], count)).astype(int),
    })  # fmt: skip


def history(rng: np.random.Generator) -> LossHistory:
    entered = np.sort(rng.integers(1_000, 10_000_000, (2, 5)), axis=1)[:, ::-1]
    lost = np.minimum(entered, rng.integers(0, 1_000, (2, 1)))
    index = ["large", "small"]
    return LossHistory(
        entered=pd.DataFrame(entered, index=index, columns=list(BUCKETS)),
        lost=pd.DataFrame(lost, index=index, columns=list(BUCKETS)), items=pd.Series([50, 50], index=index),
        lost_items=pd.Series([30, 3], index=index), since=DAY, until=DAY,
    )  # fmt: skip


def again(frame: pd.DataFrame, past: LossHistory, policy: ProvisionPolicy) -> int:
    """The allowance re-computed item by item in exact fractions: another code path than the arrays of `allowance`."""
    factor = sum(
        Fraction(s.weight).limit_denominator(1000) * Fraction(s.factor).limit_denominator(1000)
        for s in policy.scenarios
    )
    total = 0
    for row in frame.itertuples():
        insured = min(row.insured_cents, row.open_cents)
        for amount, segment in ((row.open_cents - insured, row.segment), (insured, INSURED)):
            own = segment in past.entered.index and past.lost_items[segment] >= policy.fewest_lost_items
            name = BUCKETS[row.bucket]
            if own:
                rate = Fraction(int(past.lost.loc[segment, name]), int(past.entered.loc[segment, name]))
            else:
                rate = Fraction(int(past.lost[name].sum()), int(past.entered[name].sum()))
            if segment == INSURED:
                rate *= Fraction(policy.insurer_refusal_share).limit_denominator(1000)
            total += round(Fraction(int(amount)) * min(rate * factor, Fraction(1)))
    return total


@pytest.mark.parametrize("seed", range(10))
def test_an_independent_computation_in_fractions_gives_the_same_cents(seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame, past = items(rng, 300), history(rng)
    assert allowance(frame, loss_rates(past, POLICY), POLICY, DAY).total_cents == again(frame, past, POLICY)


def test_overlays_act_until_they_end() -> None:
    rng = np.random.default_rng(1)
    frame, rates = items(rng, 50), loss_rates(history(rng), POLICY)
    given = {"name": "builders", "reason": "insolvencies of builders rose", "segments": ["large"], "factor": 1.5}
    on = POLICY.model_validate({**POLICY.model_dump(), "overlays": [{**given, "expires_on": DAY}]})
    plain, with_overlay = allowance(frame, rates, POLICY, DAY), allowance(frame, rates, on, DAY)
    large = plain.items.loc[plain.items["segment"] == "large", "allowance_cents"].sum()
    assert with_overlay.overlays == {"builders": round(large * 0.5)}
    later = allowance(frame, rates, on, date(2025, 1, 1))
    assert (later.overlays, later.expired) == ({}, ("builders",))


def test_collections_after_the_day_need_no_allowance_and_the_expedient_keeps_current_conditions() -> None:
    rng = np.random.default_rng(2)
    frame, rates = items(rng, 80), loss_rates(history(rng), POLICY)
    plain = allowance(frame, rates, POLICY, DAY, is_expedient=True)
    assert plain.items["rate"].max() <= allowance(frame, rates, POLICY, DAY).items["rate"].max()
    paid = frame.assign(collected_cents=frame["open_cents"])
    assert allowance(paid, rates, POLICY, DAY, is_expedient=True).total_cents == 0


def moved(seed: int) -> tuple[dict[str, int], Allowance, Allowance]:
    rng = np.random.default_rng(seed)
    old, rates = items(rng, 120), loss_rates(history(rng), POLICY)
    stay = old.iloc[40:].copy()
    stay["open_cents"] = (stay["open_cents"] * rng.choice([1.0, 0.4], len(stay))).astype(int) + 1
    stay["insured_cents"] = np.minimum(stay["insured_cents"], stay["open_cents"])
    stay["bucket"] = np.minimum(stay["bucket"] + rng.integers(0, 2, len(stay)), 4)
    new = pd.concat([stay, items(rng, 60, first=1000)], ignore_index=True)
    new_rates = loss_rates(history(rng), POLICY)
    other = POLICY.model_validate({
        **POLICY.model_dump(), "scenarios": [{"name": "worse", "weight": 1.0, "factor": 1.6}],
        "overlays": [{"name": "x", "reason": "a reason long enough", "expires_on": DAY, "amount": 12.34}],
    })  # fmt: skip
    before, now = allowance(old, rates, POLICY, DAY), allowance(new, new_rates, other, DAY)
    closed = pd.Series({("i0", 0): "written_off", ("i1", 0): "paid", ("i1000", 0): "recovered"})
    lines = movement(
        before, now, same_rates=allowance(new, rates, POLICY, DAY), same_model=allowance(new, new_rates, POLICY, DAY),
        closed_as=closed,
    )  # fmt: skip
    return lines, before, now


@pytest.mark.parametrize("seed", range(5))
def test_the_movement_sums_to_the_cent_and_each_line_is_what_it_says(seed: int) -> None:
    lines, before, now = moved(seed)
    assert lines["opening"] + sum(lines[name] for name in MOVEMENT) == lines["closing"] == now.total_cents
    own = before.items.groupby("invoice_id")["allowance_cents"].sum()
    assert lines["written_off"] == -own["i0"]
    assert lines["settled"] == -sum(own[f"i{k}"] for k in range(1, 40))
    assert lines["overlays"] == 1234
    assert lines["part_paid"] <= 0


@settings(max_examples=50, deadline=None)
@given(
    pd_12m=st.floats(0.0005, 0.6), lgd=st.floats(0.05, 0.95), ead=st.floats(1.0, 1e6), life=st.floats(10, 700),
    more=st.floats(1.01, 1.5),
)  # fmt: skip
def test_lifetime_loss_rises_with_pd_lgd_exposure_and_life(
    pd_12m: float, lgd: float, ead: float, life: float, more: float
) -> None:
    def loss(p: float, severity: float, exposure: float, days: float) -> float:
        return float(lifetime_loss(np.array([p]), severity, np.array([exposure]), np.array([days]))[0])

    base = loss(pd_12m, lgd, ead, life)
    assert base < loss(pd_12m * more, lgd, ead, life)
    assert base < loss(pd_12m, min(lgd * more, 1.0), ead, life)
    assert base < loss(pd_12m, lgd, ead * more, life)
    assert base < loss(pd_12m, lgd, ead, life * more)


def test_lifetime_loss_by_hand() -> None:
    found = lifetime_loss(
        np.array([0.1, 0.1, 1.0]), 0.4, np.array([1000.0, 1000.0, 1000.0]), np.array([365.0, 73.0, 10.0])
    )
    # a year: 10 %; a fifth of it: 1 - 0.9 ** 0.2 = 2.0852 %; in default: all
    assert found.tolist() == pytest.approx([40.0, 1000 * 0.4 * (1 - 0.9**0.2), 400.0])

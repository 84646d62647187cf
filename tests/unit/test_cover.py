"""Credit insurance: cases by hand, random invoice lives against an independent evaluator, monotone properties."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decisions.cover import (
    REASONS,
    Buyer,
    CoverPolicy,
    Experience,
    discretionary_limit,
    duties,
    evaluate,
    mapped,
    net_expected_loss,
    notice,
    stop_days,
    value_of_more_cover,
)
from decisions.policy_files import BUNDLED, read_policy
from ledger.known import NEVER, day
from tests.cover_by_day import covered

FAR = int(NEVER)
POLICY = read_policy(CoverPolicy, "cover")
D = day(date(2024, 1, 1))
LIFE = {
    "invoice_id": "a", "customer_id": "acme", "country": "DE", "issued_on": D, "due_on": D + 30, "settled_on": FAR,
    "notified_on": FAR, "extended_until": FAR, "conceded_on": FAR, "claimed_on": FAR, "insolvent_on": FAR,
    "is_disputed": False, "open_cents": 100_000, "extension_days": 60, "unpaid_cents": 100_000,
}  # fmt: skip
LIMIT = {
    "customer_id": "acme", "valid_from": D - 100, "valid_until": D + 1000, "limit_cents": 150_000, "share": 0.9,
    "kind": "insurer", "is_excluded": False,
}  # fmt: skip


def one(at: int, *, limit: Mapping[str, Any] | None = None, **life: Any) -> dict[str, Any]:
    rows = evaluate(pd.DataFrame([{**LIFE, **life}]), pd.DataFrame([{**LIMIT, **(limit or {})}]), POLICY, at)
    return {str(k): v for k, v in rows.iloc[0].items()}


# due on day 30; extension period to day 90; to be reported by day 120; claim from day 210, by day 390
@pytest.mark.parametrize(("at", "life", "reason"), [
    (D + 120, {}, ""),
    (D + 121, {}, "overdue_not_reported"),
    (D + 121, {"notified_on": D + 120}, ""),
    (D + 121, {"notified_on": D + 121}, "overdue_not_reported"),
    (D + 390, {"notified_on": D + 100}, ""),
    (D + 391, {"notified_on": D + 100}, "claim_not_made"),
    (D + 391, {"notified_on": D + 100, "claimed_on": D + 390}, ""),
    (D + 150, {"extended_until": D + 60}, ""),
    (D + 151, {"extended_until": D + 60}, "overdue_not_reported"),
    (D + 40, {"conceded_on": D + 40}, "extended_without_consent"),
    (D + 40, {"conceded_on": D + 40, "extended_until": D + 60}, ""),
    (D + 51, {"insolvent_on": D + 40}, "insolvency_not_reported"),
    (D + 50, {"insolvent_on": D + 40}, ""),
    (D + 10, {"insolvent_on": D - 1}, "shipped_after_stop"),
    (D + 10, {"due_on": D + 181}, "terms_too_long"),
    (D + 10, {"country": "RU"}, "country_not_covered"),
    (D + 10, {"customer_id": "bolt"}, "no_limit"),
    (D + 121, {"open_cents": 49_999}, ""),  # below the smallest amount that has to be reported
    (D + 121, {"open_cents": 50_000}, "overdue_not_reported"),
])  # fmt: skip
def test_cover_is_lost_on_the_day_after_the_last_day_of_a_duty(at: int, life: dict[str, Any], reason: str) -> None:
    assert one(at, **life)["reason"] == reason


def test_an_invoice_shipped_after_the_extension_period_of_another_has_no_cover() -> None:
    lives = pd.DataFrame(
        [LIFE, {**LIFE, "invoice_id": "b", "issued_on": D + 90}, {**LIFE, "invoice_id": "c", "issued_on": D + 91}]
    )
    lives["due_on"] = lives["issued_on"] + 30
    found = evaluate(lives, pd.DataFrame([{**LIMIT, "limit_cents": 10**9}]), POLICY, D + 100).set_index("invoice_id")
    assert found["reason"].to_dict() == {"a": "", "b": "", "c": "shipped_after_stop"}
    assert stop_days(lives, POLICY).iloc[0].tolist() == ["acme", D + 91, FAR]


def test_the_limit_goes_to_the_oldest_issues_and_lost_items_use_none_of_it() -> None:
    lives = pd.DataFrame([
        {**LIFE, "invoice_id": "a", "country": "RU"}, {**LIFE, "invoice_id": "b", "issued_on": D + 1},
        {**LIFE, "invoice_id": "c", "issued_on": D + 2}, {**LIFE, "invoice_id": "d", "issued_on": D + 3, "is_disputed": True},
    ])  # fmt: skip
    found = evaluate(lives, pd.DataFrame([LIMIT]), POLICY, D + 10).set_index("invoice_id")
    assert found["within_limit_cents"].to_dict() == {"a": 0, "b": 100_000, "c": 50_000, "d": 0}
    assert found["insured_cents"].to_dict() == {"a": 0, "b": 90_000, "c": 45_000, "d": 0}
    assert found["status"].to_dict() == {"a": "not insured", "b": "covered", "c": "over the limit", "d": "suspended"}


def test_duties_say_what_is_lost_tomorrow() -> None:
    at = D + 120
    found = duties(evaluate(pd.DataFrame([LIFE]), pd.DataFrame([LIMIT]), POLICY, at), POLICY, date(2024, 4, 30))
    assert day(date(2024, 4, 30)) == at
    assert found[["duty", "days_left", "insured_cents"]].values.tolist() == [["report_overdue", 0, 90_000]]
    assert one(at + 1)["reason"] == "overdue_not_reported"


def random_lives(rng: np.random.Generator, count: int) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    def sometimes(p: float, values: np.ndarray) -> np.ndarray:
        return np.where(rng.random(count) < p, values, FAR)

    customers = np.array([f"c{k}" for k in range(max(count // 8, 1))])
    customer = rng.choice(customers, count)
    issued = D + rng.integers(0, 500, count)
    due = issued + rng.choice([0, 14, 30, 60, 90, 200], count)
    insolvent = {c: int(D + rng.integers(0, 600)) if rng.random() < 0.1 else FAR for c in customers}
    extension = {c: int(rng.choice([30, 60, 90])) for c in customers}
    lives = pd.DataFrame({
        "invoice_id": [f"i{k:05d}" for k in range(count)], "customer_id": customer,
        "country": rng.choice(["DE", "FR", "RU", None], count, p=[0.5, 0.35, 0.05, 0.1]), "issued_on": issued,
        "due_on": due, "settled_on": sometimes(0.5, due + rng.integers(-5, 200, count)),
        "notified_on": sometimes(0.4, due + rng.integers(-3, 200, count)),
        "extended_until": sometimes(0.15, due + rng.integers(-10, 90, count)),
        "conceded_on": sometimes(0.08, due + rng.integers(0, 90, count)),
        "claimed_on": sometimes(0.3, due + rng.integers(100, 420, count)),
        "insolvent_on": [insolvent[c] for c in customer], "is_disputed": rng.random(count) < 0.07,
        "open_cents": rng.integers(0, 300_000, count), "extension_days": [extension[c] for c in customer],
    })  # fmt: skip
    lives["settled_on"] = np.maximum(lives["settled_on"], lives["issued_on"])
    lives["unpaid_cents"] = np.where(lives["settled_on"] < FAR, rng.integers(0, 300_000, count), lives["open_cents"])
    some = rng.choice(customers, 2 * len(customers))
    begin = D + rng.integers(-200, 400, len(some))
    limits = pd.DataFrame({
        "customer_id": some, "valid_from": begin, "valid_until": begin + rng.integers(50, 700, len(some)),
        "limit_cents": rng.integers(0, 1_000_000, len(some)), "share": rng.choice([0.5, 0.85, 0.9], len(some)),
        "kind": rng.choice(["insurer", "insurer", "discretionary"], len(some)), "is_excluded": rng.random(len(some)) < 0.03,
    }).drop_duplicates(["customer_id", "valid_from", "kind"])  # fmt: skip
    return lives, limits, D + int(rng.integers(200, 800))


def differences(seed: int, count: int) -> tuple[list[Any], set[str]]:
    """The invoices on which the two evaluators differ, and every reason that was met."""
    lives, limits, at = random_lives(np.random.default_rng(seed), count)
    period = (day(date(2023, 6, 1)), D + 450)
    policy = POLICY.model_copy(
        update={"valid_from": date(2023, 6, 1), "valid_until": date.fromordinal(date(1970, 1, 1).toordinal() + D + 450)}
    )
    ours = evaluate(lives, limits, policy, at)
    theirs = covered(lives.to_dict("records"), limits.to_dict("records"), policy, period, at)
    found = {
        row["invoice_id"]: (row["status"], row["reason"], int(row["within_limit_cents"]), int(row["insured_cents"]))
        for row in ours.to_dict("records")
    }
    different = [(k, found.get(k), theirs.get(k)) for k in sorted({*found, *theirs}) if found.get(k) != theirs.get(k)]
    return different, set(ours["reason"])


def test_1000_random_lives_are_decided_alike_by_an_independent_evaluator() -> None:
    met: set[str] = set()
    for seed in range(4):
        different, reasons = differences(seed, 250)
        assert different == []
        met |= reasons
    assert met >= set(REASONS) | {""}, "the random lives must meet every reason"


@pytest.mark.slow
def test_10000_random_lives_are_decided_alike_by_an_independent_evaluator() -> None:
    for seed in range(100, 140):
        assert differences(seed, 250)[0] == []


AMOUNT = st.floats(1.0, 1e6)


@settings(max_examples=100, deadline=None)
@given(pd_12m=st.floats(0.0005, 0.9), lgd=st.floats(0.05, 1.0), exposure=AMOUNT, share=st.floats(0, 0.95), limit=AMOUNT,
       first=st.floats(0, 1e5), more=st.floats(1.0, 3.0))  # fmt: skip
def test_net_loss_falls_with_cover_and_rises_with_pd_lgd_and_exposure(
    pd_12m: float, lgd: float, exposure: float, share: float, limit: float, first: float, more: float
) -> None:
    def loss(p: float, severity: float, owed: float, part: float, largest: float, own: float) -> float:
        insured = part * min(owed, largest)
        return float(net_expected_loss(np.array([p]), severity, np.array([owed]), np.array([insured]), own)[0])

    base, hair = loss(pd_12m, lgd, exposure, share, limit, first), 1e-6
    assert loss(pd_12m, lgd, exposure, share, limit * more, first) <= base + hair
    assert loss(pd_12m, lgd, exposure, min(share * more, 1.0), limit, first) <= base + hair
    assert loss(pd_12m, lgd, exposure, share, limit, first * more) >= base - hair
    assert loss(min(pd_12m * more, 1.0), lgd, exposure, share, limit, first) >= base - hair
    assert loss(pd_12m, min(lgd * more, 1.0), exposure, share, limit, first) >= base - hair
    assert loss(pd_12m, lgd, exposure * more, share, limit, first) >= base - hair


@pytest.mark.parametrize("seed", range(3))
def test_a_higher_limit_never_insures_less_of_a_customer(seed: int) -> None:
    lives, limits, at = random_lives(np.random.default_rng(seed), 200)
    more = limits.assign(limit_cents=limits["limit_cents"] + 50_000)
    sums = [evaluate(lives, t, POLICY, at).groupby("customer_id")["insured_cents"].sum() for t in (limits, more)]
    assert (sums[1] >= sums[0]).all()


def test_a_discretionary_limit_needs_the_experience_that_the_policy_names() -> None:
    good = Experience(customer_id="acme", paid_invoices=5, longest_days_late=12, highest_balance=8_000.0)
    assert discretionary_limit(good, POLICY) == (8_000.0, ())
    assert (
        discretionary_limit(
            Experience(customer_id="a", paid_invoices=9, longest_days_late=0, highest_balance=9e4), POLICY
        )[0]
        == 20_000.0
    )
    limit, why = discretionary_limit(
        Experience(customer_id="a", paid_invoices=1, longest_days_late=45, highest_balance=1.0), POLICY
    )
    assert limit == 0.0
    assert why == ("1 paid invoices in 12 months, 3 are needed", "an item was 45 days late, at most 30 are allowed")


def test_more_cover_is_worth_its_saved_loss_less_its_premium() -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["a", "b"],
            "pd": [0.05, 0.001],
            "lgd": 0.4,
            "exposure": 1e4,
            "uninsured_limit": 1e4,
            "share": 0.9,
        }
    )
    found = value_of_more_cover(frame, POLICY).set_index("customer_id")
    assert found.loc["a"].tolist() == pytest.approx([1e4, 180.0, 40.0, 140.0])  # 0.05 · 0.4 · 0.9 · 10,000 − 0.4 %
    assert found.loc["b", "value"] == pytest.approx(3.6 - 40.0)


def test_a_notice_in_the_neutral_form_and_under_an_insurer_s_names() -> None:
    import tomllib

    items = pd.DataFrame(
        {
            "invoice_id": ["a"],
            "issued_on": ["2024-01-01"],
            "due_on": ["2024-01-31"],
            "amount": [1000.0],
            "open": [400.0],
            "days_past_due": [45],
        }
    )
    payload = notice(
        "overdue_notice",
        POLICY,
        {"customer_id": "c", "name": "Acme", "country": "DE"},
        items,
        date(2024, 3, 16),
        "EUR",
        "unpaid",
    )
    assert payload["total_open"] == 400.0
    assert json.loads(json.dumps(payload)) == payload
    mapping = tomllib.loads((BUNDLED / "cover_mapping_allianz_trade.toml").read_text())
    assert mapped(payload, mapping) == [{
        "policyId": "000000", "overdueCategoryTypeCode": "OVD", "debtorName": "Acme", "overdueAmount": 400.0, "currency": "EUR",
        "dueDate": "2024-01-31", "invoiceReference": "a",
    }]  # fmt: skip


def test_a_policy_file_names_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="insured_share"):
        CoverPolicy.model_validate({**POLICY.model_dump(), "insured_share": 1.5})
    assert Buyer(customer_id="a", is_excluded=True).limit == 0.0

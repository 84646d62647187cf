"""Limits: every step's arithmetic, and what the policy does where it should stop, hold or ask a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions.limits import (
    GradeTerms,
    LimitPolicy,
    PastDue,
    Situation,
    house_policy,
    largest_exposure,
    recommend,
    rounded_down,
)
from decisions.shared_limits import CountryStop, SharedLimit, used_by_others
from decisions.wording import LANGUAGES, SENTENCES, sentence
from ledger.errors import InputError
from ledger.lgd import Lgd
from models.rating_scale import MASTER_SCALE


def late(*items):
    return tuple(PastDue(invoice_id=f"I{n}", amount=amount, days=days) for n, (days, amount) in enumerate(items, 1))


POLICY = LimitPolicy(
    name="test", version="1", loss_given_default=0.40, maximum_expected_loss=1_000, smallest_limit=500,
    hold_after_days=60, authority=200_000, highest_pd=0.95,
    terms=(GradeTerms(grade="R01", maximum_limit=500_000, valid_months=12),
           GradeTerms(grade="R05", maximum_limit=40_000, valid_months=6)),
)  # fmt: skip
CASE = Situation(
    customer_id="acme", as_of=date(2024, 1, 31), requested=30_000, balance=12_000, unapplied=2_000,
    pd=0.05, grade="R05",
)  # fmt: skip


def steps(found):
    return {step.name: step.result for step in found.steps}


def test_the_arithmetic_of_an_approval():
    found = recommend(CASE, POLICY)
    assert steps(found) == pytest.approx({
        "exposure": 10_000.0,  # 12,000 - 2,000
        "loss_given_default": 0.40,  # the policy's
        "expected_loss": 200.0,  # 0.05 * 0.40 * 10,000
        "uninsured_at_most": 50_000.0,  # 1,000 / (0.05 * 0.40)
        "grade_cap": 40_000.0,  # min(50,000, cap of R05)
        "rounded": 40_000.0,
        "limit": 30_000.0,  # min(requested, rounded)
    })  # fmt: skip
    assert (found.action, found.limit) == ("approve", 30_000.0)
    assert (found.valid_until, found.next_review) == (date(2024, 7, 31), date(2024, 5, 1))  # 6 months, half of them


def test_a_measured_lgd_replaces_the_policys_and_says_where_it_comes_from():
    lgd = Lgd(value=0.25, source="shrunk", defaults=60, measured=0.20, low=0.1, high=0.3, weight=0.75)
    found = recommend(replace(CASE, lgd=lgd), POLICY)
    step = next(step for step in found.steps if step.name == "loss_given_default")
    assert (step.result, step.values["measured"], step.values["closed_defaults"]) == (0.25, 0.20, 60)
    assert step.formula.startswith("shrunk")
    assert steps(found)["expected_loss"] == pytest.approx(0.05 * 0.25 * 10_000)
    assert steps(found)["uninsured_at_most"] == pytest.approx(1_000 / (0.05 * 0.25))


def test_a_month_that_is_shorter_ends_the_limit_on_its_last_day():
    assert recommend(replace(CASE, as_of=date(2023, 8, 31)), POLICY).valid_until == date(2024, 2, 29)


@pytest.mark.parametrize(
    ("change", "action", "limit", "reason"),
    [
        ({"requested": 45_000}, "reduce", 40_000, "above_policy_limit"),
        ({"pd": 0.123, "requested": 30_000}, "reduce", 20_000, "above_policy_limit"),  # 1,000 / 0.0492 = 20,325.2
        ({"past_due": late((60, 500.01))}, "hold", 10_000, "arrears_hold"),  # above 500 and 1 % of 12,000
        ({"past_due": late((60, 500.0))}, "approve", 30_000, "within_policy"),  # not above 500
        ({"past_due": late((59, 5_000.0))}, "approve", 30_000, "within_policy"),  # not old enough
        ({"past_due": late((60, 300.0), (70, 300.0))}, "hold", 10_000, "arrears_hold"),  # 600 together
        ({"special": "in_default", "pd": None, "grade": None}, "hold", 0, "in_default_hold"),
        ({"special": "in_default", "pd": None, "grade": None, "balance": 0.0}, "decline", 0, "in_default_decline"),
        ({"special": "no_history", "pd": None, "grade": None}, "refer", None, "no_history"),
        ({"special": "no_default_model", "pd": None, "grade": None}, "refer", None, "no_default_model"),
        (
            {"special": "no_default_model", "pd": None, "grade": None, "past_due": late((60, 501.0))},
            "hold",
            10_000,
            "arrears_hold",
        ),
        ({"special": "no_history", "requested": 20_000}, "approve", 20_000, "within_policy"),
        ({"special": "no_history"}, "refer", 30_000, "above_authority_without_history"),
        ({"special": "stale_data", "pd": None, "grade": None}, "refer", None, "stale_data"),
        ({"grade": "R01", "pd": 0.001, "requested": 250_000}, "refer", 250_000, "above_authority"),
        ({"requested": 45_000, "is_natural_person": True}, "refer", 40_000, "natural_person"),
        ({"pd": 0.96, "requested": 1_000}, "refer", 1_000, "above_highest_pd"),
        ({"is_natural_person": True}, "approve", 30_000, "within_policy"),
    ],
)
def test_what_the_policy_says(change, action, limit, reason):
    found = recommend(replace(CASE, **change), POLICY)
    assert (found.action, found.limit) == (action, limit)
    assert found.reasons[0][0] == reason


def test_a_hold_is_material():
    large = replace(CASE, balance=1_870_000, unapplied=0, pd=0.0023, grade="R01", requested=100_000)
    found = recommend(replace(large, past_due=late((70, 22.93))), POLICY)
    assert (found.action, found.reasons[0][0]) == ("approve", "within_policy")
    assert "prepayment" not in [code for code, _ in found.conditions]
    assert [code for code, _ in found.notes] == ["arrears_below_materiality"]
    assert "22.93" in sentence(*found.notes[0], "en")
    # 18,700 is 1 % of the balance, and not above it; one cent more is
    assert recommend(replace(large, past_due=late((70, 18_700.0))), POLICY).action == "approve"
    assert recommend(replace(large, past_due=late((70, 18_700.01))), POLICY).action == "hold"


def test_the_reason_of_a_hold_names_the_items_and_the_amount_that_triggered_it_not_all_arrears():
    many = late((10, 9_000.0), *((60 + n, 100.0) for n in range(7)))
    (code, values), *_ = recommend(replace(CASE, past_due=many), POLICY).reasons
    assert code == "arrears_hold"
    assert values["amount"] == pytest.approx(700.0)  # not the 9,700 past due in all
    assert values["items"] == "I8, I7, I6, I5, I4 (+2)"
    assert (values["days"], values["count"]) == (66, 7)


def test_a_limit_without_history_asks_for_outside_information():
    found = recommend(replace(CASE, special="no_history", requested=20_000), POLICY)
    assert ("outside_information", {}) in found.conditions
    assert ("outside_information", {}) not in recommend(CASE, POLICY).conditions


def test_a_limit_too_small_to_keep_is_declined():
    found = recommend(replace(CASE, pd=0.9), replace(POLICY, maximum_expected_loss=100))  # 100 / 0.36 = 277.8
    assert (found.action, found.limit) == ("decline", 0.0)
    assert [code for code, _ in found.conditions] == ["prepayment", "reduce_balance"]


def test_insurance_carries_its_share_and_lapses_when_an_item_is_overdue_for_too_long():
    insured = replace(
        CASE, pd=0.5, insured_limit=20_000, insured_share=0.9, maximum_extension_days=30, requested=100_000
    )
    assert steps(recommend(insured, POLICY))["uninsured_at_most"] == 5_000.0  # 1,000 / 0.20
    assert steps(recommend(insured, POLICY))["with_insurance"] == 23_000.0  # 5,000 + 0.9 * 20,000
    lapsed = steps(recommend(replace(insured, past_due=late((31, 1.0))), POLICY))
    assert lapsed["cover_lost"] == 0.0
    assert "with_insurance" not in lapsed


@given(
    allowed=st.floats(1, 1e6),
    share=st.floats(0, 1),
    insured=st.floats(0, 1e6),
    first_loss=st.floats(0, 1e5),
    extra=st.floats(0.01, 0.5),
)
def test_the_largest_exposure_is_the_largest(allowed, share, insured, first_loss, extra):
    def kept(exposure):
        return exposure - max(0.0, share * min(exposure, insured) - first_loss)

    largest = largest_exposure(allowed, share=share, insured=insured, first_loss=first_loss)
    assert kept(largest) <= allowed * (1 + 1e-9) + 1e-6
    if share < 0.999:
        assert kept(largest * (1 + extra) + 1) > allowed


@given(amount=st.floats(0.01, 1e12))
def test_rounding_down_never_gives_more_and_never_loses_a_tenth(amount):
    assert 0.9 * amount <= rounded_down(amount, 2) + 0.01
    assert rounded_down(amount, 2) <= amount * (1 + 1e-9)


@given(pd=st.floats(0.0005, 0.5), worse=st.floats(1.0, 2.0))
def test_a_worse_pd_never_raises_the_limit(pd, worse):
    at = replace(CASE, pd=pd, requested=1e6)
    assert recommend(replace(at, pd=min(1.0, pd * worse)), POLICY).limit <= recommend(at, POLICY).limit


def test_the_house_policy_has_terms_for_every_grade_and_better_grades_never_less():
    policy = house_policy(MASTER_SCALE.names)
    caps = [policy.terms_of(name).maximum_limit for name in MASTER_SCALE.names]
    assert caps == sorted(caps, reverse=True)
    with pytest.raises(InputError, match="no terms for grade X"):
        policy.terms_of("X")


def test_every_code_has_a_sentence_in_each_language():
    numbers = dict.fromkeys(
        (
            "days",
            "amount",
            "policy_days",
            "limit",
            "smallest_limit",
            "authority",
            "requested",
            "exposure",
            "insured_limit",
            "pd",
            "highest_pd",
            "weight",
            "snapshots",
            "auc",
            "auc_low",
            "auc_high",
            "rate",
            "own",
            "material_amount",
            "material_share",
            "cap",
            "used",
            "room",
            "total",
            "rating",
            "terms",
            "longest",
        ),
        1.0,
    )
    numbers |= {"name": "PARENT", "country": "AR", "why": "permits"}
    numbers |= {"items": "I1, I2", "day": date(2024, 6, 30), "customer": "C2", "currency": "EUR"}
    for code in SENTENCES:
        for language in LANGUAGES:
            assert "{" not in sentence(code, numbers, language)


def test_a_group_s_limit_leaves_what_the_others_use_and_says_so_in_both_languages():
    group = SharedLimit(kind="group_limit", name="PARENT", limit=50_000.0, used=31_000.0)
    found = recommend(replace(CASE, shared=(group,)), POLICY)
    assert (found.action, found.limit) == ("reduce", 19_000.0)  # 50,000 - 31,000 of 30,000 requested
    assert steps(found)["group_limit"] == 19_000.0
    assert [code for code, _ in found.reasons] == ["above_policy_limit", "group_limit"]
    english, chinese = (sentence(*found.reasons[1], language) for language in LANGUAGES)
    assert "50,000.00" in english
    assert "31,000.00" in english
    assert "19,000.00" in chinese
    full = recommend(replace(CASE, shared=(replace(group, used=60_000.0),)), POLICY)
    assert (full.action, full.limit) == ("decline", 0.0)
    wide = recommend(replace(CASE, shared=(replace(group, used=1_000.0),)), POLICY)
    assert (wide.action, wide.limit, [c for c, _ in wide.reasons]) == ("approve", 30_000.0, ["within_policy"])


def test_a_country_under_a_transfer_hold_gets_nothing_more_and_one_without_a_rating_a_person():
    stop = CountryStop(
        answer="hold",
        code="country_transfer_hold",
        numbers={"country": "AR", "day": date(2024, 1, 1), "why": "permits"},
    )
    held = recommend(replace(CASE, country_stop=stop), POLICY)
    assert (held.action, held.limit) == ("hold", 10_000.0)  # the exposure: nothing more
    assert held.reasons[0][0] == "country_transfer_hold"
    unrated = CountryStop(answer="refer", code="country_not_rated", numbers={"country": "AR", "day": date(2024, 1, 1)})
    assert recommend(replace(CASE, country_stop=unrated), POLICY).action == "refer"


@given(
    present=st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1e6), min_size=1), granted=st.dictionaries(st.sampled_from("abcde"), st.floats(0, 1e6)),
    cap=st.floats(0, 1e6),
)  # fmt: skip
def test_what_is_recommended_under_a_shared_cap_never_exceeds_it(present, granted, cap):
    used = used_by_others("a", present, granted)
    shared = SharedLimit(kind="group_limit", name="P", limit=cap, used=used)
    found = recommend(replace(CASE, shared=(shared,)), POLICY)
    assert found.action == "hold" or found.limit <= max(0.0, cap - used)
    assert found.action != "approve" or shared.holds(found.limit)

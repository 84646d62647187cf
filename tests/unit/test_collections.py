"""The collections worklist: steps, routes, order, promises, statutory interest; drawn so that a reader can redo them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from decisions.action_effects import Effect
from decisions.collections import (
    ACT,
    DISPUTE,
    HELD_OUT,
    LEAVE_ALONE,
    PROMISE,
    WAIT,
    insurer_notices,
    next_step,
    statutory_claims,
    worklist,
)
from decisions.collections_policy import CollectionsPolicy, LatePaymentLaw
from decisions.collections_texts import letter
from decisions.policy_files import read_policy
from decisions.promises import promises_on
from ledger.errors import InputError
from ledger.settlement import settle
from tests.drawn import ledger

POLICY = read_policy(CollectionsPolicy, "collections")
NO_LOT = POLICY.model_copy(update={"hold_out_share": 0.0})
LAW = read_policy(LatePaymentLaw, "late_payment")
NONE = float("nan")


def effect(kind: str, segment: str, days_gained: float, *, is_shown: bool = True) -> Effect:
    return Effect(
        kind=kind, segment=segment, days_gained=days_gained, low=days_gained - 0.01, high=days_gained + 0.01, unpaid_less=0.1,
        unpaid_less_low=0.0, unpaid_less_high=0.2, unpaid_without=0.4, acted=500, not_acted=500, customers=100, is_shown=is_shown,
    )  # fmt: skip


def item(invoice_id: str, **given: object) -> dict[str, object]:
    return {
        "invoice_id": invoice_id, "customer_id": invoice_id, "segment": "small", "open_amount": 1000.0, "days_past_due": 10,
        "is_disputed": False, "promise": None, "pd": NONE, "pays_by_itself": 0.2, **given,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("days", "amount", "since", "expected"),
    [
        (2, 1000.0, {}, (None, WAIT)),
        (3, 1000.0, {}, ("reminder", ACT)),
        (3, 10.0, {}, (None, "below_smallest_amount")),
        (10, 1000.0, {"reminder": 7.0}, ("call", ACT)),
        (10, 100.0, {"reminder": 6.0}, (None, WAIT)),  # too small for a call, reminded six days ago
        (12, 1000.0, {"call": 3.0}, (None, WAIT)),
        (40, 1000.0, {"dunning_1": 26.0}, ("dunning_2", ACT)),
        (95, 1000.0, {}, ("agency", ACT)),
        (200, 500.0, {"agency": 10.0}, (None, WAIT)),  # below what legal action takes
    ],
)
def test_the_next_step_of_an_item(days, amount, since, expected):
    step, route = next_step(days, amount, since, POLICY.steps)
    assert (step.kind if step else None, route) == expected


def test_routes_of_items():
    items = pd.DataFrame(
        [
            item("act"), item("disputed", is_disputed=True), item("promised", promise="waiting"), item("broken", promise="broken"),
            item("alone", pays_by_itself=0.9), item("late", pays_by_itself=0.9, days_past_due=20), item("young", days_past_due=1),
        ]
    )  # fmt: skip
    routes = dict(zip(items["invoice_id"], worklist(items, [], NO_LOT).items["route"], strict=True))
    assert routes == {
        "act": ACT, "disputed": DISPUTE, "promised": PROMISE, "broken": ACT, "alone": LEAVE_ALONE, "late": ACT, "young": WAIT,
    }  # fmt: skip


def test_order_is_by_amount_times_days_gained_and_an_effect_not_shown_is_worth_nothing():
    items = pd.DataFrame(
        [
            item("large", segment="key", open_amount=5000.0),
            item("responsive", open_amount=2000.0),
            item("insured", open_amount=100.0, days_past_due=35, segment="key"),
        ]
    )
    effects = [effect("call", "all", 4.0), effect("call", "key", 1.0), effect("call", "small", 6.0),
               effect("letter", "all", 3.0, is_shown=False)]  # fmt: skip
    found = worklist(items, effects, NO_LOT).customers
    assert list(found["customer_id"]) == ["responsive", "large", "insured"]
    # 2,000 x 6 days at 8 % a year
    assert found["value"].iloc[0] == pytest.approx(2000 * 6 * 0.08 / 365, rel=0.01)
    assert found["basis"].tolist() == ["effect", "effect", "amount"]
    assert found["value"].iloc[2] == 0.0


def test_loss_avoided_counts_what_the_action_gets_paid():
    items = pd.DataFrame([item("a", pd=0.10)])
    found = worklist(items, [effect("call", "all", 5.0)], NO_LOT).items.iloc[0]
    # 1,000 x PD 10 % x LGD 40 % x (0.1 of 0.4 unpaid)
    assert found["loss_avoided"] == pytest.approx(1000 * 0.10 * 0.40 * 0.25)
    assert found["value"] == pytest.approx(found["loss_avoided"] + 1000 * 5 * 0.08 / 365)


def test_capacity_is_counted_in_the_order_of_value():
    items = pd.DataFrame([item(f"c{k:02d}", open_amount=300.0 + k) for k in range(25)])
    found = worklist(items, [effect("call", "all", 5.0)], NO_LOT).customers
    assert found["is_within"].sum() == POLICY.capacity["call"]
    assert found["customer_id"].iloc[0] == "c24"


def test_the_hold_out_is_a_lot_that_anyone_can_redo():
    ids = [f"I{k}" for k in range(4000)]
    held = [POLICY.is_held_out(i, 100.0) for i in ids]
    assert np.mean(held) == pytest.approx(0.05, abs=0.012)
    assert held == [POLICY.is_held_out(i, 100.0) for i in ids]
    assert not any(POLICY.is_held_out(i, 5000.01) for i in ids)
    lucky = ids[held.index(True)]
    assert worklist(pd.DataFrame([item(lucky)]), [], POLICY).items["route"].tolist() == [HELD_OUT]


def test_promises_kept_broken_due_today_and_waiting():
    book = ledger(
        invoices="""
            invoice_id | issued_on  | due_on
            kept       | 2024-01-01 | 2024-01-31
            broken     | 2024-01-01 | 2024-01-31
            today      | 2024-01-01 | 2024-01-31
            waiting    | 2024-01-01 | 2024-01-31
            vague      | 2024-01-01 | 2024-01-31
        """,
        payments="""
            invoice_id | paid_on    | amount
            kept       | 2024-02-20 | 100
        """,
        events="""
            invoice_id | occurred_on | kind           | detail
            kept       | 2024-02-10  | promise_to_pay | 2024-02-20
            broken     | 2024-02-10  | promise_to_pay | 2024-02-20
            today      | 2024-02-10  | promise_to_pay | 2024-03-01
            waiting    | 2024-02-10  | promise_to_pay | 2024-03-05
            vague      | 2024-02-10  | promise_to_pay | soon
        """,
    )
    found = promises_on(book, settle(book), pd.Timestamp("2024-03-01")).set_index("invoice_id")["status"].to_dict()
    assert found == {
        "kept": "kept",
        "broken": "broken",
        "today": "due_today",
        "waiting": "waiting",
        "vague": "no_day_given",
    }


def test_statutory_interest_changes_with_the_half_year():
    # 1,000 due 2024-06-20, on 2024-07-10: 10 days at 4.5 + 8 %, 10 days at 4.25 + 8 %
    expected = 1000 * (0.125 * 10 + 0.1225 * 10) / 365
    assert LAW.interest(1000.0, date(2024, 6, 20), date(2024, 7, 10)) == pytest.approx(expected)
    assert LAW.interest(1000.0, date(2023, 12, 31), date(2024, 1, 1)) == pytest.approx(1000 * 0.125 / 365)
    assert LAW.interest(1000.0, date(2024, 1, 1), date(2025, 1, 1)) == pytest.approx(
        1000 * (0.125 * 181 + 0.1225 * 184 + 0.1115 * 1) / 365
    )
    assert LAW.interest(1000.0, date(2024, 7, 10), date(2024, 7, 10)) == 0.0


def test_claims_hold_between_firms_of_the_law_s_countries_and_not_on_disputes():
    due = pd.Timestamp("2024-03-01")
    items = pd.DataFrame({
        "open_amount": 100.0, "due_on": due, "country": ["DE", "US", None, "DE", "DE"],
        "is_natural_person": [False, False, False, True, None], "is_disputed": [False, False, False, False, True],
    })  # fmt: skip
    found = statutory_claims(items, LAW, pd.Timestamp("2024-03-11"))
    assert found["statutory_fixed_sum"].tolist()[:2] == [40.0, 0.0]
    assert np.isnan(found["statutory_fixed_sum"].iloc[2])  # no country: not known, so no number
    assert found["statutory_fixed_sum"].tolist()[3:] == [0.0, 0.0]
    assert found["statutory_interest"].iloc[0] == pytest.approx(round(100 * 0.125 * 10 / 365, 2))


def test_the_insurer_is_told_before_the_maximum_extension_ends():
    items = pd.DataFrame(
        [
            item("near", days_past_due=50),
            item("far", days_past_due=10),
            item("disputed", days_past_due=90, is_disputed=True),
        ]
    )
    terms = pd.DataFrame(
        {"customer_id": ["near", "far", "disputed"], "insured_limit": 1e4, "maximum_extension_days": 60}
    )
    found = insurer_notices(terms, items)
    assert found[["customer_id", "days_left"]].values.tolist() == [["near", 10]]


def test_texts_in_both_languages_name_every_item_and_the_claims():
    items = pd.DataFrame({"invoice_id": ["I1", "I2"], "due_on": pd.Timestamp("2024-03-01"), "days_past_due": 10, "open_amount": [100.0, 50.5],
                          "statutory_interest": [0.34, 0.17], "statutory_fixed_sum": 40.0})  # fmt: skip
    for language, words in (("en", "10 days past due"), ("zh", "逾期 10 天")):
        _, text = letter("dunning_1", items, name="Acme", currency="EUR", day="2024-03-11", language=language)
        assert all(part in text for part in ("I1", "I2", "150.50", "0.51", "80.00", words))
    with pytest.raises(InputError, match="no text of kind 'call'"):
        letter("call", items, name="Acme", currency="EUR", day="2024-03-11")


def test_a_policy_file_with_an_unknown_key_names_it(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nversion = "1"\nmargin = 8\n')
    with pytest.raises(InputError, match=r"mine\.toml: \d+ keys do not fit"):
        read_policy(LatePaymentLaw, path)
    with pytest.raises(InputError, match="no such policy file"):
        read_policy(LatePaymentLaw, "nowhere")


def test_a_ledger_without_actions_is_ordered_by_amount_and_says_so():
    from decisions.steering.worklist import worklist_report

    book = ledger(
        invoices="""
            invoice_id | customer_id | issued_on  | due_on     | amount
            small      | a           | 2024-01-01 | 2024-01-31 | 300
            large      | b           | 2024-01-01 | 2024-01-31 | 900
            paid       | c           | 2024-01-01 | 2024-01-31 | 900
        """,
        payments="""
            invoice_id | paid_on    | amount
            paid       | 2024-02-05 | 900
        """,
    )
    report, done, _ = worklist_report(book, pd.Timestamp("2024-03-01"), policy=NO_LOT, law=LAW, command="")
    assert done.customers["customer_id"].tolist() == ["b", "a"]
    assert set(done.items["basis"]) == {"not_measured"}
    assert "No effect of an action is estimated" in report.notes[-1]
    assert report.facts["overdue_items"] == 2
    nothing = worklist_report(book, pd.Timestamp("2024-01-15"), policy=NO_LOT, law=LAW, command="")[0]
    assert nothing.facts["overdue_items"] == 0

"""What features mean, drawn: each theme on a ledger small enough to redo the arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.engine.histories import build, build_items, missing_codes
from ledger.errors import InputError
from tests.drawn import ledger, one, one_item

INVOICES = """
    invoice_id | issued_on  | due_on     | amount
    a          | 2024-01-02 | 2024-02-01 | 100
    b          | 2024-04-01 | 2024-05-01 | 300
"""
PAYMENTS = """
    invoice_id | paid_on    | booked_on  | amount
    a          | 2024-02-11 | 2024-02-12 | 100
    b          | 2024-05-31 | 2024-06-01 | 120
    b          | 2024-06-29 | 2024-07-02 | 180
"""


@pytest.mark.parametrize(("name", "expected"), [
    ("late_share_12m", 1.0),                     # a was late, b still is
    ("late_share_3m", 1.0),                      # b alone
    ("late_30_share_12m", 1 / 2),                # b is 60 days past due, a was 10 late
    ("days_past_due_mean_12m", (10 + 60) / 2),
    ("days_past_due_weighted_12m", (10 * 100 + 60 * 300) / 400),
    ("days_late_median_12m", (10 + 60) / 2),
    ("days_late_spread_12m", 25.0),
    ("days_past_due_max_12m", 60.0),
    ("late_streak", 2.0),
    ("overdue_amount", 180.0),                   # the second payment was booked after as_of
    ("open_amount", 180.0),
    ("days_past_due_oldest", 60.0),
    ("dbt_open", 45.0),                          # all of it lies in 31 to 60 days
    ("dbt_paid_12m", (10 * 100 + 30 * 120) / 220),
    ("open_part_paid_share", 1.0),
    ("days_since_payment", 30.0),                # 2024-05-31
    ("payment_gap_mean_12m", 110.0),             # from 2024-02-11 to 2024-05-31
    ("paid_amount_12m", 220.0),
    ("sales_12m", 400.0),
    ("dso_12m", 180 / 400 * 365),
    ("best_possible_dso_12m", 0.0),
    ("average_days_delinquent_12m", 180 / 400 * 365),
    ("cei_12m", 100 * 220 / (220 + 180)),
    ("invoices_settled_ever", 1.0),
    ("days_since_first_invoice", 180.0),
    ("terms_days_mean_12m", 30.0),
])  # fmt: skip
def test_part_payment_booked_after_as_of(name: str, expected: float) -> None:
    assert one(name, INVOICES, PAYMENTS, as_of="2024-06-30") == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("as_of", "expected"), [("2024-07-01", 60.0 + 1), ("2024-07-02", 59.0)])
def test_late_booking_counts_from_its_booking_with_its_own_date(as_of: str, expected: float) -> None:
    assert one("days_past_due_max_12m", INVOICES, PAYMENTS, as_of=as_of) == expected


def test_dbt_paid_of_the_definitions() -> None:
    """10,000 paid 5 days late and 10,000 paid 7 days late -> 6.0."""
    invoices = """
        invoice_id | issued_on  | due_on     | amount
        a          | 2024-01-01 | 2024-01-31 | 10000
        b          | 2024-01-01 | 2024-01-31 | 10000
    """
    payments = """
        invoice_id | paid_on    | amount
        a          | 2024-02-05 | 10000
        b          | 2024-02-07 | 10000
    """
    assert one("dbt_paid_3m", invoices, payments, as_of="2024-02-29") == 6.0


def test_windows_hold_their_last_day_and_not_the_day_before_their_first() -> None:
    invoices = """
        invoice_id | issued_on  | due_on
        a          | 2024-05-02 | 2024-06-01
        b          | 2024-05-01 | 2024-05-31
    """
    assert one("invoices_1m", invoices, as_of="2024-05-30") == 2  # 1 May to 30 May are 30 days
    assert one("invoices_1m", invoices, as_of="2024-05-31") == 1
    assert one("late_share_1m", invoices, as_of="2024-06-30") == 1.0


BEHAVIOUR = """
    invoice_id | occurred_on | booked_on  | kind           | amount
    a          | 2024-02-05  | 2024-02-05 | dispute_opened |
    a          | 2024-02-20  | 2024-03-01 | dispute_closed |
               | 2024-02-10  | 2024-02-10 | promise_to_pay |
               | 2024-02-15  | 2024-02-15 | promise_broken |
               | 2024-02-16  | 2024-02-16 | dunning        |
"""


@pytest.mark.parametrize(("name", "as_of", "expected"), [
    ("disputed_amount_share", "2024-02-25", 1.0),   # closed on the 20th, but booked in March
    ("disputed_amount_share", "2024-03-01", 0.0),
    ("disputes_12m", "2024-03-01", 1.0),
    ("broken_promises_3m", "2024-03-01", 1.0),
    ("promise_broken_share_12m", "2024-03-01", 1.0),
    ("reminders_12m", "2024-03-01", 1.0),
    ("days_since_adverse_event", "2024-03-01", 15.0),
])  # fmt: skip
def test_behaviour(name: str, as_of: str, expected: float) -> None:
    invoice = "invoice_id | issued_on | due_on\n a | 2024-01-02 | 2024-02-01"
    assert one(name, invoice, as_of=as_of, events=BEHAVIOUR) == expected


DISPUTED = """
    invoice_id | occurred_on | booked_on  | kind           | detail
    a          | 2024-02-05  | 2024-02-05 | dispute_opened |
    a          | 2024-02-20  | 2024-03-01 | dispute_closed |
    b          | 2024-02-06  | 2024-02-06 | dispute_opened |
    b          | 2024-02-21  | 2024-02-21 | dispute_closed |
    a          | 2024-03-02  | 2024-03-02 | dunning        | 1
    a          | 2024-03-20  | 2024-03-25 | dunning        | level 3, block A
    a          | 2024-03-05  | 2024-03-05 | promise_broken |
    a          | 2024-03-04  | 2024-03-04 | promise_to_pay |
    a          | 2024-03-08  | 2024-03-08 | promise_to_pay |
"""


@pytest.mark.parametrize(("name", "as_of", "expected"), [
    ("open_disputes", "2024-02-10", 2.0),
    ("open_disputes", "2024-02-29", 1.0),           # a's end is booked in March
    ("disputes_lost_12m", "2024-02-29", 0.0),       # b's ended with a credit note
    ("disputes_lost_12m", "2024-03-01", 1.0),
    ("reminder_level_12m", "2024-03-24", 1.0),      # the second reminder is not booked yet
    ("reminder_level_12m", "2024-03-25", 3.0),
    ("promise_broken_share_12m", "2024-03-25", 1 / 2),
])  # fmt: skip
def test_disputes_won_and_lost_and_how_far_reminders_went(name: str, as_of: str, expected: float) -> None:
    invoices = """
        invoice_id | kind        | issued_on  | due_on     | amount | applies_to
        a          | invoice     | 2024-01-02 | 2024-02-01 | 100    |
        b          | invoice     | 2024-01-02 | 2024-02-01 | 100    |
        n          | credit_note | 2024-02-21 | 2024-02-21 | 40     | b
    """
    assert one(name, invoices, as_of=as_of, events=DISPUTED) == expected


@pytest.mark.parametrize(("name", "expected"), [
    ("peak_open_amount_12m", 300.0),        # 30 days before 30 June only b was open, 60 days before a and b: 100 + 200
    ("open_to_peak_12m", 150 / 300),
    ("peak_limit_used_share_12m", 300 / 400),
])  # fmt: skip
def test_the_most_that_was_open_at_one_time(name: str, expected: float) -> None:
    invoices = """
        invoice_id | issued_on  | due_on     | amount
        a          | 2024-04-01 | 2024-06-01 | 100
        b          | 2024-04-20 | 2024-06-20 | 200
    """
    payments = """
        invoice_id | paid_on    | amount
        a          | 2024-05-10 | 100
        b          | 2024-06-20 | 50
    """
    limit = "effective_on | credit_limit\n 2024-01-01 | 400"
    assert one(name, invoices, payments, as_of="2024-06-30", credit_terms=limit) == expected


@pytest.mark.parametrize(("name", "as_of", "expected"), [
    ("monthly_revenue", "2024-03-31", 900.0),
    ("monthly_revenue_to_mean_12m", "2024-03-31", 900 / ((600 + 900) / 2)),
    ("monthly_revenue_to_mean_12m", "2024-03-09", 1.0),      # February's is not booked yet
    ("head_count", "2024-03-31", 12.0),
    ("head_count_age_days", "2024-03-31", 91.0),             # since 2023-12-31
])  # fmt: skip
def test_what_the_customer_reports_about_itself(name: str, as_of: str, expected: float) -> None:
    attributes = """
        name            | observed_on | booked_on  | value
        monthly_revenue | 2024-01-31  | 2024-02-10 | 600
        monthly_revenue | 2024-02-29  | 2024-03-10 | 900
        head_count      | 2023-12-31  | 2024-01-05 | 12
    """
    assert one(name, as_of=as_of, attributes=attributes) == expected


TERMS = """
    effective_on | booked_on  | credit_limit | payment_terms_days
    2024-01-01   | 2024-01-01 | 1000         | 30
    2024-05-01   | 2024-06-15 | 400          | 14
"""


@pytest.mark.parametrize(("as_of", "limit", "used"), [("2024-06-14", 1000.0, 0.3), ("2024-06-15", 400.0, 0.75)])
def test_a_limit_counts_from_its_booking(as_of: str, limit: float, used: float) -> None:
    invoice = "invoice_id | issued_on | due_on | amount\n a | 2024-06-01 | 2024-07-01 | 300"
    assert one("credit_limit", invoice, as_of=as_of, credit_terms=TERMS) == limit
    assert one("limit_used_share", invoice, as_of=as_of, credit_terms=TERMS) == used


def test_ratings_are_read_on_their_scale_from_the_day_of_publication() -> None:
    ratings = """
        source | rated_on   | published_on | value | scale
        bureau | 2024-01-31 | 2024-02-15   | 80    | paydex
        agency | 2024-03-31 | 2024-04-20   | 4     | 1-10, 1 best
    """
    invoice = "invoice_id | issued_on | due_on\n a | 2024-01-02 | 2024-02-01"
    assert np.isnan(one("rating_risk", invoice, as_of="2024-02-14", ratings=ratings))
    assert one("rating_risk", invoice, as_of="2024-04-19", ratings=ratings) == pytest.approx((100 - 80) / (100 - 20))
    assert one("rating_risk", invoice, as_of="2024-04-20", ratings=ratings) == pytest.approx(round(3 / 9, 3))


def test_peers_are_all_customers_of_the_industry_on_the_same_day() -> None:
    invoices = """
        invoice_id | customer_id | issued_on  | due_on
        a          | acme        | 2024-01-02 | 2024-02-01
        b          | bolt        | 2024-01-02 | 2024-02-01
        c          | core        | 2024-01-02 | 2024-02-01
    """
    payments = """
        invoice_id | paid_on    | booked_on  | amount
        b          | 2024-01-30 | 2024-02-10 | 100
    """
    customers = "customer_id | industry\n acme | metal\n bolt | metal\n core | retail"
    on = {"customers": customers, "invoices": invoices, "payments": payments}
    assert one("industry_late_share_12m", as_of="2024-02-09", **on) == 1.0  # bolt's payment is not booked yet
    assert one("industry_late_share_12m", as_of="2024-02-10", **on) == 0.5
    assert one("late_share_to_industry_12m", as_of="2024-02-10", **on) == 0.5


def test_a_group_is_all_customers_under_one_parent() -> None:
    invoices = """
        invoice_id | customer_id | issued_on  | due_on     | amount
        a          | acme        | 2024-01-02 | 2024-02-01 | 100
        b          | bolt        | 2024-01-02 | 2024-06-01 | 300
    """
    customers = "customer_id | parent_id\n acme | bolt\n bolt | \n core | "
    on = {"customers": customers, "invoices": invoices, "as_of": "2024-03-31"}
    assert one("group_open_amount", **on) == 400.0
    assert one("group_overdue_amount", **on) == 100.0
    assert np.isnan(one("group_open_amount", customer="core", **on))


def test_a_customer_merged_into_another_brings_its_history() -> None:
    invoices = """
        invoice_id | customer_id | issued_on  | due_on     | amount
        a          | acme        | 2024-01-02 | 2024-02-01 | 100
        o          | old         | 2024-01-02 | 2024-02-01 | 50
    """
    merger = (
        "customer_id | occurred_on | booked_on | kind | detail\n old | 2024-03-01 | 2024-03-05 | merged_into | acme"
    )
    assert one("open_amount", invoices, as_of="2024-03-04", events=merger) == 100.0
    assert one("open_amount", invoices, as_of="2024-03-05", events=merger) == 150.0
    assert one("open_amount", invoices, as_of="2024-03-05", events=merger, customer="old") == 0.0


ALONE = "invoice_id | issued_on | due_on | amount\n a | 2024-01-02 | 2024-02-01 | 100"
PAID = "invoice_id | paid_on | amount\n a | 2024-02-11 | 100"
REPORTED = {
    "customers": "customer_id | industry\n acme | metal\n bolt | ",
    "credit_terms": "effective_on | credit_limit\n 2024-01-01 | 0",
}


@pytest.mark.parametrize(("name", "as_of", "tables", "code"), [
    ("late_share_12m", "2024-01-31", {"invoices": INVOICES}, 3),         # a is known, and nothing fell due yet
    ("late_share_12m", "2024-01-01", {"invoices": INVOICES}, 1),         # a is not known yet
    ("late_share_12m", "2024-03-31", {"invoices": INVOICES}, 0),
    ("late_share_1m", "2024-04-15", {"invoices": INVOICES}, 3),          # a fell due before the window, b after it
    ("overdue_share", "2024-01-01", {"invoices": INVOICES}, 1),
    ("overdue_share", "2024-06-30", {"invoices": ALONE, "payments": PAID}, 3),  # nothing is open
    ("rating_risk", "2024-06-30", {"invoices": INVOICES}, 2),
    ("limit_used_share", "2024-06-30", {"invoices": INVOICES}, 2),       # no limit is reported
    ("limit_used_share", "2024-06-30", {"invoices": INVOICES, **REPORTED}, 3),  # nothing is a share of a limit of 0
    ("industry_late_share_12m", "2024-06-30", {"invoices": INVOICES}, 2),
    ("industry_late_share_12m", "2024-01-31", {"invoices": INVOICES, **REPORTED}, 3),  # metal has nothing due
    ("late_share_to_industry_12m", "2024-06-30", {"invoices": INVOICES}, 2),
    ("group_open_amount", "2024-06-30", {"invoices": INVOICES}, 3),      # it has no parent group
    ("open_amount", "2024-01-01", {"invoices": INVOICES}, 0),
])  # fmt: skip
def test_each_missing_value_has_its_own_meaning(name: str, as_of: str, tables: dict[str, str], code: int) -> None:
    prepared = ledger(**tables)
    matrix = build(prepared, pd.DataFrame({"customer_id": ["acme"], "as_of": pd.to_datetime([as_of])}))
    assert missing_codes(prepared, matrix)[name].iloc[0] == code
    assert np.isnan(matrix[name].iloc[0]) == (code != 0)


HISTORY = """
    invoice_id | issued_on  | due_on     | amount
    a          | 2024-01-02 | 2024-02-01 | 100
    b          | 2024-02-05 | 2024-03-06 | 200
    c          | 2024-04-01 | 2024-05-01 | 300
"""


@pytest.mark.parametrize(("name", "expected"), [
    ("item_amount_to_median", 300 / 150),    # a and b are known, c is not issued yet
    ("item_amount_to_max", 300 / 200),
    ("item_terms_days", 30.0),
    ("item_due_weekday", 2.0),               # 2024-05-01 is a Wednesday
    ("item_days_open", 0.0),
    ("item_open_beside", 2.0),
    ("item_open_amount_beside", 300.0),
    ("item_is_first", 0.0),
])  # fmt: skip
def test_an_invoice_asked_about_the_day_before_its_issue(name: str, expected: float) -> None:
    item = "invoice_id | issued_on | due_on | amount\n c | 2024-04-01 | 2024-05-01 | 300"
    assert one_item(name, item, as_of="2024-03-31", invoices=HISTORY) == expected


@pytest.mark.parametrize(("name", "expected"), [
    ("item_open_amount", 180.0), ("item_paid_share", 0.4), ("item_payments", 1.0), ("item_days_past_due", 60.0), ("item_open_beside", 0.0),
])  # fmt: skip
def test_an_invoice_asked_about_while_it_is_open(name: str, expected: float) -> None:
    item = "invoice_id | issued_on | due_on | amount\n b | 2024-04-01 | 2024-05-01 | 300"
    assert one_item(name, item, as_of="2024-06-30", invoices=INVOICES, payments=PAYMENTS) == pytest.approx(expected)


def test_what_cannot_be_answered_is_said() -> None:
    prepared = ledger(invoices=INVOICES)
    with pytest.raises(InputError, match=r"1 of 1 are not in the ledger, e\.g\. 'nobody'"):
        build(prepared, pd.DataFrame({"customer_id": ["nobody"], "as_of": pd.to_datetime(["2024-01-01"])}))
    with pytest.raises(InputError, match="late_sharee are not in the catalogue"):
        build(
            prepared, pd.DataFrame({"customer_id": ["acme"], "as_of": pd.to_datetime(["2024-01-01"])}), ["late_sharee"]
        )
    with pytest.raises(InputError, match="columns due_on are missing"):
        build_items(
            prepared, pd.DataFrame({"customer_id": [], "as_of": [], "issued_on": [], "amount": [], "currency": []})
        )

"""The habit columns, by arithmetic that a reader can redo."""

import pytest

from tests.drawn import one

INVOICES = """
    invoice_id | issued_on  | due_on
    a          | 2024-03-01 | 2024-04-01
    b          | 2024-03-01 | 2024-04-01
    c          | 2024-03-01 | 2024-04-01
    d          | 2024-05-01 | 2024-06-01
    e          | 2024-06-01 | 2024-06-28
    f          | 2024-06-01 | 2024-07-31
"""
PAYMENTS = """
    invoice_id | paid_on    | amount
    a          | 2024-04-01 | 100
    b          | 2024-04-03 | 100
    c          | 2024-03-20 | 100
    d          | 2024-06-01 | 100
"""


@pytest.mark.parametrize(("name", "expected"), [
    # due in the last 90 days (weight 4): a, b, c are 90 days old and older, so 2 each; d and e 4 each; f is not due yet
    ("habit_weight", 2 + 2 + 2 + 4 + 4),
    ("habit_paid_by_early_10", 2 / 14),               # c, 12 days early, of all
    ("habit_paid_by_day_0", (2 + 4) / (2 + 2 + 4 + 4)),  # a and d, of a, b, d, e
    ("habit_paid_by_day_2", 2 / (2 + 4)),             # b, of b and e; e was seen unpaid 2 days after its due date
    ("days_late_last_due", 2.0),                      # e, unpaid for 2 days
    ("days_late_last_settled", 0.0),                  # d
    ("days_since_late_5", None),
])  # fmt: skip
def test_habit(name: str, expected: float | None) -> None:
    found = one(name, INVOICES, PAYMENTS, as_of="2024-06-30")
    assert found == pytest.approx(expected) if expected is not None else found != found


def test_an_open_invoice_does_not_count_in_steps_that_it_was_not_seen_through() -> None:
    # e is open and 2 days past due: it says nothing about the step that ends on day 3
    assert one("habit_paid_by_day_3", INVOICES, PAYMENTS, as_of="2024-06-30") != 0.0

"""Due dates that are hardly meant: found against the customer's other terms known on the day, and never otherwise."""

from __future__ import annotations

import pytest

from tests.drawn import one_item

OTHERS = """
    invoice_id | issued_on  | due_on
    a          | 2023-01-02 | 2023-02-01
    b          | 2023-02-01 | 2023-03-03
    c          | 2023-03-01 | 2023-04-10
"""
WITH_IT = OTHERS + "    e          | 2023-06-02 | 2026-07-02\n"


def item(due_on: str) -> str:
    return f"invoice_id | issued_on  | due_on   | amount\n e | 2023-06-02 | {due_on} | 100"


@pytest.mark.parametrize(
    ("due_on", "days"),
    [
        ("2023-07-02", 0),  # the usual terms
        ("2024-06-01", 0),  # 365 days: taken at its word
        ("2024-09-24", 0),  # 480 days are twelve times the longest terms, 40 days, and not more
        ("2024-09-25", 481 - 30),  # the median of 30, 30 and 40 is 30
        ("2026-07-02", 1126 - 30),
    ],
)
@pytest.mark.parametrize("invoices", [OTHERS, WITH_IT])  # the item itself is not among its others
def test_moved_beyond_a_year_and_twelve_times_the_longest_terms(due_on: str, days: int, invoices: str) -> None:
    assert one_item("item_due_moved_days", item(due_on), as_of="2023-06-05", invoices=invoices) == days


def test_the_items_columns_count_from_the_usual_due_date() -> None:
    for name, value in (("item_terms_days", 30.0), ("item_days_until_due", 27.0), ("item_due_month", 7.0)):
        assert one_item(name, item("2026-07-02"), as_of="2023-06-05", invoices=WITH_IT) == value


def test_two_other_invoices_make_no_usual_terms() -> None:
    assert one_item("item_due_moved_days", item("2026-07-02"), as_of="2023-02-27", invoices=OTHERS) == 0

"""Facts about customers are dated: a later change, and a rate published later, leave earlier features equal to the last bit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.engine.histories import build, build_items, missing_codes
from features.engine.reference import explain
from ledger.dated_master import customers_on
from ledger.known import known_on
from ledger.ledger import Ledger, LedgerError
from ledger.settlement import settle
from tests.books import odd_ledger
from tests.drawn import drawn, ledger

EARLY, LATE = pd.Timestamp("2023-06-30"), pd.Timestamp("2024-03-31")
CHANGED = pd.Timestamp("2023-12-15")


def with_later_facts(before: Ledger) -> Ledger:
    """The same ledger, with another country, industry and parent of some customers, booked on CHANGED."""
    some = before.customers.iloc[:6]
    later = some.assign(
        country="PL", industry="food", parent_id=before.customers["customer_id"].iloc[5], booked_on=CHANGED
    )
    return Ledger.from_frames(**{
        **before.tables, "customers": pd.concat([before.tables["customers"], later], ignore_index=True),
    })  # fmt: skip


def snapshots(book: Ledger, on: pd.Timestamp) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": book.customers["customer_id"], "as_of": on})


def test_a_later_change_leaves_earlier_features_equal_to_the_last_bit() -> None:
    before, after = odd_ledger(), with_later_facts(odd_ledger())
    same = [build(book, snapshots(book, EARLY)) for book in (before, after)]
    assert same[0].to_numpy().tobytes() == same[1].to_numpy().tobytes()
    codes = [missing_codes(book, matrix) for book, matrix in zip((before, after), same, strict=True)]
    assert codes[0].to_numpy().tobytes() == codes[1].to_numpy().tobytes()
    both = pd.concat([snapshots(after, EARLY), snapshots(after, LATE)], ignore_index=True)
    mixed = build(after, both)
    assert mixed.iloc[: len(same[0])].to_numpy().tobytes() == same[0].to_numpy().tobytes()
    moved = build(before, snapshots(before, LATE)).to_numpy()
    assert (moved != mixed.iloc[len(same[0]) :].to_numpy()).any()  # the change counts from its day


def test_the_cut_ledger_gives_the_same_and_so_does_the_reference() -> None:
    after = with_later_facts(odd_ledger())
    for on in (EARLY, LATE):
        whole = build(after, snapshots(after, on))
        cut = build(known_on(after, on), snapshots(after, on))
        assert whole.to_numpy().tobytes() == cut.to_numpy().tobytes()
    customer = after.customers["customer_id"].iloc[1]
    for name in ("late_share_12m", "overdue_amount"):
        value = build(after, pd.DataFrame({"customer_id": [customer], "as_of": [LATE]}), [name]).iloc[0, 0]
        assert np.array_equal(explain(after, name, customer, LATE).value, value, equal_nan=True)


def test_items_too() -> None:
    before, after = odd_ledger(), with_later_facts(odd_ledger())
    items = before.invoices[before.invoices["kind"] == "invoice"].head(40).assign(as_of=EARLY)
    items = items[items["superseded_on"].isna() & (items["issued_on"] <= EARLY)]
    found = [build_items(book, items).to_numpy().tobytes() for book in (before, after)]
    assert found[0] == found[1]


CUSTOMERS = """
    customer_id | country | effective_on | booked_on
    acme        | DE      |              |
    acme        | FR      | 2024-02-01   | 2024-03-01
    acme        | PL      | 2024-06-01   | 2024-05-01
"""


@pytest.mark.parametrize(("on", "country"), [
    ("2024-02-29", "DE"), ("2024-03-01", "FR"),     # effective before, known only now
    ("2024-05-31", "FR"), ("2024-06-01", "PL"),     # booked before, effective only now
])  # fmt: skip
def test_a_fact_counts_from_the_later_of_its_days(on: str, country: str) -> None:
    book = Ledger.from_frames(customers=drawn(CUSTOMERS), **{n: ledger()[n] for n in ("invoices", "payments")})
    assert customers_on(book.tables["customers"], on)["country"].tolist() == [country]
    assert book.customers["country"].tolist() == ["PL"]  # the last known


def test_two_rows_of_one_day_are_refused() -> None:
    with pytest.raises(LedgerError, match="customer_id must be unique, or its rows differ"):
        Ledger.from_frames(customers=drawn("customer_id | country\n a | DE\n a | FR"), **{
            n: ledger()[n] for n in ("invoices", "payments")
        })  # fmt: skip


INVOICES = """
    invoice_id | issued_on  | due_on     | amount | currency
    a          | 2024-01-10 | 2024-02-10 | 100    | USD
    b          | 2024-03-10 | 2024-04-10 | 100    | USD
    e          | 2024-01-10 | 2024-02-10 | 1      | EUR
"""
RATES = """
    currency | observed_on | rate | published_on
    USD      | 2024-01-01  | 0.90 |
    USD      | 2024-01-05  | 0.95 | 2024-02-01
"""


def test_a_rate_published_later_does_not_revalue_the_past() -> None:
    settlement = settle(ledger(invoices=INVOICES, exchange_rates=RATES))
    cents = dict(zip([settlement.invoice_ids[i] for i in settlement.invoice], settlement.amount_cents, strict=True))
    assert (cents["a"], cents["b"]) == (9_000, 9_500)  # on 10 January only 0.90 was published

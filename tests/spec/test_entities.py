"""Who a customer is over time, and in which money: mergers, re-keyed ids, groups, document and reporting amounts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
from pandas.testing import assert_frame_equal

from features.engine.prepared import prepare
from importing.engine.run import Options, import_files
from importing.formats.table import format_of
from ledger.ledger import Ledger, read_ledger
from ledger.settlement import settle
from tests.drawn import ledger

INVOICES = """
    invoice_id | customer_id | issued_on  | due_on     | amount
    a          | old         | 2024-01-02 | 2024-02-01 | 100
    b          | new         | 2024-01-05 | 2024-02-04 | 40
"""


def owed(prepared: Ledger, as_of: str) -> dict[str, int]:
    state = settle(prepared).at(as_of)
    return dict(state.groupby("customer_id")["document_open_cents"].sum())


def test_a_merger_is_valid_from_the_day_on_which_it_is_known() -> None:
    prepared = ledger(
        invoices=INVOICES, payments="customer_id | invoice_id | paid_on | amount\n old | | 2024-02-10 | 7",
        events="customer_id | occurred_on | booked_on | kind | detail\n old | 2024-03-01 | 2024-03-05 | merged_into | new",
    )  # fmt: skip
    assert owed(prepared, "2024-03-04") == {"old": 10000, "new": 4000}
    assert owed(prepared, "2024-03-05") == {"new": 14000}
    for day, owner in (("2024-03-04", "old"), ("2024-03-05", "new")):
        assert settle(prepared).unapplied_at(day)["customer_id"].tolist() == [owner]


def test_a_customer_whose_id_changed_twice_keeps_its_history() -> None:
    events = """
        customer_id | occurred_on | kind        | detail
        old         | 2024-03-01  | merged_into | mid
        mid         | 2024-04-01  | merged_into | new
    """
    customers = "customer_id\n old\n mid\n new"
    prepared = ledger(invoices=INVOICES, events=events, customers=customers)
    assert owed(prepared, "2024-02-29") == {"old": 10000, "new": 4000}
    assert owed(prepared, "2024-03-31") == {"mid": 10000, "new": 4000}
    assert owed(prepared, "2024-04-01") == {"new": 14000}


def test_a_merger_that_was_a_mistake_is_undone_from_the_day_of_its_correction() -> None:
    events = """
        event_id | customer_id | occurred_on | booked_on  | superseded_on | kind        | detail
        m        | old         | 2024-03-01  | 2024-03-01 | 2024-05-01    | merged_into | new
    """
    prepared = ledger(invoices=INVOICES, events=events, customers="customer_id\n old\n new")
    assert owed(prepared, "2024-04-30") == {"new": 14000}
    assert owed(prepared, "2024-05-01") == {"old": 10000, "new": 4000}


def test_parents_make_groups_and_an_import_brings_them(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("id,parent\nacme,holding\nbolt,acme\nholding,\nalone,\n")
    (tmp_path / "invoices.csv").write_text("no,who,day,due,amount\n1,acme,2024-01-02,2024-02-01,5\n")
    mapping = {
        "customers": {"columns": {"customer_id": "id", "parent_id": "parent"}},
        "invoices": {"columns": {"invoice_id": "no", "customer_id": "who", "issued_on": "day", "due_on": "due",
                                 "amount": "amount"}, "constants": {"currency": "EUR"}},
    }  # fmt: skip
    import_files(format_of(mapping, "test"), [tmp_path / "customers.csv", tmp_path / "invoices.csv"], tmp_path / "ledger",
                 Options(known_on=date(2024, 6, 30)))  # fmt: skip
    prepared = prepare(read_ledger(tmp_path / "ledger"))
    group = dict(zip(prepared.owners.ids, prepared.groups, strict=True))
    assert group["acme"] == group["bolt"] == group["holding"] >= 0
    assert group["alone"] == -1


RATES = "currency | observed_on | rate\n USD | 2024-01-01 | 0.50\n USD | 2024-02-01 | 0.80"
DOLLARS = """
    invoice_id | issued_on  | due_on     | amount | currency
    e          | 2024-01-02 | 2024-02-01 | 10     | EUR
    u          | 2024-01-15 | 2024-02-14 | 100    | USD
"""
PART = "invoice_id | paid_on | amount | currency\n u | 2024-02-10 | 30 | USD"


def test_the_document_currency_is_kept_and_reported_at_the_rate_of_the_invoice_date() -> None:
    prepared = ledger(invoices=DOLLARS, payments=PART, exchange_rates=RATES)
    state = settle(prepared).at("2024-03-01").set_index("invoice_id").loc["u"]
    assert (state["document_amount_cents"], state["document_open_cents"]) == (10000, 7000)
    # 100 x 0.50; the payment of 10 February settles at the invoice's rate, not at 0.80
    assert (state["amount_cents"], state["open_cents"]) == (5000, 3500)
    assert prepared.invoices.set_index("invoice_id").loc["u", ["amount", "currency"]].tolist() == [100.0, "USD"]


def test_later_rates_never_revalue_history() -> None:
    later = RATES + "\n USD | 2024-06-01 | 2.00"
    states = [
        settle(ledger(invoices=DOLLARS, payments=PART, exchange_rates=r)).at("2024-12-31") for r in (RATES, later)
    ]
    assert_frame_equal(*states, check_exact=True)
    assert isinstance(states[0], pd.DataFrame)

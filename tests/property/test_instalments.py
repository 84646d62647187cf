"""Instalments cut by known day as everything else does: leaks, two interpreters, deltas; and their sums are the invoice's."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from features.catalogue import CATALOGUE
from features.engine.histories import build, build_items
from features.engine.incremental import IncrementalLedger
from features.engine.partitioned import build_in_turn
from features.engine.prepared import PreparedLedger, prepare
from features.engine.reference import Reader
from features.engine.snapshots import active
from ledger.accounts import accounts
from ledger.contract import TABLES
from ledger.known import day, known_from, known_on
from ledger.ledger import Ledger
from ledger.open_items import open_items_on
from ledger.open_positions import positions
from ledger.receivables_series import kpi_series
from ledger.settlement import settle
from tests.books import DAYS, FIRST, planned_ledger

LEDGER = planned_ledger()
AS_OF = st.integers(60, DAYS + 120).map(lambda d: FIRST + pd.Timedelta(days=d))


@pytest.fixture(scope="module")
def prepared() -> PreparedLedger:
    return prepare(LEDGER)


def everyone(as_of: pd.Timestamp) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": LEDGER.customers["customer_id"], "as_of": as_of})


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    assert_frame_equal(found, expected, check_exact=True)


def test_the_fixture_holds_late_and_corrected_plans() -> None:
    plans = LEDGER["instalments"]
    invoices = LEDGER.invoices.drop_duplicates("invoice_id").set_index("invoice_id")["booked_on"]
    assert plans["superseded_on"].notna().sum() > 10
    assert (plans["booked_on"] > plans["invoice_id"].map(invoices)).sum() > 50
    disputed = LEDGER.events.loc[LEDGER.events["kind"] == "dispute_opened", "invoice_id"]
    assert plans["invoice_id"].isin(disputed).sum() > 5


@settings(max_examples=8, deadline=None)
@given(as_of=AS_OF)
def test_erasing_the_future_changes_nothing(prepared: PreparedLedger, as_of: pd.Timestamp) -> None:
    known = known_on(LEDGER, as_of)
    same(build(prepared, everyone(as_of)), build(known, everyone(as_of)))
    items = open_items_on(LEDGER, prepared.settlement, as_of)
    same(items, open_items_on(known, settle(known), as_of))
    if len(items):
        same(build_items(prepared, items), build_items(known, items))


@settings(max_examples=4, deadline=None)
@given(as_of=AS_OF)
def test_two_interpreters_read_one_declaration_to_the_last_bit(prepared: PreparedLedger, as_of: pd.Timestamp) -> None:
    matrix = build(prepared, everyone(as_of))
    for customer in ("c00", "c03", "c11"):
        reader = Reader(LEDGER, customer, as_of)
        for column in CATALOGUE.columns(level="customer"):
            if reader.can_read(column):
                expected, found = reader.value(column), matrix.loc[(customer, as_of), column.name]
                assert (np.isnan(expected) and np.isnan(found)) or expected == found, (
                    column.name,
                    customer,
                    expected,
                    found,
                )


def between(first: pd.Timestamp, last: pd.Timestamp) -> Ledger:
    """Return the rows that the books learned after `first` and up to `last`; customers are those of the whole."""
    tables = {}
    for name, frame in LEDGER.tables.items():
        known = known_from(frame, TABLES[name])
        kept = frame[(known > day(first)) & (known <= day(last))].reset_index(drop=True)
        if "superseded_on" in kept:
            kept["superseded_on"] = pd.Series(pd.NaT, index=kept.index).astype("datetime64[s]")
        tables[name] = kept
    return Ledger(tables=tables)


@settings(max_examples=5, deadline=None)
@given(start=st.integers(100, DAYS - 100), steps=st.lists(st.integers(1, 40), min_size=1, max_size=3))
def test_deltas_one_after_the_other_equal_all_rows_at_once(start: int, steps: list[int]) -> None:
    days = [FIRST + pd.Timedelta(days=int(d)) for d in np.cumsum([start, *steps])]
    grown = IncrementalLedger.of(prepare(known_on(LEDGER, days[0])))
    for before, after in itertools.pairwise(days):
        grown = grown.append(between(before, after))
    whole = prepare(known_on(LEDGER, days[-1]))
    same(grown.active([days[-1]]), active(whole, [days[-1]]))
    same(grown.build(everyone(days[-1])), build(whole, everyone(days[-1])))


def test_a_plan_that_comes_alone_reaches_its_customer() -> None:
    """A delta of nothing but instalments: the customer is the invoice's, whom no row of the delta names."""
    late = LEDGER["instalments"].merge(
        LEDGER.invoices.drop_duplicates("invoice_id")[["invoice_id", "booked_on"]],
        on="invoice_id",
        suffixes=("", "_of_invoice"),
    )
    plan = late[late["booked_on"] > late["booked_on_of_invoice"]].iloc[0]
    on = plan["booked_on"]
    own = LEDGER["instalments"][
        (LEDGER["instalments"]["invoice_id"] == plan["invoice_id"]) & (LEDGER["instalments"]["booked_on"] == on)
    ]
    before = known_on(LEDGER, on)
    without = Ledger(
        tables={
            **before.tables,
            "instalments": before["instalments"][before["instalments"]["invoice_id"] != plan["invoice_id"]],
        }
    )
    empty = {name: frame.iloc[:0] for name, frame in LEDGER.tables.items()}
    own = own.assign(superseded_on=pd.Series(pd.NaT, index=own.index).astype("datetime64[s]")).reset_index(drop=True)
    grown = IncrementalLedger.of(prepare(without)).append(Ledger(tables=empty | {"instalments": own}))
    same(grown.build(everyone(on)), build(prepare(before), everyone(on)))
    assert not build(prepare(without), everyone(on)).equals(build(prepare(before), everyone(on)))


@pytest.mark.parametrize("ahead", range(100, DAYS, 60))
def test_items_add_up_to_their_invoices(prepared: PreparedLedger, ahead: int) -> None:
    """Amounts to the cent; what is open, less what was overpaid, within the cent that one item may let go."""
    on = FIRST + pd.Timedelta(days=ahead)
    plain = settle(Ledger(tables={**LEDGER.tables, "instalments": LEDGER["instalments"].iloc[:0]})).at(on)
    state = prepared.settlement.at(on)
    sums = state.groupby("invoice_id")[["document_amount_cents", "document_open_cents", "document_excess_cents"]].sum()
    whole = plain.set_index("invoice_id").loc[sums.index]
    assert (sums["document_amount_cents"] == whole["document_amount_cents"]).all()
    left = sums["document_open_cents"] - sums["document_excess_cents"]
    assert (left == (whole["document_open_cents"] - whole["document_excess_cents"])).all()
    has_open = (state["closed_kind"] == "open").groupby(state["invoice_id"]).any()
    near = (whole["document_open_cents"] - whole["document_excess_cents"]).abs() <= 2
    assert ((has_open == (whole["closed_kind"] == "open")) | near).all()


def test_parts_of_a_partitioned_ledger_give_the_same_bits(tmp_path: Path) -> None:
    LEDGER.write(tmp_path / "ledger")
    days = [pd.Timestamp("2023-06-30")]
    build_in_turn(tmp_path / "ledger", days, tmp_path / "out", parts=3)
    found = pd.concat([pd.read_parquet(p) for p in sorted((tmp_path / "out").glob("part-*.parquet"))])
    found = found.sort_values(["as_of", "customer_id"], ignore_index=True)
    expected = build(LEDGER, active(LEDGER, days)).reset_index()
    numbers = [c for c in expected if c not in ("customer_id", "as_of")]
    same(found[numbers], expected[numbers])


@pytest.mark.parametrize("ahead", [300, 600, 900])
def test_every_reader_gives_one_answer_to_what_is_open(prepared: PreparedLedger, ahead: int) -> None:
    on, s = FIRST + pd.Timedelta(days=ahead), prepared.settlement
    entries, version = s.open_on(day(on))
    ids, cents = list(s.item_ids(entries)), int(s.open_cents[version].sum())
    state = s.at(on)
    assert int((state["closed_kind"] == "open").sum()) == len(entries)
    assert int(state["open_cents"].sum()) == cents
    items = open_items_on(LEDGER, s, on)
    assert sorted(items["item_id"]) == sorted(ids)
    held = accounts(s, list(s.owners.ids), day(on))
    assert sorted(held.items["item_id"]) == sorted(ids)
    assert round(held.customers["balance"].sum() * 100) == cents
    found = positions(LEDGER, s, on)
    assert int(found["reporting_open_cents"].sum()) == cents
    (row,) = kpi_series(LEDGER, [on.date()], by="portfolio", days_in_period=90, settlement=s).to_dict("records")
    assert round(row["closing"] * 100) == cents

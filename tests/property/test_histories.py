"""No row that was not known on as_of changes a feature, whatever it is; and what else must hold for any ledger."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from features.catalogue import CATALOGUE
from features.engine.histories import build, build_items, missing_codes
from features.engine.prepared import PreparedLedger, prepare
from features.engine.reference import Reader
from features.engine.snapshots import active
from features.language import Risk, Unit
from ledger.contract import TABLES
from ledger.known import day, known_from, known_on
from ledger.ledger import Ledger
from tests.books import DAYS, FIRST, odd_ledger

LEDGER = odd_ledger()
AS_OF = st.integers(40, DAYS + 200).map(lambda d: FIRST + pd.Timedelta(days=d))
DIRECTED = [c for c in CATALOGUE.columns(level="customer") if c.risk is not Risk.NONE]


@cache
def prepared() -> PreparedLedger:
    return prepare(LEDGER)


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Equal to the last bit, missing values included."""
    assert_frame_equal(left, right, check_exact=True)
    assert left.to_numpy().tobytes() == right.to_numpy().tobytes()


def everyone(as_of: pd.Timestamp) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": LEDGER.customers["customer_id"], "as_of": as_of})


def items(as_of: pd.Timestamp) -> pd.DataFrame:
    """Invoices known on the day, and the same as if they were not issued yet."""
    known = known_on(LEDGER, as_of).invoices
    known = known[known["kind"] == "invoice"].sample(frac=0.2, random_state=1)
    asked = known[["customer_id", "invoice_id", "issued_on", "due_on", "amount", "currency"]].assign(as_of=as_of)
    return pd.concat([asked, asked.assign(invoice_id=None)], ignore_index=True)


def corrupted(ledger: Ledger, as_of: pd.Timestamp) -> Ledger:
    """Every row not known on as_of with another amount, customer, kind and date (later still), and every correction that
    was not known taken away."""
    at, tables = day(as_of), {}
    for name, frame in ledger.tables.items():
        table = TABLES[name]
        if table.event is None:
            continue
        frame = frame.copy()
        future = known_from(frame, table) > at
        n, rng = int(future.sum()), np.random.default_rng(at)
        if n:
            if "amount" in frame:
                frame.loc[future, "amount"] = frame.loc[future, "amount"].fillna(1.0) * 3 + 1
            for column in ("credit_limit", "rate"):
                if column in frame:
                    frame.loc[future, column] = frame.loc[future, column] * 7
            if name in ("events", "payments"):
                frame.loc[future, "kind"] = rng.permutation(frame.loc[future, "kind"].to_numpy())
                frame.loc[future, "customer_id"] = rng.permutation(frame.loc[future, "customer_id"].to_numpy())
            if name == "events":
                frame = frame[~(future & (frame["kind"] == "merged_into").to_numpy())]
                future = known_from(frame, table) > at
            frame.loc[future, table.known or table.event] += pd.Timedelta(days=5)
        if "superseded_on" in frame:
            undone = frame["superseded_on"].notna() & (frame["superseded_on"] > as_of)
            frame = frame[
                ~(known_from(frame, table) > at) | ~frame[next(iter(table.key))].isin(frame.loc[undone, table.key[0]])
            ]
            frame.loc[frame["superseded_on"] > as_of, "superseded_on"] = pd.NaT
        tables[name] = frame
    return Ledger.from_frames(
        references=False, **{k: v for k, v in tables.items() if len(v)}, customers=ledger.customers
    )


def test_the_fixture_holds_what_makes_a_leak_test_strong() -> None:
    invoices, payments, events = LEDGER.invoices, LEDGER.payments, LEDGER.events
    assert (payments["booked_on"] > payments["paid_on"]).sum() > 50, "late bookings"
    assert (payments.groupby("invoice_id")["payment_id"].nunique() > 1).sum() > 50, "part payments"
    notes = invoices[invoices["kind"] == "credit_note"]
    assert (notes["booked_on"] > notes["issued_on"]).sum() > 10, "back-dated credit notes"
    assert invoices["superseded_on"].notna().sum() > 5, "corrected invoices"
    assert payments["superseded_on"].notna().sum() > 5, "corrected payments"
    assert set(payments["kind"]) == {"payment", "reversal", "refund", "netting", "factoring"}
    assert (events["kind"] == "merged_into").sum() == 2
    assert payments["invoice_id"].isna().sum() > 10
    held = invoices[invoices["kind"] == "invoice"].groupby("invoice_id")["booked_on"].min()
    assert (payments["booked_on"] < payments["invoice_id"].map(held)).any(), "a payment booked before its invoice"
    state = prepare(LEDGER).settlement.at(FIRST + pd.Timedelta(days=DAYS + 200))
    assert set(state["closed_kind"]) == {"open", "paid", "credited", "factored", "written_off"}


@settings(max_examples=12, deadline=None)
@given(as_of=AS_OF)
def test_erasing_the_future_changes_nothing(as_of: pd.Timestamp) -> None:
    known = known_on(LEDGER, as_of)
    same(build(prepared(), everyone(as_of)), build(known, everyone(as_of)))
    if len(asked := items(as_of)):
        same(build_items(prepared(), asked), build_items(known, asked))


@settings(max_examples=12, deadline=None)
@given(as_of=AS_OF)
def test_corrupting_the_future_changes_nothing(as_of: pd.Timestamp) -> None:
    other = corrupted(LEDGER, as_of)
    same(build(prepared(), everyone(as_of)), build(other, everyone(as_of)))
    assert_frame_equal(active(prepared(), [as_of]), active(other, [as_of]))
    if len(asked := items(as_of)):
        same(build_items(prepared(), asked), build_items(other, asked))


@settings(max_examples=6, deadline=None)
@given(as_of=AS_OF)
def test_two_interpreters_read_one_declaration_to_the_last_bit(as_of: pd.Timestamp) -> None:
    matrix = build(prepared(), everyone(as_of))
    codes = missing_codes(prepared(), matrix)
    for customer in ("c00", "c03", "c10", "c11"):
        reader = Reader(LEDGER, customer, as_of)
        for column in CATALOGUE.columns(level="customer"):
            if reader.can_read(column):
                expected, found = reader.value(column), matrix.loc[(customer, as_of), column.name]
                where = (column.name, customer, expected, found)
                assert expected == found or (np.isnan(expected) and np.isnan(found)), where
                code = reader.missing(column) if np.isnan(expected) else 0
                assert codes.loc[(customer, as_of), column.name] == code, where


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 999), as_of=AS_OF)
def test_order_of_rows_is_irrelevant(seed: int, as_of: pd.Timestamp) -> None:
    shuffled = Ledger(tables={
        name: frame.sample(frac=1, random_state=seed).reset_index(drop=True) for name, frame in LEDGER.tables.items()
    })  # fmt: skip
    same(build(prepared(), everyone(as_of)), build(shuffled, everyone(as_of)))


@settings(max_examples=20, deadline=None)
@given(days=st.lists(AS_OF, min_size=2, max_size=6, unique=True), pick=st.integers(0, 10**6))
def test_one_snapshot_alone_is_as_in_batch_and_online(days: list[pd.Timestamp], pick: int) -> None:
    batch = (
        pd.concat([everyone(d) for d in days], ignore_index=True)
        .sample(frac=1, random_state=pick)
        .reset_index(drop=True)
    )
    matrix = build(prepared(), batch)
    k = pick % len(batch)
    same(build(prepared(), batch.iloc[[k]]), matrix.iloc[[k]])


@settings(max_examples=6, deadline=None)
@given(as_of=AS_OF, customer=st.sampled_from(["c00", "c01", "c05", "c11"]))
def test_a_customer_from_its_own_small_ledger_is_as_in_the_book(as_of: pd.Timestamp, customer: str) -> None:
    """Online: the same numbers from a ledger in a request's body, but for columns that look at other customers."""
    members = [customer] if customer != "c11" else ["c09", "c10", "c11"]
    alone = LEDGER.of(members)
    asked = pd.DataFrame({"customer_id": [customer], "as_of": [as_of]})
    own = [c.name for c in CATALOGUE.columns(level="customer") if c.family not in ("peers",)]
    same(build(prepared(), asked)[own], build(alone, asked)[own])


@pytest.mark.parametrize("k", [2, 10])
def test_money_features_scale_with_money_and_no_others(k: int) -> None:
    """Amounts in one currency times k (whole cents stay whole): money times k, everything else as before."""
    one_currency = LEDGER.tables | {
        "invoices": LEDGER.invoices.assign(currency="EUR"), "payments": LEDGER.payments.assign(currency="EUR"),
    }  # fmt: skip
    scaled = dict(one_currency)
    for name, columns in (("invoices", ["amount"]), ("payments", ["amount"]), ("events", ["amount"]),
                          ("credit_terms", ["credit_limit", "insured_limit"])):  # fmt: skip
        scaled[name] = scaled[name].assign(**{c: scaled[name][c] * k for c in columns})
    scaled["attributes"] = scaled["attributes"].assign(
        value=[
            str(float(v) * k) if n == "monthly_revenue" else v
            for n, v in scaled["attributes"][["name", "value"]].to_numpy()
        ]
    )
    asked = pd.concat([everyone(FIRST + pd.Timedelta(days=d)) for d in (200, 500, 900)], ignore_index=True)
    before, after = build(Ledger(tables=one_currency), asked), build(Ledger(tables=scaled), asked)
    for column in CATALOGUE.columns(level="customer"):
        factor = k if column.unit is Unit.MONEY else 1
        # the tolerance of a cent decides whether an invoice counts as settled, so a cent may tip what is exactly at it
        np.testing.assert_allclose(
            after[column.name], before[column.name] * factor, rtol=1e-9, atol=1e-9, err_msg=column.name
        )


@settings(max_examples=20, deadline=None)
@given(as_of=AS_OF, seed=st.integers(0, 10**6), by=st.integers(1, 90))
def test_a_worse_payer_never_gets_a_better_value(as_of: pd.Timestamp, seed: int, by: int) -> None:
    """Payments made later, promises broken, cheques bounced: a directed column never moves against its direction."""
    plain, asked = plain_ledger(), everyone(as_of)
    rng = np.random.default_rng(seed)
    later = pd.to_timedelta(np.where(rng.random(len(plain.payments)) < 0.3, by, 0), unit="D")
    payments = plain.payments.assign(
        paid_on=(plain.payments["paid_on"] + later).astype("datetime64[s]"),
        booked_on=(plain.payments["booked_on"] + later).astype("datetime64[s]"),
    )
    adverse = plain.events[plain.events["kind"].isin(["promise_broken", "payment_bounced", "order_blocked"])].sample(
        5, random_state=seed
    )
    events = pd.concat([plain.events, adverse.assign(event_id=[f"x{i}" for i in range(5)])], ignore_index=True)
    worse = Ledger(tables=plain.tables | {"payments": payments, "events": events})
    before, after = build(plain_book(), asked), build(worse, asked)
    for column in DIRECTED:
        both = before[column.name].notna() & after[column.name].notna()
        moved = (after[column.name] - before[column.name])[both] * int(column.risk)
        assert (moved >= -1e-9).all(), f"{column.name} improves: {moved.min()}"


@cache
def plain_ledger() -> Ledger:
    """Payments alone move invoices: nothing is credited, sold, written off, corrected or reversed."""
    invoices = LEDGER.invoices[(LEDGER.invoices["kind"] == "invoice") & LEDGER.invoices["superseded_on"].isna()]
    payments = LEDGER.payments[(LEDGER.payments["kind"] == "payment") & LEDGER.payments["superseded_on"].isna()]
    events = LEDGER.events[~LEDGER.events["kind"].isin(["write_off", "merged_into"])]
    return Ledger(tables=LEDGER.tables | {
        "invoices": invoices.reset_index(drop=True), "payments": payments.reset_index(drop=True), "events": events.reset_index(drop=True),
    })  # fmt: skip


@cache
def plain_book() -> PreparedLedger:
    return prepare(plain_ledger())

"""A book that took in deltas answers as one prepared from all rows would, to the last bit."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from features.engine.histories import build
from features.engine.incremental import IncrementalLedger
from features.engine.prepared import prepare
from features.engine.snapshots import active
from ledger.contract import TABLES
from ledger.known import day, known_from, known_on
from ledger.ledger import Ledger
from tests.books import DAYS, FIRST, odd_ledger

LEDGER = odd_ledger()


def between(first: pd.Timestamp, last: pd.Timestamp) -> Ledger:
    """The rows that the books learned after `first` and up to `last`; customers are those of the whole."""
    tables = {}
    for name, frame in LEDGER.tables.items():
        table = TABLES[name]
        known = known_from(frame, table)
        kept = frame[(known > day(first)) & (known <= day(last))] if table.event else frame.iloc[:0]
        tables[name] = (
            kept.assign(superseded_on=pd.Series(pd.NaT, index=kept.index).astype("datetime64[s]"))
            if "superseded_on" in kept
            else kept
        )
    return Ledger(tables={name: frame.reset_index(drop=True) for name, frame in tables.items()})


@settings(max_examples=6, deadline=None)
@given(start=st.integers(100, DAYS - 100), steps=st.lists(st.integers(1, 40), min_size=1, max_size=3))
def test_deltas_one_after_the_other_equal_all_rows_at_once(start: int, steps: list[int]) -> None:
    days = [FIRST + pd.Timedelta(days=int(d)) for d in np.cumsum([start, *steps])]
    prepared = IncrementalLedger.of(prepare(known_on(LEDGER, days[0])))
    for before, after in itertools.pairwise(days):
        prepared = prepared.append(between(before, after))
    whole = prepare(known_on(LEDGER, days[-1]))
    assert_frame_equal(prepared.active([days[-1]]), active(whole, [days[-1]]))
    asked = pd.DataFrame({"customer_id": LEDGER.customers["customer_id"], "as_of": days[-1]})
    grown, expected = prepared.build(asked), build(whole, asked)
    assert_frame_equal(grown, expected, check_exact=True)
    assert grown.to_numpy().tobytes() == expected.to_numpy().tobytes()


def test_a_delta_of_few_customers_recomputes_few() -> None:
    base = prepare(known_on(LEDGER, "2023-06-30"))
    one = LEDGER.payments[
        (LEDGER.payments["customer_id"] == "c05") & (LEDGER.payments["booked_on"] > "2023-06-30")
    ].head(1)
    empty = {name: frame.iloc[:0] for name, frame in LEDGER.tables.items()}
    grown = IncrementalLedger.of(base).append(Ledger(tables=empty | {"payments": one.reset_index(drop=True)}))
    assert list(grown.parts) == ["c05"]
    assert grown.part_of("c05").ledger.customers["customer_id"].tolist() == ["c05"]


@settings(max_examples=6, deadline=None)
@given(start=st.integers(100, DAYS - 150), steps=st.lists(st.integers(1, 40), min_size=2, max_size=4))
def test_rows_of_customers_alone_are_prepared_customer_by_customer(start: int, steps: list[int]) -> None:
    days = [FIRST + pd.Timedelta(days=int(d)) for d in np.cumsum([start, *steps])]
    shared = {name: frame for name, frame in known_on(LEDGER, days[-1]).tables.items() if "customer_id" not in frame}
    shared = {name: frame for name, frame in shared.items() if name != "instalments"}
    shared["customers"] = known_on(LEDGER, days[-1]).customers
    empty = {name: frame.iloc[:0] for name, frame in shared.items()}
    grown = IncrementalLedger.of(prepare(Ledger(tables={**known_on(LEDGER, days[0]).tables, **shared})))
    for before, after in itertools.pairwise(days):
        delta = between(before, after).tables
        if len(merged := delta["events"][delta["events"]["kind"] == "merged_into"]):
            delta = {**delta, "events": delta["events"].drop(merged.index)}
        for customer in LEDGER.customers["customer_id"]:
            one = {name: f[f["customer_id"] == customer] if "customer_id" in f else f for name, f in delta.items()}
            if any(len(one[name]) for name in ("invoices", "payments", "events")):
                grown = grown.append(Ledger(tables={**{n: f.reset_index(drop=True) for n, f in one.items()}, **empty}))
    whole = prepare(grown.whole())
    asked = pd.DataFrame({"customer_id": LEDGER.customers["customer_id"], "as_of": days[-1]})
    assert_frame_equal(grown.build(asked), build(whole, asked), check_exact=True)
    assert_frame_equal(grown.active([days[-1]]), active(whole, [days[-1]]))
    together = build(grown.together, asked[asked["customer_id"].isin(list(grown.parts))])
    assert_frame_equal(together, build(whole, asked[asked["customer_id"].isin(list(grown.parts))]), check_exact=True)

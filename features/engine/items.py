"""Compute the columns of one item: its own dates and amount, its state in the books, and columns made of these and of histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.engine.compiled import walk
from features.engine.due_dates import days_moved
from features.engine.prepared import PreparedLedger
from features.engine.similar_invoices import LIKE_GIVENS, similar_values
from features.language import Column, Node
from ledger.currency import CENTS, reporting_cents
from ledger.errors import InputError
from ledger.instalments import numbers_of
from ledger.known import Days, is_known
from ledger.owners import Codes
from ledger.settlement import OPEN, last_versions
from ledger.working_days import closed_days_near, days_to_working_day, without_own_system

Values = NDArray[np.float64]
DAYS_BEFORE_DUE, DAYS_AFTER_DUE = 16, 36  # of the calendar near the due date; 53 days are what a float64 holds as bits
ITEM_KEYS = ("customer_id", "as_of", "issued_on", "due_on", "amount", "currency")


def item_values(
    prepared: PreparedLedger, items: pd.DataFrame, customer: Codes, as_of: Days, wanted: Sequence[Column]
) -> dict[str, Values]:
    """Return a mapping from name to one value an item: what the `wanted` item columns may name with `given`.

    Earlier invoices like the item are gone through only where a wanted column names a value made of them. An item that the books do not hold on as_of (not issued yet, hypothetical) counts as wholly open with nothing paid. Everything
    about the due date counts from the usual one where the stated one is implausible (`features.engine.due_dates`).
    """
    issued, stated = (_days(items, name) for name in ("issued_on", "due_on"))
    entry, version = _states(prepared, items, as_of, stated)
    held = entry >= 0
    own = np.where(held, prepared.item_codes[entry], -1) if len(prepared.item_codes) else entry
    moved = days_moved(prepared, customer, as_of, issued, stated, own)
    due = stated - moved
    cents = reporting_cents(items["amount"].reset_index(drop=True), items["currency"].reset_index(drop=True),
                            items["issued_on"].reset_index(drop=True), prepared.ledger)  # fmt: skip
    s = prepared.settlement
    is_open = np.where(held, s.closed_kind[version] == OPEN, False) if len(s.closed_kind) else held
    left = np.where(held, s.open_cents[version], cents) if len(s.closed_kind) else cents
    due_day, month = due.astype("datetime64[D]"), due.astype("datetime64[D]").astype("datetime64[M]")
    month_end = (month + 1).astype("datetime64[D]") - 1
    named = {node.args[0] for column in wanted for node in walk(column.value) if node.op == "given"}
    like = named.intersection(LIKE_GIVENS)
    countries, currencies = prepared.countries_on(customer, as_of), items["currency"].to_numpy(dtype=str)
    paying = without_own_system(countries, currencies)
    alike = similar_values(prepared, customer, as_of, issued, due, cents, own) if like else {}
    return {name: alike[name] for name in like} | {
        "item_amount": cents / CENTS,
        "item_open_amount": left / CENTS,
        "item_terms_days": (due - issued).astype(np.float64),
        "item_due_moved_days": moved.astype(np.float64),
        "item_days_open": np.maximum(as_of - issued, 0).astype(np.float64),
        "item_days_past_due": np.maximum(as_of - due, 0).astype(np.float64),
        "item_days_until_due": np.maximum(due - as_of, 0).astype(np.float64),
        "item_due_weekday": ((due + 3) % 7).astype(np.float64),
        "item_issued_weekday": ((issued + 3) % 7).astype(np.float64),
        "item_due_day_of_month": (due_day - month.astype("datetime64[D]")).astype(np.float64) + 1,
        "item_due_days_to_month_end": (month_end - due_day).astype(np.float64),
        "item_due_month": (month.astype(np.int64) % 12 + 1).astype(np.float64),
        "item_due_days_to_working_day": days_to_working_day(countries, currencies, due).astype(np.float64),
        "item_closed_days": closed_days_near(paying, currencies, due, DAYS_BEFORE_DUE, DAYS_AFTER_DUE).astype(np.float64),
        "item_is_held": held.astype(np.float64),
        "item_is_open": is_open.astype(np.float64),
        "item_payments": np.where(held, s.count_payments[version], 0).astype(np.float64) if len(s.closed_kind) else np.zeros(len(items)),
        "item_is_disputed": np.where(held, s.is_disputed[version], False).astype(np.float64) if len(s.closed_kind) else np.zeros(len(items)),
    }  # fmt: skip


def item_columns(
    columns: Sequence[Column], history: Mapping[str, Values], context: Mapping[str, Values]
) -> dict[str, Values]:
    """Return the item columns' values, element by element in float64: one item alone gives the same bits as many."""
    found: dict[str, Values] = {}
    for column in columns:
        values = np.array(_value(column.value, {**history, **found}, context), dtype=np.float64)
        values[np.isnan(values)] = np.nan  # one pattern of bits for missing
        found[column.name] = values
    return found


def _value(node: Node | float, columns: Mapping[str, Values], context: Mapping[str, Values]) -> Values:
    if not isinstance(node, Node):
        return np.asarray(node, dtype=np.float64)
    if node.op in ("given", "column"):
        values, name = (context if node.op == "given" else columns), node.args[0]
        if name not in values:
            raise InputError(f"'{name}' is no value of an item; there are {', '.join(values)}.")
        return values[name]
    left, right = (_value(arg, columns, context) for arg in (*node.args, 0.0)[:2])
    with np.errstate(divide="ignore", invalid="ignore"):
        if node.op == "ratio":
            return np.where(right != 0, left / right, np.nan)
        if node.op == "atleast":
            return np.where(left < right, right, left)
        if node.op in _COMPARED:
            return np.where(np.isnan(left) | np.isnan(right), np.nan, _COMPARED[node.op](left, right))
        if node.op in _COMPUTED:
            return _COMPUTED[node.op](left, right)
    raise InputError(f"'{node.op}' is not an operation on items.")


_COMPUTED = {"add": np.add, "sub": np.subtract, "mul": np.multiply}
_COMPARED = {"gt": np.greater, "ge": np.greater_equal, "lt": np.less, "le": np.less_equal, "eq": np.equal}


def _days(items: pd.DataFrame, name: str) -> NDArray[np.int64]:
    column = pd.DatetimeIndex(items[name])
    if column.hasnans:
        raise InputError(f"items.{name}: must not be empty; {int(np.sum(column.isna())):,} of {len(items):,} are.")
    return column.to_numpy().astype("datetime64[D]").astype(np.int64)


def _states(
    prepared: PreparedLedger, items: pd.DataFrame, as_of: Days, due: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (entry, version) of each item in the settlement as known on its day; entry -1 where the books do not
    hold it.

    An instalment is found by invoice_id and number; where no number is given, by invoice_id and due day.
    """
    s = prepared.settlement
    entry, version = np.full(len(items), -1, dtype=np.int64), np.zeros(len(items), dtype=np.int64)
    if "invoice_id" not in items or not len(s.invoice):
        return entry, version
    requested = np.flatnonzero(items["invoice_id"].notna().to_numpy())
    code = prepared.invoice_index.get_indexer(pd.Index(items["invoice_id"].to_numpy(dtype=object)[requested]))
    requested, code = requested[code >= 0], code[code >= 0]
    number = numbers_of(items)
    order, start = prepared.entries_of_invoices
    for step in range(int(np.diff(start).max(initial=0))):
        has = start[code] + step < start[code + 1]
        candidate = order[start[code[has]] + step]
        at = as_of[requested[has]]
        alive = is_known(s.known_from[candidate], s.known_until[candidate], at)
        if s.has_instalments:
            wanted, of_plan = number[requested[has]], s.number[candidate]
            is_due = (wanted == 0) & (s.due_on[candidate] == due[requested[has]])
            alive &= (of_plan == wanted) | ((of_plan > 0) & is_due)
        entry[requested[has][alive]] = candidate[alive]
    held = np.flatnonzero(entry >= 0)
    for day in np.unique(as_of[held]):
        on_day = held[as_of[held] == day]
        version[on_day] = last_versions(s.version_start, s.version_known_from, entry[on_day], day)
    return entry, version

"""Build the point-in-time feature matrix: one row per (customer_id, as_of) or per item, from rows the books held by the end of as_of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from features.engine import compiled
from features.engine.context_values import GIVENS, GROUP_COLUMNS, values_of_context
from features.engine.items import ITEM_KEYS, item_columns, item_values
from features.engine.missing import codes_of, presence_columns
from features.engine.prepared import PreparedLedger, prepare
from features.language import Column, Level
from ledger.errors import InputError
from ledger.known import NEVER, Days
from ledger.ledger import Ledger
from ledger.sorting import by_group
from ledger.text_codes import Codes
from ledger.threads import THREADS, on_ranges

SMALLEST_SHARE = 256  # snapshots below which a second thread costs more than it brings

Matrix = NDArray[np.float64]


def build(
    known: Ledger | PreparedLedger,
    snapshots: pd.DataFrame,
    columns: Sequence[str] | None = None,
    *,
    is_narrow: bool = False,
) -> pd.DataFrame:
    """Return the customer columns of the catalogue as known at the end of each snapshot's day.

    Parameters
    ----------
    known : a ledger, or what `prepare` made of one (to use it more than once).
    snapshots : frame with customer_id and as_of, one row a snapshot, in any order.
    columns : names of customer columns; None for all of them.
    is_narrow : compile a loop for just these columns. Worth it for many millions of rows; the values are the same.

    Returns
    -------
    A float64 frame of one row a snapshot in the order given, indexed by (customer_id, as_of). NaN is a missing value;
    `missing_codes` says which of three meanings it has.

    Raises
    ------
    InputError : an unknown column, a customer that the ledger does not have, a day that is empty.

    Examples
    --------
    One invoice, paid ten days late; the payment was booked a day after it was made.

    >>> import pandas as pd
    >>> from ledger.ledger import Ledger
    >>> ledger = Ledger.from_frames(
    ...     customers=pd.DataFrame({"customer_id": ["acme"]}),
    ...     invoices=pd.DataFrame({
    ...         "invoice_id": ["a"], "customer_id": ["acme"], "kind": ["invoice"], "issued_on": ["2024-01-02"],
    ...         "due_on": ["2024-02-01"], "amount": [100.0], "currency": ["EUR"]}),
    ...     payments=pd.DataFrame({
    ...         "payment_id": ["p"], "customer_id": ["acme"], "invoice_id": ["a"], "paid_on": ["2024-02-11"], "booked_on": ["2024-02-12"],
    ...         "amount": [100.0], "currency": ["EUR"], "kind": ["payment"]}))
    >>> snapshots = pd.DataFrame({"customer_id": "acme", "as_of": pd.to_datetime(["2024-02-11", "2024-02-12"])})
    >>> build(ledger, snapshots, ["late_share_12m", "overdue_amount"]).to_numpy().tolist()
    [[1.0, 100.0], [1.0, 0.0]]
    """
    prepared = known if isinstance(known, PreparedLedger) else prepare(known)
    layout = _layout(None if columns is None else tuple(columns), is_narrow)
    customer, days = _requested(prepared, snapshots)
    matrix = rows_of(prepared, customer, days, layout.computed)
    if layout.places is not None:
        matrix = matrix[:, layout.places]
    return pd.DataFrame(matrix, index=_index(prepared, customer, days), columns=layout.names.view(), copy=False)


def build_items(
    known: Ledger | PreparedLedger, items: pd.DataFrame, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return the customer columns on each item's day, and the columns of the item itself.

    Parameters
    ----------
    known : a ledger, or what `prepare` made of one.
    items : frame with customer_id, as_of, issued_on, due_on, amount, currency and perhaps invoice_id (missing: an invoice
        not issued yet). History is cut at as_of; an item's own dates and amount always count, so that as_of may be the day
        before issued_on.
    columns : names of customer and item columns; None for all of them.

    Returns
    -------
    A float64 frame of one row an item in the order given, indexed by (customer_id, as_of).

    Raises
    ------
    InputError : a missing column of `items`, and as `build` does.
    """
    prepared = known if isinstance(known, PreparedLedger) else prepare(known)
    lacking = [name for name in ITEM_KEYS if name not in items]
    if lacking:
        raise InputError(
            f"items: columns {', '.join(lacking)} are missing; found {', '.join(map(str, items.columns))}."
        )
    chosen = _chosen(columns, None)
    customer, days = _requested(prepared, items)
    # each customer and day is computed once, however many items ask for it
    pair = customer.astype(np.int64) << 32 | (days.astype(np.int64) + 2**31)
    distinct, place = np.unique(pair, return_inverse=True)
    every = list(CATALOGUE.columns(level=Level.CUSTOMER))
    history = rows_of(
        prepared, (distinct >> 32).astype(np.int32), ((distinct & (2**32 - 1)) - 2**31).astype(np.int32), every
    )[place]
    named = {column.name: history[:, i] for i, column in enumerate(every)}
    wanted = [c for c in chosen if c.level is Level.ITEM]
    named |= item_columns(wanted, named, item_values(prepared, items, customer, days, wanted))
    index = _index(prepared, customer, days)
    if columns is None:
        own = np.column_stack([named[c.name] for c in wanted]) if wanted else np.empty((len(items), 0))
        return pd.DataFrame(
            np.hstack([history, own]), index=index, columns=[c.name for c in (*every, *wanted)], copy=False
        )
    return pd.DataFrame(np.column_stack([named[c.name] for c in chosen]), index=index, columns=[c.name for c in chosen])


def missing_codes(known: Ledger | PreparedLedger, frame: pd.DataFrame) -> pd.DataFrame:
    """Return why each value of a matrix is missing: int8 of the same shape; 0 present, 1 no history, 2 not reported,
    3 not applicable.

    Parameters
    ----------
    known : the ledger that the matrix was built from, prepared or not.
    frame : what `build` or `build_items` gave, or some of its rows and columns.
    """
    prepared = known if isinstance(known, PreparedLedger) else prepare(known)
    customer, days = _requested(prepared, frame.index.to_frame(index=False))
    presence = _computed_rows(prepared, customer, days, _presence_kernel(), len(presence_columns()))
    codes = codes_of(frame, prepared, customer, days, presence, _context(prepared, customer, days))
    return pd.DataFrame(codes, index=frame.index, columns=frame.columns)


def rows_of(prepared: PreparedLedger, customer: Codes, days: Days, columns: Sequence[Column]) -> Matrix:
    """Return the matrix for customers by code and days since 1970-01-01; code -1 is a customer without any row."""
    return _computed_rows(prepared, customer, days, _kernel(tuple([column.name for column in columns])), len(columns))


def _computed_rows(prepared: PreparedLedger, customer: Codes, days: Days, kernel: _Kernel, columns: int) -> Matrix:
    out = np.empty((len(customer), columns))
    context = _context(prepared, customer, days) if kernel.reads_context else np.empty((len(customer), 0))
    # a customer's days next to one another: its rows stay in the processor's cache
    order, _ = by_group(customer + np.int32(1), len(prepared.owners.ids) + 1, days)
    arguments = [part for name in kernel.populations for part in (prepared.starts[name], prepared.rows[name])]
    on_ranges(
        lambda lo, hi: kernel.run(lo, hi, order, customer, days, *arguments, context, prepared.longest, out),
        _bounds(prepared, customer[order]),
    )
    return out


def _context(prepared: PreparedLedger, customer: Codes, days: Days) -> Matrix:
    group_columns = [CATALOGUE[name] for name in GROUP_COLUMNS]
    parts = prepared.by_master(days)
    found = [
        values_of_context(
            part, customer[places], days[places], lambda members, on: rows_of(prepared, members, on, group_columns)
        )
        for part, places in parts
    ]
    if len(found) == 1:
        return found[0]
    whole = np.empty((len(days), found[0].shape[1]), dtype=found[0].dtype)
    for (_, places), values in zip(parts, found, strict=True):
        whole[places] = values
    return whole


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """The columns that a loop computes, and where the requested ones stand among them (None: they are all of them, in order)."""

    computed: tuple[Column, ...]
    names: pd.Index
    places: NDArray[np.int64] | None


@cache
def _layout(names: tuple[str, ...] | None, is_narrow: bool) -> _Layout:
    chosen = _chosen(names, Level.CUSTOMER)
    computed = tuple(_computed(chosen, is_narrow))
    place = {column.name: k for k, column in enumerate(computed)}
    places = np.array([place[column.name] for column in chosen], dtype=np.int64)
    is_whole = len(places) == len(computed) and bool((places == np.arange(len(places))).all())
    return _Layout(
        computed=computed, names=pd.Index([column.name for column in chosen]), places=None if is_whole else places
    )


@dataclass(frozen=True, kw_only=True)
class _Kernel:
    """The compiled loops of a set of columns, and what they read."""

    run: compiled.Kernel
    populations: tuple[str, ...]
    reads_context: bool


@cache
def _kernel(names: tuple[str, ...]) -> _Kernel:
    return _kernel_of([CATALOGUE[name] for name in names])


@cache
def _presence_kernel() -> _Kernel:
    return _kernel_of(presence_columns())


def _kernel_of(columns: Sequence[Column]) -> _Kernel:
    source = compiled.source_of(columns, GIVENS)
    return _Kernel(
        run=compiled.load(source).run, populations=compiled.populations_in(source),
        reads_context=any(node.op == "given" for column in columns for node in compiled.walk(column.value)),
    )  # fmt: skip


def _bounds(prepared: PreparedLedger, customer: Codes) -> list[int]:
    """Return where ranges of about equal work begin and end, small enough that two threads end together."""
    if len(customer) < SMALLEST_SHARE:
        return [0, len(customer)]
    work = np.cumsum(np.diff(prepared.starts["invoices"])[customer] + 20)
    parts = min(8 * THREADS, max(THREADS, len(customer) // SMALLEST_SHARE))
    bounds = np.searchsorted(work, np.linspace(0, work[-1], parts + 1)[1:-1])
    return sorted({0, *(int(b) for b in bounds), len(customer)})


def _chosen(names: Sequence[str] | None, level: Level | None) -> list[Column]:
    known = {c.name: c for c in CATALOGUE.columns(level=level)}
    if names is None:
        return list(known.values())
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            f"columns: {', '.join(unknown)} are not in the catalogue{f' at level {level.value}' if level else ''}; see features/catalogue/CATALOGUE.md."
        )
    return [known[name] for name in names]


def _computed(chosen: list[Column], is_narrow: bool) -> list[Column]:
    """Return the columns that the loop computes: all of them, or the chosen ones and those they refer to."""
    if not is_narrow:
        return list(CATALOGUE.columns(level=Level.CUSTOMER))
    known, wanted = {c.name: c for c in CATALOGUE.columns(level=Level.CUSTOMER)}, {c.name: c for c in chosen}
    pending = list(chosen)
    while pending:
        for node in compiled.walk(pending.pop().value):
            if node.op == "column" and node.args[0] not in wanted:
                wanted[node.args[0]] = known[node.args[0]]
                pending.append(known[node.args[0]])
    return list(wanted.values())


def _index(prepared: PreparedLedger, customer: Codes, days: Days) -> pd.MultiIndex:
    """Return (customer_id, as_of) of each row, from codes: nothing is looked up again."""
    first = int(days.min(initial=NEVER))
    is_asked = np.bincount(days - np.int32(first)) > 0
    distinct, place = first + np.flatnonzero(is_asked), (np.cumsum(is_asked) - 1)[days - np.int32(first)]
    on = pd.DatetimeIndex(distinct.astype("datetime64[D]").astype("datetime64[s]"))
    levels: list[Any] = [prepared.customer_index, on]
    codes: list[Any] = [customer, place]
    return pd.MultiIndex(levels, codes, names=["customer_id", "as_of"], verify_integrity=False)


def _requested(prepared: PreparedLedger, requested: pd.DataFrame) -> tuple[Codes, Days]:
    """Return customers as codes and days as numbers. Raises InputError for what the ledger does not hold."""
    customer = prepared.owners.codes(requested["customer_id"])
    if (customer < 0).any():
        unknown = requested["customer_id"][customer < 0]
        raise InputError(
            f"customer_id: {len(unknown):,} of {len(requested):,} are not in the ledger, e.g. '{unknown.iloc[0]}'."
        )
    column = requested["as_of"]
    days = (
        column.to_numpy() if column.dtype.kind == "M" and column.dt.tz is None else pd.DatetimeIndex(column).to_numpy()
    )
    empty = int(np.sum(np.isnat(days)))
    if empty:
        raise InputError(f"as_of: {empty:,} of {len(requested):,} are empty; every snapshot needs its day.")
    return customer, days.astype("datetime64[D]").astype(np.int32)

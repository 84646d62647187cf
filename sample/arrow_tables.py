"""The ledger's tables of one block of customers as Arrow tables, from arrays."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ledger.contract import EVENT_KINDS, ORDER_STATUSES, TABLES
from sample.calendar import Days
from sample.customers import NEVER
from sample.events import NO_ITEM
from sample.ledger_rows import Book, Rows
from sample.parameters import COUNTRIES, CURRENCIES, SECTORS, SEGMENTS, TERMS

NAME_PARTS = (
    ("Alder", "Birken", "Castel", "Dorn", "Elster", "Falk", "Grand", "Hafen", "Iris", "Jura", "Kestrel", "Linden"),
    ("bau", "handel", "foods", "werk", "line", "chem", "soft", "inn", "park", "metal", "mill", "trans"),
    ("GmbH", "SA", "BV", "SpA", "Sp. z o.o.", "SL", "Ltd", "Inc.", "Co., Ltd."),
)
METHODS = np.array(["transfer", "direct_debit", "card"])
ARROW = {"text": pa.string(), "date": pa.date32(), "number": pa.float64(), "integer": pa.int64(), "flag": pa.bool_()}


def ids(prefix: str, numbers: Days, width: int, empty: NDArray[np.bool_] | None = None) -> pa.Array:
    """Identifiers such as C0000012; null where `empty`."""
    text = pc.utf8_lpad(pa.array(numbers, pa.int64()).cast(pa.string()), width, "0")
    named = pc.binary_join_element_wise(pa.scalar(prefix), text, "")
    return named if empty is None else pc.if_else(pa.array(~empty), named, pa.scalar(None, pa.string()))


def customer_ids(numbers: Days, empty: NDArray[np.bool_] | None = None) -> pa.Array:
    return ids("C", numbers, 7, empty)


def dates(days: Days) -> pa.Array:
    return pa.array(np.where(days >= NEVER // 2, 0, days).astype(np.int32), pa.int32(), mask=days >= NEVER // 2).cast(
        pa.date32()
    )


def words(codes: Days, among: tuple[str, ...]) -> pa.Array:
    return pa.array(np.array(among, dtype=object), pa.string()).take(pa.array(codes, pa.int64()))


def numbers(values: NDArray) -> pa.Array:
    return pa.array(values, pa.float64(), from_pandas=True)  # NaN becomes null


def table(name: str, columns: dict[str, pa.Array]) -> pa.Table:
    """Columns in the ledger's order, those not given as nulls."""
    rows = len(next(iter(columns.values())))
    declared = TABLES[name].columns
    return pa.table({c: columns.get(c, pa.nulls(rows, ARROW[d.type])).cast(ARROW[d.type]) for c, d in declared.items()})


def _kept(rows: Rows, size: int, *days: str, last: int, order: tuple[str, ...]) -> Rows:
    """Rows of customers that exist and that the books held by the last day, sorted by customer and `order`."""
    kept = rows["at"] < size
    for column in days:
        kept &= rows[column] <= last
    index = np.flatnonzero(kept)
    index = index[np.lexsort([rows[name][index] for name in (*reversed(order), "at")])]
    return {name: values[index] for name, values in rows.items()}


def customers_table(random: np.random.Generator, book: Book, size: int) -> pa.Table:
    c = book.customers
    first, second = random.integers(0, 12, (2, len(c)))
    forms = np.where(c.is_sole_trader, len(NAME_PARTS[2]), c.country)
    names = [
        f"{NAME_PARTS[0][a]}{NAME_PARTS[1][b]} {n} {(*NAME_PARTS[2], 'e.K.')[f]}"
        for a, b, n, f in zip(first[:size], second[:size], c.number[:size], forms[:size], strict=True)
    ]
    return table(
        "customers",
        {
            "customer_id": customer_ids(c.number[:size]),
            "name": pa.array(names),
            "country": words(c.country[:size], COUNTRIES),
            "industry": words(c.sector[:size], SECTORS),
            "segment": words(c.segment[:size], SEGMENTS),
            "legal_form": words(forms[:size], (*NAME_PARTS[2], "sole trader")),
            "is_natural_person": pa.array(c.is_sole_trader[:size]),
            "onboarded_on": dates(c.onboarded_on[:size]),
            "parent_id": customer_ids(c.parent[:size], ((c.parent < 0) | (c.parent >= c.number[0] + size))[:size]),
        },
    )


def invoices_table(book: Book, rows: Rows, size: int, last: int) -> pa.Table:
    rows = _kept(rows, size, "booked_on", last=last, order=("issued_on", "number", "booked_on"))
    c, note = book.customers, rows["is_note"]
    number = ids("", rows["number"], 11)
    prefix = pc.if_else(pa.array(note), pa.scalar("K"), pa.scalar("I"))
    applies = pc.if_else(
        pa.array(note), pc.binary_join_element_wise(pa.scalar("I"), number, ""), pa.scalar(None, pa.string())
    )
    terms = tuple(f"net {days}" for days in range(61))
    terms += tuple(f"{100 * TERMS.discount:.0f}/{TERMS.discount_days} {text}" for text in terms)
    code = c.terms + len(terms) // 2 * c.offers_discount
    return table(
        "invoices",
        {
            "invoice_id": pc.binary_join_element_wise(prefix, number, ""),
            "customer_id": customer_ids(c.number[rows["at"]]),
            "kind": pc.if_else(pa.array(note), pa.scalar("credit_note"), pa.scalar("invoice")),
            "issued_on": dates(rows["issued_on"]),
            "due_on": dates(rows["due_on"]),
            "amount": numbers(rows["amount"]),
            "currency": words(c.currency[rows["at"]], CURRENCIES),
            "applies_to": applies,
            "payment_terms": pc.if_else(pa.array(note), pa.scalar(None, pa.string()), words(code[rows["at"]], terms)),
            "booked_on": dates(rows["booked_on"]),
            "superseded_on": dates(rows["superseded_on"]),
        },
    )


def payments_table(random: np.random.Generator, book: Book, rows: Rows, size: int, last: int) -> pa.Table:
    rows = rows | {"at": book.items.at[rows["item"]]}
    method = random.choice(3, len(book.customers), p=[0.78, 0.17, 0.05])
    rows = _kept(rows, size, "paid_on", "booked_on", last=last, order=("paid_on", "item", "part"))
    c, number = book.customers, book.block * 10**7 + rows["item"]
    invoice = book.invoice_number(rows["item"])
    return table(
        "payments",
        {
            "payment_id": ids("P", number * 10 + rows["part"], 12),
            "customer_id": customer_ids(c.number[rows["at"]]),
            "invoice_id": ids("I", invoice, 11, ~rows["applied"]),
            "paid_on": dates(rows["paid_on"]),
            "amount": numbers(rows["amount"]),
            "currency": words(c.currency[rows["at"]], CURRENCIES),
            "method": words(method[rows["at"]], tuple(METHODS)),
            "kind": pa.array(rows["kind_text"].astype(object), pa.string()),
            "matures_on": dates(rows["matures_on"]),
            "booked_on": dates(rows["booked_on"]),
            "superseded_on": dates(rows["superseded_on"]),
        },
    )


def events_table(book: Book, rows: Rows, size: int, last: int) -> pa.Table:
    rows = rows | {"number": book.block * 10**8 + np.arange(len(rows["at"]))}
    rows = _kept(rows, size, "occurred_on", "booked_on", last=last, order=("occurred_on", "number"))
    item = rows["item"]
    detail = pa.array(rows["detail"].astype(object), pa.string())
    return table(
        "events",
        {
            "event_id": ids("E", rows["number"], 13),
            "customer_id": customer_ids(book.customers.number[rows["at"]]),
            "invoice_id": ids("I", book.invoice_number(np.maximum(item, 0)), 11, item == NO_ITEM),
            "occurred_on": dates(rows["occurred_on"]),
            "kind": words(rows["kind"], EVENT_KINDS),
            "amount": numbers(rows["amount"]),
            "detail": pc.if_else(pc.equal(detail, ""), pa.scalar(None, pa.string()), detail),
            "booked_on": dates(rows["booked_on"]),
        },
    )


def instalments_table(book: Book, rows: Rows, size: int, last: int) -> pa.Table:
    rows = _kept(rows, size, "booked_on", last=last, order=("item",))
    return table(
        "instalments",
        {
            "invoice_id": ids("I", book.invoice_number(rows["item"]), 11),
            "number": pa.array(rows["number"]),
            "due_on": dates(rows["due_on"]),
            "amount": numbers(rows["amount"]),
            "booked_on": dates(rows["booked_on"]),
        },
    )


def orders_table(book: Book, rows: Rows, size: int, last: int) -> pa.Table:
    rows = _kept(rows, size, "booked_on", last=last, order=("ordered_on", "number", "booked_on"))
    is_known = rows["superseded_on"] <= last
    return table(
        "orders",
        {
            "order_id": ids("O", book.block * 10**8 + rows["number"], 12),
            "customer_id": customer_ids(book.customers.number[rows["at"]]),
            "ordered_on": dates(rows["ordered_on"]),
            "deliver_on": dates(rows["deliver_on"]),
            "amount": numbers(rows["amount"]),
            "currency": words(book.customers.currency[rows["at"]], CURRENCIES),
            "status": words(rows["status"], ORDER_STATUSES),
            "booked_on": dates(rows["booked_on"]),
            "superseded_on": dates(np.where(is_known, rows["superseded_on"], NEVER)),
        },
    )


def credit_terms_table(rows: Rows, size: int, book: Book, last: int) -> pa.Table:
    rows = _kept(rows, size, "effective_on", "booked_on", last=last, order=("effective_on",))
    extension = rows["maximum_extension_days"]
    return table(
        "credit_terms",
        {
            "customer_id": customer_ids(book.customers.number[rows["at"]]),
            "effective_on": dates(rows["effective_on"]),
            **{name: numbers(rows[name]) for name in ("credit_limit", "insured_limit", "insured_share", "first_loss")},
            "payment_terms_days": pa.array(rows["payment_terms_days"]),
            "maximum_extension_days": pa.array(extension, pa.int64(), mask=extension < 0),
            "booked_on": dates(rows["booked_on"]),
        },
    )


def ratings_table(rows: Rows, size: int, book: Book, last: int) -> pa.Table:
    rows = _kept(rows, size, "rated_on", "published_on", last=last, order=("rated_on", "source"))
    return table(
        "ratings",
        {
            "customer_id": customer_ids(book.customers.number[rows["at"]]),
            "source": words(rows["source"], ("agency_a", "agency_b")),
            "rated_on": dates(rows["rated_on"]),
            "value": pa.array(rows["value"]).cast(pa.string()),
            "scale": words(rows["source"], ("1-100, 100 best", "1-10, 1 best")),
            "published_on": dates(rows["published_on"]),
        },
    )


def attributes_table(rows: Rows, size: int, book: Book, last: int) -> pa.Table:
    rows = _kept(rows, size, "observed_on", "booked_on", last=last, order=("observed_on", "name"))
    return table(
        "attributes",
        {
            "customer_id": customer_ids(book.customers.number[rows["at"]]),
            "name": words(rows["name"], ("monthly_revenue", "head_count")),
            "observed_on": dates(rows["observed_on"]),
            "value": pa.array(rows["value"]).cast(pa.string()),
            "booked_on": dates(rows["booked_on"]),
        },
    )

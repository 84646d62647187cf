"""The ledger's contract as data: its tables, their columns and rules.

One declaration serves the reader, the importers and the documentation. Rules are SQL predicates so that the same rule
runs over ten rows in memory and over ten million in a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ledger.currency_codes import currency_codes
from ledger.errors import InputError

INVOICE_KINDS = ("invoice", "credit_note")
PAYMENT_KINDS = (
    "payment", "reversal", "refund", "netting", "factoring",
    "discount",  # an early-payment discount that was taken: closes what it names, and is no cash
    "bill",  # a bill of exchange or bank acceptance draft, due on `matures_on`
    "exchange_difference",  # between the invoice's and the payment's currency: no cash, no loss of credit
    "undated",  # money that came on a day that the source does not tell (an extension of the contract): no days late
)  # fmt: skip
ORDER_STATUSES = ("open", "delivered", "cancelled")
EVENT_KINDS = (
    "dispute_opened", "dispute_closed", "dunning", "promise_to_pay", "promise_broken", "payment_bounced",
    "order_blocked", "write_off", "recovery", "concession", "insolvency", "insurance_claim", "merged_into",
    "residual",  # what is left of an invoice goes on under another document; an extension of the contract, see sap.py
)  # fmt: skip
EVENT_CODES = {kind: code for code, kind in enumerate(EVENT_KINDS)}

SQL_TYPES = {"text": "VARCHAR", "date": "DATE", "number": "DOUBLE", "integer": "BIGINT", "flag": "BOOLEAN"}
SMALLEST_AMOUNT = 0.005  # below half a cent an amount is no amount


class LedgerError(InputError):
    """The ledger breaks its contract. The message says where, what, how many, an example and what to do."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its type, whether it may be empty, and a rule as an SQL predicate with its words."""

    type: str
    required: bool = False
    rule: str = "true"
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table: its key, its columns, and which of them say when a row happened and when the books first held it.

    `superseded_on` (an extension of the contract) is the day from which a corrected row no longer counts: the row
    that replaces it is booked on that day. Rows of one key may differ only by it. Every table with a known date has it;
    exchange rates are never revalued. A table with a known date and no event (instalments) counts from its known date,
    where that is empty for as long as the row that it belongs to. Customers may have several rows that
    differ in `effective_on` or `booked_on`: ledger/dated_master.py says which of them counts on a day.
    """

    key: tuple[str, ...]
    columns: Mapping[str, Column]
    event: str | None = None
    known: str | None = None
    required: bool = False


def _text(required: bool = False, **rule: str) -> Column:
    return Column(type="text", required=required, **rule)


def _date(required: bool = False, **rule: str) -> Column:
    return Column(type="date", required=required, **rule)


def _one_of(values: Iterable[str]) -> dict[str, str]:
    values = tuple(values)
    return {"rule": "{column} IN (" + ", ".join(f"'{v}'" for v in values) + ")", "words": "one of " + ", ".join(values)}


_ID = _text(True, rule="length({column}) > 0", words="not empty")
_AMOUNT = Column(
    type="number", required=True, rule=f"isfinite({{column}}) AND {{column}} >= {SMALLEST_AMOUNT}", words="above 0"
)
_MONEY = Column(type="number", rule="isfinite({column}) AND {column} >= 0", words="0 or above")
_NUMBER = Column(type="number", rule="isfinite({column})", words="a finite number")
_SHARE = Column(type="number", rule="{column} BETWEEN 0 AND 1", words="between 0 and 1")
_CURRENCY = _text(
    True, rule="{column} IN (" + ", ".join(f"'{c}'" for c in currency_codes()) + ")", words="an ISO 4217 code, e.g. EUR"
)
_COUNTRY = _text(rule="regexp_full_match({column}, '[A-Z]{{2}}')", words="an ISO 3166 alpha-2 code, e.g. DE")
_EVENT_DAY = _date(
    True, rule="{column} BETWEEN DATE '1950-01-01' AND DATE '2199-12-31'", words="a real day (1900-01-01 is none)"
)

TABLES: Mapping[str, Table] = {
    "customers": Table(
        key=("customer_id",), required=True,
        columns={
            "customer_id": _ID, "name": _text(), "country": _COUNTRY, "industry": _text(), "segment": _text(),
            "legal_form": _text(), "is_natural_person": Column(type="flag"), "onboarded_on": _date(),
            "parent_id": _text(), "effective_on": _date(), "booked_on": _date(),
        },
    ),
    "invoices": Table(
        key=("invoice_id",), required=True, event="issued_on", known="booked_on",
        columns={
            "invoice_id": _ID, "customer_id": _ID, "kind": _text(True, **_one_of(INVOICE_KINDS)),
            "issued_on": _EVENT_DAY,
            "due_on": _date(True, rule="{column} >= issued_on", words="on or after issued_on"),
            "amount": _AMOUNT, "currency": _CURRENCY, "applies_to": _text(), "payment_terms": _text(),
            "booked_on": _date(), "superseded_on": _date(),
        },
    ),
    "instalments": Table(
        key=("invoice_id", "number"), known="booked_on",
        columns={
            "invoice_id": _ID, "number": Column(type="integer", required=True, rule="{column} >= 1", words="1 or above"),
            "due_on": _EVENT_DAY, "amount": _AMOUNT, "booked_on": _date(), "superseded_on": _date(),
        },
    ),
    "payments": Table(
        key=("payment_id",), required=True, event="paid_on", known="booked_on",
        columns={
            "payment_id": _ID, "customer_id": _text(), "invoice_id": _text(), "paid_on": _EVENT_DAY, "amount": _AMOUNT,
            "currency": _CURRENCY, "method": _text(), "kind": _text(True, **_one_of(PAYMENT_KINDS)),
            "matures_on": _date(rule="{column} >= paid_on", words="on or after paid_on"),
            "booked_on": _date(), "superseded_on": _date(),
        },
    ),
    "orders": Table(
        key=("order_id",), event="ordered_on", known="booked_on",
        columns={
            "order_id": _ID, "customer_id": _ID, "ordered_on": _EVENT_DAY,
            "deliver_on": _date(rule="{column} >= ordered_on", words="on or after ordered_on"), "amount": _AMOUNT,
            "currency": _CURRENCY, "status": _text(True, **_one_of(ORDER_STATUSES)), "booked_on": _date(),
            "superseded_on": _date(),
        },
    ),
    "events": Table(
        key=("event_id",), event="occurred_on", known="booked_on",
        columns={
            "event_id": _ID, "customer_id": _ID, "invoice_id": _text(), "occurred_on": _EVENT_DAY,
            "kind": _text(True, **_one_of(EVENT_KINDS)), "amount": _MONEY, "detail": _text(), "booked_on": _date(),
            "superseded_on": _date(),
        },
    ),
    "credit_terms": Table(
        key=("customer_id", "effective_on"), event="effective_on", known="booked_on",
        columns={
            "customer_id": _ID, "effective_on": _EVENT_DAY, "credit_limit": _MONEY,
            "payment_terms_days": Column(type="integer", rule="{column} >= 0", words="0 or above"),
            "insured_limit": _MONEY, "insured_share": _SHARE, "first_loss": _MONEY,
            "maximum_extension_days": Column(type="integer", rule="{column} >= 0", words="0 or above"),
            "booked_on": _date(), "superseded_on": _date(),
        },
    ),
    "ratings": Table(
        key=("customer_id", "source", "rated_on"), event="rated_on", known="published_on",
        columns={
            "customer_id": _ID, "source": _ID, "rated_on": _EVENT_DAY, "value": _text(True), "scale": _text(True),
            "published_on": _date(), "superseded_on": _date(),
        },
    ),
    "attributes": Table(
        key=("customer_id", "name", "observed_on"), event="observed_on", known="booked_on",
        columns={
            "customer_id": _ID, "name": _ID, "observed_on": _EVENT_DAY, "value": _text(True), "booked_on": _date(),
            "superseded_on": _date(),
        },
    ),
    "macro": Table(
        key=("series", "country", "observed_on"), event="observed_on", known="published_on",
        columns={
            "series": _ID, "country": _COUNTRY, "observed_on": _EVENT_DAY,
            "value": Column(type="number", required=True, rule="isfinite({column})", words="a finite number"),
            "published_on": _date(), "superseded_on": _date(),
        },
    ),
    "exchange_rates": Table(
        key=("currency", "observed_on"), event="observed_on",
        columns={
            "currency": _CURRENCY, "observed_on": _EVENT_DAY,
            "rate": Column(type="number", required=True, rule="isfinite({column}) AND {column} > 0", words="above 0"),
            "published_on": _date(),
        },
    ),
}  # fmt: skip

# Rules across tables: (table, SQL that selects the offending rows, words, what to do).
REFERENCES = (
    ("invoices", "customer_id NOT IN (SELECT customer_id FROM customers)",
     "customer_id must stand in customers", "add the customer"),
    ("payments", "customer_id IS NULL AND invoice_id IS NULL",
     "customer_id must not be empty where no invoice is named", "fill it"),
    ("payments", "customer_id NOT IN (SELECT customer_id FROM customers)",
     "customer_id must stand in customers", "add the customer"),
    ("payments", "invoice_id IS NOT NULL AND invoice_id NOT IN (SELECT invoice_id FROM invoices)",
     "invoice_id must stand in invoices", "add the invoice, or leave invoice_id empty (unapplied cash)"),
    ("payments",
     "invoice_id IN (SELECT invoice_id FROM invoices) AND (invoice_id, currency) NOT IN "
     "(SELECT (invoice_id, currency) FROM invoices)",
     "currency must be its invoice's", "state the payment in the invoice's currency"),
    ("events", "customer_id NOT IN (SELECT customer_id FROM customers)",
     "customer_id must stand in customers", "add the customer"),
    ("orders", "customer_id NOT IN (SELECT customer_id FROM customers)",
     "customer_id must stand in customers", "add the customer"),
    ("instalments", "invoice_id NOT IN (SELECT invoice_id FROM invoices)",
     "invoice_id must stand in invoices", "add the invoice, or remove its instalments"),
)  # fmt: skip

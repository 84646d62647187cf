"""Any table through a small mapping file: which column of which file is which column of the ledger.

The mapping is TOML, one section a ledger table (`tradecredit import table --guess FILE` proposes one):

    [invoices]
    columns.invoice_id = "Invoice no"
    columns.customer_id = "Customer"
    columns.issued_on = "Date"
    columns.due_on = "Due"
    columns.amount = "Amount"          # below 0: a credit note
    constants.currency = "EUR"         # for what no column says
    terms_days = 30                    # due date where none is given
    open_amount = "Open"               # compared; without a column of what was paid, amount less open was paid
    credit_amount = "Credit"           # the amount has two columns: rows that fill this one are payments of their own
    amount_sum = ["Current", "1-30"]   # in place of columns.amount: columns that add up to it, as in an ageing list
    repeats = "payments"               # an invoice has a row a payment; "lines": a row an item, added up; "document": a row
                                       # an item, each with the amount of the whole

    [payments]
    same_rows_as = "invoices"          # the same file has the payment on the invoice's row
    columns.paid_on = "Paid on"

    [payments.values.kind]             # the source's words for the ledger's
    "Rückzahlung" = "refund"

    [invoices.status]                  # rows whose state only a column of words tells
    column = "Status"
    paid = ["Paid"]                    # without a day of payment: paid on a day that is not known
    cancelled = ["Void"]               # left out, with the reason
    written_off = ["Bad debt"]         # events of the day of the import
    protested = ["Protested"]

    [invoices.kinds]                   # a list of several kinds of document, by a column of words
    column = "Type"
    invoice = ["Invoice"]
    credit_note = ["Credit memo"]
    payment = ["Payment"]              # payments of their own, on the document's day; without an invoice, on account

    [invoices.units]
    amount = "万"                       # the column is in ten thousands

    [reading]                          # how the files are written; [reading."FILE.csv"] for one of them
    encoding = "gb18030"
    day_first = true
    decimal = ","
    sheet = "Invoices"
    header_line = 3
    calendar = "roc"                   # or "buddhist"
    currency = "CNY"                   # of rows without one

A payment without an amount of its own pays its invoice in full (or what is no longer open of it); one below 0 is a
reversal. A currency that the amount's cell names (€ 12.50) is the row's, unless a currency column has one. A paid amount without a day is
kept as a payment of kind `undated`. Without an id an invoice's payment is called INVOICE:paid, any other row is numbered
by its content. A payment without a customer is its invoice's customer's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from importing.engine.format import DATE, FLAG, ID, INTEGER, NUMBER, TEXT, Field, File, Format
from importing.mapping.documents import (
    FILE,
    events_of_status,
    fields_of_words,
    has_payments,
    payments_by_kind,
    prepared_of,
    refused,
)
from importing.mapping.notices import compared_open_amounts, notices_of
from importing.mapping.rules import FILLED, check, stated_of
from importing.mapping.tables import select
from importing.mapping.values import Section, currency, one_currency, parts_of_amount, sign_field, value
from ledger.contract import TABLES
from ledger.errors import InputError

TYPES = {"text": TEXT, "date": DATE, "number": NUMBER, "integer": INTEGER, "flag": FLAG}
WHOLE_DOCUMENTS = ("lines", "document")  # all rows of a document are taken, or none
OTHER_CURRENCY = "the amount's cell names another currency than the row"


def read_mapping(path: str | Path) -> Format:
    """Return the format that a mapping file describes. Raises InputError naming the entry that is wrong."""
    path = Path(path)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{path}: no such mapping file; `tradecredit import table --guess FILE` proposes one."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a TOML file ({error}).") from error
    return format_of(content, str(path))


def format_of(mapping: Mapping[str, Any], where: str, *, every_column: bool = True) -> Format:
    """Return the format of a mapping: its files, and the SQL of its tables.

    every_column : a file must have every column that the mapping names, not only those that the ledger requires.
    """
    reading, mapping = mapping.get("reading", {}), {k: v for k, v in mapping.items() if k != "reading"}
    stated = stated_of(reading, where)
    check(mapping, where)
    mapping = _with_payments(mapping)
    files = {f"{root}_file": _file(root, mapping, every_column) for root in _roots(mapping)}
    invoices, paid = mapping.get("invoices", {}), mapping.get("payments", {})
    tables = {name: select(name, mapping) for name in mapping}
    if has_payments(invoices):
        tables["payments"] = payments_by_kind(invoices).format(currency=currency("invoices", invoices))
    if events := events_of_status(invoices):
        tables["events"] = f"{tables['events']} UNION ALL BY NAME {events}" if "events" in tables else events
    is_whole = paid.get("same_rows_as") == "invoices" and "payment_id" not in paid.get("columns", {})
    is_whole = is_whole and not invoices.get("repeats") and not invoices.get("kinds")
    return Format(
        name="table",
        title="Any table through a mapping file",
        currency=reading.get("currency"),
        stated=stated,
        whole_invoices=is_whole,
        files=files,
        tables=tables,
        prepared=prepared_of(invoices, files[FILE].fields) if invoices else {},
        inferred=notices_of(mapping),
        noticed=compared_open_amounts(mapping),
        documents={FILE: value("invoices", "invoice_id", invoices)}
        if invoices.get("repeats") in WHOLE_DOCUMENTS
        else {},
    )


def _with_payments(mapping: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a mapping with payments on the invoices' rows, where only a status or the open amount tells of them."""
    invoices = mapping.get("invoices", {})
    tells = invoices.get("status", {}).get("paid") or "open_amount" in invoices
    if not tells or "payments" in mapping or has_payments(invoices):
        return mapping
    return {**mapping, "payments": {"same_rows_as": "invoices"}}


def _roots(mapping: Section) -> list[str]:
    """Return the tables that have a file of their own."""
    return [name for name, section in mapping.items() if "same_rows_as" not in section]


def _file(root: str, mapping: Section, every_column: bool) -> File:
    """Return the file of a table, with the columns of all tables that stand on its rows."""
    fields: dict[str, Field] = {}
    names = [root, *(n for n, s in mapping.items() if s.get("same_rows_as") == root)]
    for name in names:
        for column, header in mapping[name].get("columns", {}).items():
            fields[f"{name}_{column}"] = _field(name, column, header, optional=name != root, every_column=every_column)
    if opened := mapping[root].get("open_amount"):
        fields["open_amount"] = Field(names=(opened,), type=NUMBER, required=True, optional_value=True)
    if credit := mapping[root].get("credit_amount"):
        fields["credit_amount"] = Field(names=(credit,), type=NUMBER, required=True, optional_value=True)
        fields["invoices_amount"] = replace(fields["invoices_amount"], optional_value=True)
    for name, header in parts_of_amount(mapping[root]).items():
        fields[name] = Field(names=(header,), type=NUMBER, required=True, optional_value=True)
    for name, header in fields_of_words(mapping[root]).items():
        fields[name] = Field(names=(header,), type=TEXT, required=True, optional_value=True)
    signs = {name: sign for name in names if (sign := sign_field(name, mapping[name]))}
    fields |= {sign: Field(names=(), type=TEXT, currency_of=f"{name}_amount") for name, sign in signs.items()}
    refuse = (*refused(mapping[root]), *(_other_currency(name, sign, root, mapping) for name, sign in signs.items()))
    repeats = mapping[root].get("repeats")
    return File(fields=fields, refuse=refuse, optional=len(_roots(mapping)) > 1, informs=repeats in WHOLE_DOCUMENTS)


def _other_currency(name: str, sign: str, root: str, mapping: Section) -> tuple[str, str]:
    """Return the refusal of a row whose amount's cell names another currency than its column, or than its invoice."""
    section = mapping[name]
    if "currency" in section.get("columns", {}):
        own = value(name, "currency", {"columns": section["columns"], "values": section.get("values", {})})
    else:
        own = currency(root, mapping[root]) if name != root else "NULL"
    test = f"{sign} IS NOT NULL AND ({one_currency(sign)}) <> currency_of({own})"
    return (test if own != "NULL" else "false"), OTHER_CURRENCY


def _field(table: str, column: str, header: str, *, optional: bool, every_column: bool) -> Field:
    declared = TABLES[table].columns[column]
    kind = ID if column.endswith("_id") or column == "applies_to" else TYPES[declared.type]
    must = declared.required and column not in FILLED
    return Field(
        names=(header,),
        type=kind,
        required=must or every_column,
        optional_value=optional or not must,
        meaning=f"{table}.{column}",
        is_terms=column == "payment_terms",
    )


FORMAT = format_of(
    {
        name: {"columns": {c: c for c in table.columns if c != "superseded_on"}}
        for name in ("invoices", "payments", *(n for n in TABLES if n not in ("invoices", "payments")))
        if (table := TABLES[name])
    },
    "the ledger's own columns",
    every_column=False,
)

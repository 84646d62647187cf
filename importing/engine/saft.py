"""SAF-T (Standard Audit File for Tax) XML as one CSV table: a row a customer, sales invoice, and payment line.

The file is read element by element, so that its size does not matter; entities and external references are refused
(defusedxml). Names are compared without their namespace: countries use different ones.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from importing.engine.format import SourceError

COLUMNS = (
    "record", "id", "customer_id", "name", "country", "type", "status", "issued_on", "due_on", "paid_on", "amount", "currency",
    "invoice_id", "entered_on",
)  # fmt: skip


def write_records(path: Path, out: Path) -> Path:
    """Write the records of a SAF-T file as CSV. Raises SourceError for XML that is none, or is not well formed."""
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    found, path_of_names = 0, list[str]()
    try:
        with out.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for event, element in iterparse(str(path), events=("start", "end")):
                if event == "start":
                    path_of_names.append(_name(element))
                    continue
                path_of_names.pop()
                for record in _records(element, path_of_names):
                    writer.writerow(record)
                    found += 1
                if _name(element) in ("Customer", "Invoice", "Payment", "GeneralLedgerEntries", "Product"):
                    element.clear()
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise SourceError(f"{path}: not a readable XML file ({str(error) or type(error).__name__}).") from error
    if not found:
        raise SourceError(f"{path}: no customers, sales invoices or payments of a SAF-T file are in it.")
    return out


def _records(element: Element, above: list[str]) -> Iterator[dict[str, Any]]:
    """Return the records of an element that has ended. above : the names of the elements around it.

    An element without its number or customer is a record, too: it is quarantined, not lost.
    """
    name = _name(element)
    if name == "Customer" and "MasterFiles" in above:
        yield {"record": "customer", "id": _text(element, "CustomerID"), "customer_id": _text(element, "CustomerID"),
               "name": _text(element, "CompanyName") or _text(element, "Name"), "country": _text(element, "Country")}  # fmt: skip
    elif name == "Invoice" and above and above[-1] in ("SalesInvoices", "PurchaseInvoices"):
        yield {
            "record": "invoice" if above[-1] == "SalesInvoices" else "purchase", "id": _text(element, "InvoiceNo"),
            "type": _text(element, "InvoiceType"), "customer_id": _text(element, "CustomerID"), "status": _text(element, "InvoiceStatus"),
            "issued_on": _text(element, "InvoiceDate"), "due_on": _text(element, "DueDate") or _text(element, "SettlementDate"),
            "amount": _text(element, "CurrencyAmount") or _text(element, "GrossTotal"), "currency": _text(element, "CurrencyCode"),
            "invoice_id": _text(element, "Reference"), "entered_on": _text(element, "SystemEntryDate"),
        }  # fmt: skip
    elif name == "Payment" and above and above[-1] == "Payments":
        yield from _payment(element)


def _payment(element: Element) -> Iterator[dict[str, Any]]:
    """Return one record a line of a payment; one of the whole where it has no lines: money on account."""
    number = _text(element, "PaymentRefNo") or _text(element, "PaymentNo")
    of_payment = {
        "record": "payment", "type": _text(element, "PaymentType"), "customer_id": _text(element, "CustomerID"),
        "status": _text(element, "PaymentStatus"), "paid_on": _text(element, "TransactionDate") or _text(element, "PaymentDate"),
        "currency": _text(element, "CurrencyCode"), "entered_on": _text(element, "SystemEntryDate"),
    }  # fmt: skip
    lines = [child for child in element if _name(child) in ("Line", "PaymentLine")]
    if not lines:
        yield of_payment | {"id": number, "amount": _text(element, "CurrencyAmount") or _text(element, "GrossTotal")}
    for nth, line in enumerate(lines, start=1):
        credit, debit = _text(line, "CreditAmount"), _text(line, "DebitAmount")
        yield of_payment | {
            "id": f"{number}~{nth}" if len(lines) > 1 else number,
            "amount": _in_own_currency(element, credit or (f"-{debit}" if debit else "")),
            "invoice_id": _text(line, "OriginatingON") or _text(line, "InvoiceNo"),
        }


def _in_own_currency(payment: Element, amount: str) -> str:
    """Return a line's amount, which is in the country's currency, in the payment's own where it has another one.

    The whole payment is given in both (GrossTotal, CurrencyAmount): their ratio is the rate.
    """
    own, whole = _text(payment, "CurrencyAmount"), _text(payment, "GrossTotal")
    if not own or not amount:
        return amount
    try:
        return str((Decimal(amount) * Decimal(own) / Decimal(whole)).quantize(Decimal("0.01")))
    except ArithmeticError:
        return f"{amount} at an unknown rate"  # no number: quarantined with what it says


def _text(element: Element, name: str) -> str:
    """Return the text of the first descendant of that name; empty where there is none."""
    return next(((e.text or "").strip() for e in element.iter() if _name(e) == name), "")


def _name(element: Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1]

"""SAF-T (Standard Audit File for Tax) XML as one CSV table: a row a customer, sales invoice, and payment line.

The file is read element by element, so that its size does not matter; entities and external references are refused
(defusedxml). Names are compared without their namespace: countries use different ones.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
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

    found = 0
    try:
        with out.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for _, element in iterparse(str(path), events=("end",)):
                for record in _records(element):
                    writer.writerow(record)
                    found += 1
                if _name(element) in ("Customer", "Invoice", "Payment", "GeneralLedgerEntries", "Product"):
                    element.clear()
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise SourceError(f"{path}: not a readable XML file ({str(error) or type(error).__name__}).") from error
    if not found:
        raise SourceError(f"{path}: no customers, sales invoices or payments of a SAF-T file are in it.")
    return out


def _records(element: Element) -> Iterator[dict[str, Any]]:
    name = _name(element)
    if name == "Customer" and _text(element, "CustomerID"):
        yield {"record": "customer", "id": _text(element, "CustomerID"), "customer_id": _text(element, "CustomerID"),
               "name": _text(element, "CompanyName") or _text(element, "Name"), "country": _text(element, "Country")}  # fmt: skip
    elif name == "Invoice" and _text(element, "InvoiceNo"):
        yield {
            "record": "invoice", "id": _text(element, "InvoiceNo"), "type": _text(element, "InvoiceType"),
            "customer_id": _text(element, "CustomerID"), "status": _text(element, "InvoiceStatus"),
            "issued_on": _text(element, "InvoiceDate"), "due_on": _text(element, "DueDate") or _text(element, "SettlementDate"),
            "amount": _text(element, "CurrencyAmount") or _text(element, "GrossTotal"), "currency": _text(element, "CurrencyCode"),
            "invoice_id": _text(element, "Reference"), "entered_on": _text(element, "SystemEntryDate"),
        }  # fmt: skip
    elif name == "Payment" and (_text(element, "PaymentRefNo") or _text(element, "PaymentNo")):
        number = _text(element, "PaymentRefNo") or _text(element, "PaymentNo")
        lines = [child for child in element if _name(child) in ("Line", "PaymentLine")]
        for nth, line in enumerate(lines, start=1):
            credit, debit = _text(line, "CreditAmount"), _text(line, "DebitAmount")
            yield {
                "record": "payment", "id": f"{number}~{nth}" if len(lines) > 1 else number, "type": _text(element, "PaymentType"),
                "customer_id": _text(element, "CustomerID"), "status": _text(element, "PaymentStatus"),
                "paid_on": _text(element, "TransactionDate") or _text(element, "PaymentDate"),
                "amount": credit or (f"-{debit}" if debit else ""), "currency": _text(element, "CurrencyCode"),
                "invoice_id": _text(line, "OriginatingON") or _text(line, "InvoiceNo"), "entered_on": _text(element, "SystemEntryDate"),
            }  # fmt: skip


def _text(element: Element, name: str) -> str:
    """Return the text of the first descendant of that name; empty where there is none."""
    return next(((e.text or "").strip() for e in element.iter() if _name(e) == name), "")


def _name(element: Element) -> str:
    return str(element.tag).rsplit("}", 1)[-1]

"""Ledgers drawn as text tables, so that a reader can redo a test's arithmetic by looking at it."""

from __future__ import annotations

from typing import Any

import pandas as pd

from features.engine.histories import build, build_items
from ledger.contract import TABLES
from ledger.ledger import Ledger

DEFAULTS: dict[str, dict[str, Any]] = {
    "invoices": {"customer_id": "acme", "kind": "invoice", "currency": "EUR", "amount": "100"},
    "payments": {"customer_id": "acme", "kind": "payment", "currency": "EUR"},
    "events": {"customer_id": "acme"},
    "credit_terms": {"customer_id": "acme"},
    "ratings": {"customer_id": "acme"},
    "attributes": {"customer_id": "acme"},
}


def drawn(table: str) -> pd.DataFrame:
    """A text table with `|` between columns and a header line as a frame of texts; an empty cell is missing."""
    lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines() if line.strip()]
    return pd.DataFrame(lines[1:], columns=lines[0]).replace("", None)


def ledger(**tables: str) -> Ledger:
    """A ledger of drawn tables. Customers are gathered from the rows; ids of payments and events are numbered; a payment
    belongs to its invoice's customer; where nothing is said an invoice is of 100 EUR of customer acme."""
    frames = {name: drawn(text) for name, text in tables.items()}
    says_customer = {name for name, frame in frames.items() if "customer_id" in frame}
    frames.setdefault("invoices", pd.DataFrame({"invoice_id": [], "issued_on": [], "due_on": []}, dtype="object"))
    frames.setdefault("payments", pd.DataFrame({"invoice_id": [], "paid_on": [], "amount": []}, dtype="object"))
    owner = {}
    for name, frame in frames.items():
        for column, value in DEFAULTS.get(name, {}).items():
            if column not in frame:
                frame[column] = value
        if name == "invoices":
            owner = dict(zip(frame["invoice_id"], frame["customer_id"], strict=True))
        for key in TABLES[name].key:
            if key not in frame and key.endswith("_id"):
                frame[key] = [f"{name}-{i}" for i in range(len(frame))]
    for name in ("payments", "events"):
        if name in frames and "invoice_id" in frames[name] and name not in says_customer:
            named = frames[name]["invoice_id"].map(owner)
            frames[name]["customer_id"] = named.where(named.notna(), frames[name]["customer_id"])
    if "customers" not in frames:
        ids = sorted({c for f in frames.values() if "customer_id" in f for c in f["customer_id"]})
        frames["customers"] = pd.DataFrame({"customer_id": ids or ["acme"]})
    return Ledger.from_frames(**frames)


def one(
    name: str,
    invoices: str | None = None,
    payments: str | None = None,
    *,
    as_of: str,
    customer: str = "acme",
    **tables: str,
) -> float:
    """One customer column's value from drawn tables."""
    given = {k: v for k, v in (("invoices", invoices), ("payments", payments)) if v is not None} | tables
    snapshots = pd.DataFrame({"customer_id": [customer], "as_of": pd.to_datetime([as_of])})
    return float(build(ledger(**given), snapshots)[name].iloc[0])


def one_item(name: str, item: str, *, as_of: str, **tables: str) -> float:
    """One item column's value: `item` is a drawn table of one row with issued_on, due_on, amount and perhaps invoice_id."""
    items = drawn(item).assign(customer_id="acme", currency="EUR", as_of=pd.Timestamp(as_of))
    items = items.astype({"amount": float}).assign(
        issued_on=pd.to_datetime(items["issued_on"]), due_on=pd.to_datetime(items["due_on"])
    )
    return float(build_items(ledger(**tables), items)[name].iloc[0])

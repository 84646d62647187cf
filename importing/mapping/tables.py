"""SQL of the ledger tables that a mapping describes, each over the relation of its file."""

from __future__ import annotations

from importing.mapping import paid_on_row
from importing.mapping.documents import documents_of, is_document, kind_of, rows_of
from importing.mapping.rules import IDS
from importing.mapping.values import Section, currency, field_name, made_id, needs_number, value
from ledger.contract import TABLES

_SIGNS = {"invoices": ("invoice", "credit_note"), "payments": ("payment", "reversal")}
_OF_ROOT = ("invoice_id", "customer_id", "amount", "currency")


def select(name: str, mapping: Section) -> str:
    """Return SQL of one ledger table of a mapping."""
    section, root = mapping[name], mapping[name].get("same_rows_as", name)
    on_row = root != name
    relation = f"{root}_file"
    if root == "invoices":
        by_row = name == "payments" and mapping[root].get("repeats") == "payments"
        relation = rows_of(mapping[root]) if by_row else documents_of(mapping[root])
    values = {c: value(name, c, section) for c in (*section.get("columns", {}), *section.get("constants", {}))}
    if section.get("amount_sum"):
        values["amount"] = value(name, "amount", section)
    if on_row:
        values |= _of_root(name, root, section, mapping[root], values)
    if name == "invoices" and needs_number(section, name):
        values["invoice_id"] = "invoices_invoice_id"
    if name in IDS and IDS[name] not in values:
        is_paid_there = name == "payments" and root == "invoices"
        values[IDS[name]] = paid_on_row.payment_id(values, mapping[root]) if is_paid_there else made_id(name, values)
    if "currency" in TABLES[name].columns and name != "exchange_rates":
        has_own = not on_row or "currency" in section.get("columns", {})
        values["currency"] = currency(name, section) if has_own else currency(root, mapping[root])
    where = _on_row_only(name, section, values) if on_row else ""
    if name in _SIGNS:
        _complete_kind(name, section, values)
    if name == "invoices":
        values["due_on"] = _due_on(section, values)
        where = is_document(section)
    if name == "payments" and root == "invoices":
        where = paid_on_row.complete(values, mapping[root], section)
    if name == "customers" and on_row:
        return _most_frequent(values, relation)
    return "SELECT file, line, " + ", ".join(f"{v} AS {c}" for c, v in values.items()) + f" FROM {relation}{where}"


def _of_root(name: str, root: str, section: Section, root_section: Section, values: dict[str, str]) -> dict[str, str]:
    """Return SQL of the columns that a table takes from the table whose rows it stands on."""
    made = {("invoices", "invoice_id"): "invoices_invoice_id"}
    shared = [c for c in _OF_ROOT if c in TABLES[name].columns and c not in values]
    given = {*root_section.get("columns", {}), *root_section.get("constants", {})}
    given |= {"amount"} if root_section.get("amount_sum") else set()
    return {c: value(root, c, root_section) if c in given else made.get((root, c), "NULL") for c in shared}


def _complete_kind(name: str, section: Section, values: dict[str, str]) -> None:
    """Complete SQL of kind and amount: the source's words decide the kind; without them the sign of the amount does."""
    above, below = _SIGNS[name]
    amount, kind = values["amount"], values.get("kind", "NULL")
    by_sign = f"CASE WHEN {amount} < 0 THEN '{below}' ELSE '{above}' END"
    if section.get("kinds") or "credit_amount" in section:
        kind = kind_of(section)
        values["amount"] = f"CASE WHEN ({kind}) = 'invoice' THEN {amount} ELSE abs({amount}) END"
    else:  # where the source says the kind, an amount below 0 is a contradiction and stays one
        values["amount"] = f"CASE WHEN {kind} IS NULL THEN abs({amount}) ELSE {amount} END"
    values["kind"] = f"coalesce({kind}, {by_sign})"


def _due_on(section: Section, values: dict[str, str]) -> str:
    """Return SQL of the due date: given, by the terms in words, the day of issue of a credit note, or the usual terms."""
    issued_on, days = values["issued_on"], section.get("terms_days")
    has_terms = "payment_terms" in section.get("columns", {})
    of_terms = f"due_after({issued_on}, {field_name('invoices', 'payment_terms')})" if has_terms else "NULL"
    later = f" ELSE {issued_on} + {int(days)}" if days is not None else ""
    stand_in = f"CASE WHEN ({values['kind']}) = 'credit_note' THEN {issued_on}{later} END"
    return f"coalesce({values.get('due_on', 'NULL')}, {of_terms}, {stand_in})"


def _on_row_only(name: str, section: Section, values: dict[str, str]) -> str:
    """Return SQL condition for the rows of another table that hold one of this table, too."""
    event = TABLES[name].event
    if event is not None and event in section.get("columns", {}):
        return f" WHERE {values[event]} IS NOT NULL"
    own = [field_name(name, c) for c in section.get("columns", {}) if c != "booked_on"]
    return f" WHERE coalesce({', '.join(f'CAST({c} AS VARCHAR)' for c in own) or 'NULL'}) IS NOT NULL"


def _most_frequent(values: dict[str, str], relation: str) -> str:
    """Return SQL of one row a customer, from the many rows that name it: the most frequent value of each column."""
    texts = [
        f"{f'min({v})' if v.startswith(chr(39)) else f'mode({v} ORDER BY {v})'} AS {c}"
        for c, v in values.items()
        if c != "customer_id"
    ]
    columns = ", ".join([f"{values['customer_id']} AS customer_id", *texts])
    return (
        f"SELECT NULL AS file, NULL AS line, true AS is_inferred, {columns} FROM {relation} "
        f"WHERE {values['customer_id']} IS NOT NULL AND reasons IS NULL GROUP BY ALL"
    )

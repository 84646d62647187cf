"""Declare what an import through a mapping infers, each counted with an example: due dates, ids, currencies, amounts paid."""

from __future__ import annotations

from importing.engine.format import Notice
from importing.mapping.documents import documents_of
from importing.mapping.paid_on_row import is_by_open_amount
from importing.mapping.rules import IDS
from importing.mapping.values import Section, field_name, one_currency, open_amount, sign_field
from ledger.contract import TABLES

UNDATED = "payments whose day the source does not tell: kind undated, known from the day of the import, no days late"


def notices_of(mapping: Section) -> tuple[Notice, ...]:
    """Return what is counted of an import through a mapping."""
    return tuple(notice for name in mapping for notice in _of_table(name, mapping))


def _of_table(name: str, mapping: Section) -> list[Notice]:
    section, root = mapping[name], mapping[name].get("same_rows_as", name)
    relation = f"{root}_file"
    notices = _of_due_dates(section, relation) if name == "invoices" else []
    if name == "payments" and root == "invoices":
        undated = "FROM draft_payments ANTI JOIN bad USING (file, line) WHERE kind = 'undated'"
        notices.append(Notice(
            words=UNDATED, sql=f"SELECT payment_id || ': ' || amount || ' ' || currency {undated}",
            amounts=f"SELECT amount, currency {undated}",
        ))  # fmt: skip
        if is_by_open_amount(mapping["invoices"], section):
            notices.append(Notice(
                words="amounts paid taken as the invoice's amount less what is open, since no column has them",
                sql="SELECT payment_id || ': ' || amount || ' ' || currency FROM draft_payments",
            ))  # fmt: skip
    if name in IDS and IDS[name] not in section.get("columns", {}):
        words = f"{name}: ids made of the row's content, since no column has them"
        notices.append(Notice(words=words, sql=f"SELECT {IDS[name]} FROM draft_{name}"))
    if "currency" in TABLES[name].columns and name in ("invoices", "payments"):
        notices += _of_currency(name, mapping, relation)
    if name == "invoices" and not section.get("kinds") and "kind" not in section.get("columns", {}):
        sql = "SELECT invoice_id FROM draft_invoices WHERE kind = 'credit_note'"
        notices.append(Notice(words="invoices below 0 taken as credit notes", sql=sql))
    if name == "invoices" and section.get("repeats") == "lines":
        sql = f"SELECT invoices_invoice_id FROM {relation} GROUP BY 1 HAVING count(*) > 1"
        notices.append(Notice(words="documents added up from several lines", sql=sql))
    return notices


def _of_due_dates(section: Section, relation: str) -> list[Notice]:
    notices, due_on = [], field_name("invoices", "due_on")
    has_due = "due_on" in section.get("columns", {})
    if section.get("terms_days") is not None:
        words = f"due dates: none given, {section['terms_days']} days after the issue date"
        notices.append(
            Notice(words=words, sql=f"SELECT line FROM {relation}{f' WHERE {due_on} IS NULL' if has_due else ''}")
        )
    if "payment_terms" in section.get("columns", {}):
        terms = field_name("invoices", "payment_terms")
        without = f"{due_on} IS NULL AND " if has_due else ""
        sql = f"SELECT {terms} FROM {relation} WHERE {without}{terms} IN (SELECT words FROM known_terms)"
        notices.append(Notice(words="due dates computed from the terms of payment in words", sql=sql))
    return notices


def _of_currency(name: str, mapping: Section, relation: str) -> list[Notice]:
    section = mapping[name]
    on_row = "same_rows_as" in section
    sign = (
        sign_field("invoices", mapping["invoices"]) if on_row and "invoices" in mapping else sign_field(name, section)
    )
    own = "currency" in section.get("columns", {})
    said = one_currency(sign)
    without = f"{field_name(name, 'currency')} IS NULL AND " if own else ""
    notices = [Notice(
        words=f"{name}: currency taken from the cells of the amount",
        sql=f"SELECT {said} FROM {relation} WHERE {without}({said}) IS NOT NULL",
    )]  # fmt: skip
    if not own:
        notices.append(Notice(
            words=f"{name}: currency by the mapping (or --currency), since no column has it",
            sql=f"SELECT line FROM draft_{name} SEMI JOIN (SELECT file, line FROM {relation} WHERE ({said}) IS NULL) "
            "USING (file, line)",
        ))  # fmt: skip
    return notices


def compared_open_amounts(mapping: Section) -> tuple[Notice, ...]:
    """Return the comparison of the source's own open amounts with what the import leaves open."""
    if "open_amount" not in mapping.get("invoices", {}):
        return ()
    back = "('reversal', 'refund')"
    paid = (
        f"(SELECT invoice_id, sum(CASE WHEN kind IN {back} THEN -amount ELSE amount END) AS amount FROM draft_payments "
        "ANTI JOIN bad USING (file, line) GROUP BY 1)"
        if "payments" in mapping
        else "(SELECT NULL::VARCHAR AS invoice_id, 0.0 AS amount WHERE false)"
    )
    left = open_amount(mapping["invoices"])
    return (
        Notice(
            words="invoices whose open amount in the source is not amount less paid",
            sql=f"SELECT d.invoice_id || ': ' || {left} || ' in the source, ' || round(d.amount - coalesce(p.amount, 0), 2) "
            f"FROM draft_invoices d JOIN {documents_of(mapping['invoices'])} s USING (file, line) "
            f"LEFT JOIN {paid} p USING (invoice_id) "
            f"WHERE abs(abs({left}) - abs(d.amount - CASE WHEN d.kind = 'invoice' THEN 1 ELSE -1 END * coalesce(p.amount, 0))) > 0.011",
        ),
    )

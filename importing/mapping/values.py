"""SQL of a ledger column's value as a mapping gives it: from a column, through units and words, or a constant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from importing.engine.currencies import SHARED
from importing.engine.numbers import UNITS
from importing.mapping.rules import IDS
from ledger.contract import TABLES

Section = Mapping[str, Any]
IMPORTS_OWN = "getvariable('currency')"
UNIT_WORDS = UNITS | {"thousand": 1e3, "k": 1e3, "lakh": 1e5, "million": 1e6, "crore": 1e7}
# A row's content as an id, with a running number for rows that are alike.
CONTENT_ID = (
    "'{prefix}' || left(md5(concat_ws('|', {content})), 20) || '-' || "
    "row_number() OVER (PARTITION BY {content} ORDER BY file, line)"
)


def literal(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def field_name(table: str, column: str) -> str:
    """Return the name of the field that holds a ledger column of the mapping."""
    return f"{table}_{column}"


def value(table: str, column: str, section: Section) -> str:
    """Return SQL of a ledger column: its field in the stated unit and words, else the constant, else NULL."""
    constant = section.get("constants", {}).get(column)
    text = "NULL" if constant is None else literal(str(constant))
    if (table, column) == ("invoices", "amount") and section.get("amount_sum"):
        fields = list(parts_of_amount(section))
        whole = f"CASE WHEN coalesce({', '.join(fields)}) IS NOT NULL THEN {' + '.join(f'coalesce({f}, 0)' for f in fields)} END"
        return in_units(f"({whole})", section.get("units", {}).get(column))
    if column not in section.get("columns", {}):
        return text
    read = in_units(field_name(table, column), section.get("units", {}).get(column))
    if (table, column) == ("invoices", "amount") and "credit_amount" in section:
        credit = in_units("credit_amount", section.get("units", {}).get(column))
        read = f"coalesce({read} - coalesce({credit}, 0), -{credit})"
    words = section.get("values", {}).get(column, {})
    if words:
        cases = " ".join(f"WHEN {literal(a)} THEN {literal(str(b))}" for a, b in words.items())
        read = f"CASE {read} {cases} ELSE {read} END"
    return read if constant is None else f"coalesce({read}, {text})"


def in_units(field: str, unit: Any) -> str:
    """Return SQL of a field of numbers times its unit (万, thousand, or a number); the field itself without one."""
    return field if unit is None else f"round({field} * {UNIT_WORDS.get(str(unit).casefold(), unit)}, 6)"


def parts_of_amount(section: Section) -> dict[str, str]:
    """Return field -> header of the columns that add up to the amount (an ageing list has one an age)."""
    return {f"part_{i}": header for i, header in enumerate(section.get("amount_sum", ()))}


def open_amount(section: Section) -> str:
    """Return SQL of what the source says is still open of an invoice, in the stated unit."""
    return in_units("open_amount", section.get("units", {}).get("open_amount"))


def content_of(table: str, columns: Mapping[str, Any]) -> str:
    """Return SQL of a row's mapped columns as texts, in alphabetical order."""
    return ", ".join(f"coalesce(CAST({field_name(table, c)} AS VARCHAR), '')" for c in sorted(columns))


def made_id(name: str, values: Mapping[str, str]) -> str:
    """Return SQL of an id made of a row's content."""
    content = ", ".join(f"coalesce(CAST({values[c]} AS VARCHAR), '')" for c in sorted(values))
    return CONTENT_ID.format(prefix=name[0].upper(), content=content)


def needs_number(section: Section, table: str) -> bool:
    """Return whether no column or constant gives a table's id, so that one is made."""
    return IDS[table] not in {*section.get("columns", {}), *section.get("constants", {})}


def sign_field(table: str, section: Section) -> str | None:
    """Return the field with the currency that the cells of a table's amounts name; None where it maps no amount."""
    has_both = {"amount", "currency"} <= set(TABLES[table].columns)
    return f"{table}_sign" if has_both and "amount" in section.get("columns", {}) else None


def one_currency(sign: str | None) -> str:
    """Return SQL of the currency of a sign field where it is one, not a sign of several ($, ¥)."""
    shared = ", ".join(literal(word) for word in SHARED)
    return "NULL" if sign is None else f"CASE WHEN {sign} NOT IN ({shared}) THEN {sign} END"


def currency(table: str, section: Section) -> str:
    """Return SQL of a row's currency: its column, what the amount's cell names, the constant, the import's own."""
    sign = sign_field(table, section)
    column = {"columns": section.get("columns", {}), "values": section.get("values", {})}
    constant = {"constants": section.get("constants", {})}
    parts = [value(table, "currency", column), one_currency(sign), value(table, "currency", constant), sign or "NULL"]
    given = [part for part in parts if part != "NULL"]
    return f"coalesce({', '.join([*given, IMPORTS_OWN])})"

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

    [payments]
    same_rows_as = "invoices"          # the same file has the payment on the invoice's row
    columns.paid_on = "Paid on"

    [payments.values.kind]             # the source's words for the ledger's
    "Rückzahlung" = "refund"

A payment without an amount of its own pays its invoice in full; one below 0 is a reversal. Without an id an invoice's
payment is called INVOICE:paid, any other row is numbered by its content.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from importing.engine.format import DATE, FLAG, ID, INTEGER, NUMBER, TEXT, Field, File, Format, Notice
from ledger.contract import TABLES
from ledger.errors import InputError

TYPES = {"text": TEXT, "date": DATE, "number": NUMBER, "integer": INTEGER, "flag": FLAG}
SETTINGS = {"columns", "constants", "values", "same_rows_as", "terms_days"}
FILLED = ("currency", "kind", "due_on", "booked_on")  # columns that have a stand-in where the source has none
IDS = {"invoices": "invoice_id", "payments": "payment_id", "events": "event_id"}
# A row's content as an id, with a running number for rows that are alike.
CONTENT_ID = (
    "'{prefix}' || left(md5(concat_ws('|', {content})), 20) || '-' || "
    "row_number() OVER (PARTITION BY {content} ORDER BY file, line)"
)


def read_mapping(path: str | Path) -> Format:
    """The format that a mapping file describes. Raises InputError naming the entry that is wrong."""
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
    """The format of a mapping: its files, and the SQL of its tables.

    every_column : a file must have every column that the mapping names, not only those that the ledger requires.
    """
    _check(mapping, where)
    roots = {name: section for name, section in mapping.items() if "same_rows_as" not in section}
    files = {}
    for root in roots:
        fields: dict[str, Field] = {}
        for name in [root, *(n for n, s in mapping.items() if s.get("same_rows_as") == root)]:
            for column, header in mapping[name].get("columns", {}).items():
                fields[f"{name}_{column}"] = _field(
                    name, column, header, optional=name != root, every_column=every_column
                )
        files[f"{root}_file"] = File(fields=fields, optional=len(roots) > 1)
    tables, inferred, prepared = {}, [], {}
    if "invoices" in mapping and not {"invoice_id"} & {
        *mapping["invoices"].get("columns", {}),
        *mapping["invoices"].get("constants", {}),
    }:
        content = ", ".join(
            f"coalesce(CAST({_column('invoices', c)} AS VARCHAR), '')" for c in sorted(mapping["invoices"]["columns"])
        )
        made = CONTENT_ID.format(prefix="I", content=content)
        prepared["invoices_numbered"] = f"SELECT *, {made} AS invoices_invoice_id FROM invoices_file"
    for name, section in mapping.items():
        root = section.get("same_rows_as", name)
        tables[name] = _select(
            name,
            section,
            root,
            mapping[root],
            "invoices_numbered" if root == "invoices" and prepared else f"{root}_file",
        )
        inferred += _inferred(name, section, f"{root}_file")
    paid = mapping.get("payments", {})
    is_whole = paid.get("same_rows_as") == "invoices" and "payment_id" not in paid.get("columns", {})
    return Format(
        name="table",
        title="Any table through a mapping file",
        whole_invoices=is_whole,
        files=files,
        tables=tables,
        prepared=prepared,
        inferred=tuple(inferred),
    )


def _check(mapping: Mapping[str, Any], where: str) -> None:
    if not mapping:
        raise InputError(f"{where}: the mapping is empty; it needs a section a ledger table, e.g. [invoices].")
    for name, section in mapping.items():
        if name not in TABLES:
            raise InputError(f"{where}: [{name}] is no table of the ledger; there are {', '.join(TABLES)}.")
        if not isinstance(section, dict) or set(section) - SETTINGS:
            raise InputError(
                f"{where}: [{name}] may hold {', '.join(sorted(SETTINGS))}; found "
                f"{', '.join(section) if isinstance(section, dict) else section}."
            )
        root = section.get("same_rows_as")
        if root is not None and (root not in mapping or "same_rows_as" in mapping[root]):
            raise InputError(f"{where}: [{name}].same_rows_as names '{root}', which is no section of its own.")
        for group in ("columns", "constants"):
            unknown = set(section.get(group, {})) - set(TABLES[name].columns)
            if unknown:
                raise InputError(
                    f"{where}: [{name}].{group} has {', '.join(sorted(unknown))}; {name} has "
                    f"{', '.join(TABLES[name].columns)}."
                )
        mine = {*section.get("columns", {}), *section.get("constants", {})}
        inherited = {*mapping[root].get("columns", {}), *mapping[root].get("constants", {})} if root else set()
        lacking = [
            c
            for c, declared in TABLES[name].columns.items()
            if (declared.required or c in TABLES[name].key)
            and c not in mine | inherited
            and c not in FILLED
            and c != IDS.get(name)
            and c != "country"
        ]
        if lacking:
            raise InputError(f"{where}: [{name}] has no column or constant for {', '.join(lacking)}.")


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
    )


def _select(name: str, section: Mapping[str, Any], root: str, root_section: Mapping[str, Any], relation: str) -> str:
    """SQL of one ledger table over its file's relation."""
    values = {c: _value(name, c, section) for c in (*section.get("columns", {}), *section.get("constants", {}))}
    if root != name:
        shared = [
            c
            for c in ("invoice_id", "customer_id", "amount", "currency")
            if c in TABLES[name].columns and c not in values
        ]
        for column in shared:
            given = column in {**root_section.get("columns", {}), **root_section.get("constants", {})}
            made = "invoices_invoice_id" if (root, column) == ("invoices", "invoice_id") else "NULL"
            values[column] = _value(root, column, root_section) if given else made
    if name == "invoices" and "invoice_id" not in values:
        values["invoice_id"] = "invoices_invoice_id"
    if name in IDS and IDS[name] not in values:
        values[IDS[name]] = _made_id(name, values, root)
    if "currency" in TABLES[name].columns and name != "exchange_rates":
        values["currency"] = f"coalesce(upper({values.get('currency', 'NULL')}), getvariable('currency'))"
    if name in ("invoices", "payments"):
        amount, kind = values["amount"], values.get("kind", "NULL")
        below = "credit_note" if name == "invoices" else "reversal"
        above = "invoice" if name == "invoices" else "payment"
        values["kind"] = f"coalesce({kind}, CASE WHEN {amount} < 0 THEN '{below}' ELSE '{above}' END)"
        # where the source says the kind, an amount below 0 is a contradiction and stays one
        values["amount"] = f"CASE WHEN {kind} IS NULL THEN abs({amount}) ELSE {amount} END"
    if name == "invoices":
        days = section.get("terms_days")
        later = f" ELSE {values['issued_on']} + {int(days)}" if days is not None else ""
        stand_in = f"CASE WHEN {amount} < 0 THEN {values['issued_on']}{later} END"
        values["due_on"] = f"coalesce({values.get('due_on', 'NULL')}, {stand_in})"
    where = ""
    if root != name:
        event = TABLES[name].event
        own = [_column(name, c) for c in section.get("columns", {}) if c != "booked_on"]
        where = (
            f" WHERE {values[event]} IS NOT NULL"
            if event in section.get("columns", {})
            else f" WHERE coalesce({', '.join(f'CAST({c} AS VARCHAR)' for c in own)}) IS NOT NULL"
        )
    if name == "customers" and root != name:  # one row a customer, from the many that name it: the most frequent value
        texts = ", ".join(
            f"{f'min({v})' if v.startswith(chr(39)) else f'mode({v} ORDER BY {v})'} AS {c}"
            for c, v in values.items()
            if c != "customer_id"
        )
        return (
            f"SELECT NULL AS file, NULL AS line, true AS is_inferred, {values['customer_id']} AS customer_id"
            f"{', ' if texts else ''}{texts} FROM {relation} WHERE {values['customer_id']} IS NOT NULL AND reasons IS "
            f"NULL GROUP BY ALL"
        )
    return "SELECT file, line, " + ", ".join(f"{v} AS {c}" for c, v in values.items()) + f" FROM {relation}{where}"


def _column(table: str, column: str) -> str:
    return f"{table}_{column}"


def _value(table: str, column: str, section: Mapping[str, Any]) -> str:
    constant = section.get("constants", {}).get(column)
    text = "NULL" if constant is None else _literal(str(constant))
    if column not in section.get("columns", {}):
        return text
    value = _column(table, column)
    words = section.get("values", {}).get(column, {})
    if words:
        value = (
            f"CASE {value} "
            + " ".join(f"WHEN {_literal(a)} THEN {_literal(str(b))}" for a, b in words.items())
            + f" ELSE {value} END"
        )
    return value if constant is None else f"coalesce({value}, {text})"


def _made_id(name: str, values: Mapping[str, str], root: str) -> str:
    if name == "payments" and root == "invoices":
        return f"{values['invoice_id']} || ':paid'"
    content = ", ".join(f"coalesce(CAST({values[c]} AS VARCHAR), '')" for c in sorted(values))
    return CONTENT_ID.format(prefix=name[0].upper(), content=content)


def _inferred(name: str, section: Mapping[str, Any], relation: str) -> list[Notice]:
    notices = []
    if name == "invoices" and section.get("terms_days") is not None:
        given = f" WHERE {_column(name, 'due_on')} IS NULL" if "due_on" in section.get("columns", {}) else ""
        notices.append(
            Notice(
                words=f"due dates: none given, {section['terms_days']} days after the issue date",
                sql=f"SELECT line FROM {relation}{given}",
            )
        )
    if name in IDS and IDS[name] not in section.get("columns", {}):
        notices.append(
            Notice(
                words=f"{name}: ids made of the row's content, since no column has them",
                sql=f"SELECT {IDS[name]} FROM draft_{name}",
            )
        )
    if (
        "currency" in TABLES[name].columns
        and name in ("invoices", "payments")
        and "currency" not in section.get("columns", {})
    ):
        notices.append(
            Notice(
                words=f"{name}: currency by the mapping (or --currency), since no column has it",
                sql=f"SELECT line FROM draft_{name}",
            )
        )
    if name == "invoices" and "kind" not in section.get("columns", {}):
        notices.append(
            Notice(
                words="invoices below 0 taken as credit notes",
                sql="SELECT invoice_id FROM draft_invoices WHERE kind = 'credit_note'",
            )
        )
    return notices


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


FORMAT = format_of(
    {
        "invoices": {"columns": {c: c for c in TABLES["invoices"].columns if c != "superseded_on"}},
        "payments": {"columns": {c: c for c in TABLES["payments"].columns if c != "superseded_on"}},
        "customers": {"columns": {c: c for c in TABLES["customers"].columns}},
    },
    "the ledger's own columns",
    every_column=False,
)

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

    [invoices.status]                  # rows whose state only a column of words tells
    column = "Status"
    paid = ["Paid"]                    # without a day of payment: paid on a day that is not known
    cancelled = ["Void"]               # left out, with the reason
    written_off = ["Bad debt"]         # events of the day of the import
    protested = ["Protested"]

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

A payment without an amount of its own pays its invoice in full; one below 0 is a reversal. A paid amount without a day is
kept as a payment of kind `undated`. Without an id an invoice's payment is called INVOICE:paid, any other row is numbered
by its content. A payment without a customer is its invoice's customer's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from importing.engine.format import DATE, FLAG, ID, INTEGER, NUMBER, TEXT, Field, File, Format, Notice
from importing.engine.mappings import FILLED, IDS, check, stated_of
from importing.engine.numbers import UNITS
from ledger.contract import TABLES
from ledger.errors import InputError

UNIT_WORDS = UNITS | {"thousand": 1e3, "k": 1e3, "lakh": 1e5, "million": 1e6, "crore": 1e7}
TYPES = {"text": TEXT, "date": DATE, "number": NUMBER, "integer": INTEGER, "flag": FLAG}
# A row's content as an id, with a running number for rows that are alike.
CONTENT_ID = (
    "'{prefix}' || left(md5(concat_ws('|', {content})), 20) || '-' || "
    "row_number() OVER (PARTITION BY {content} ORDER BY file, line)"
)


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
    roots = {name: section for name, section in mapping.items() if "same_rows_as" not in section}
    files = {}
    for root in roots:
        fields: dict[str, Field] = {}
        for name in [root, *(n for n, s in mapping.items() if s.get("same_rows_as") == root)]:
            for column, header in mapping[name].get("columns", {}).items():
                fields[f"{name}_{column}"] = _field(
                    name, column, header, optional=name != root, every_column=every_column
                )
        if opened := mapping[root].get("open_amount"):
            fields["open_amount"] = Field(names=(opened,), type=NUMBER, required=True, optional_value=True)
        status = mapping[root].get("status", {})
        if status:
            fields["status"] = Field(names=(status["column"],), type=TEXT, required=True, optional_value=True)
        files[f"{root}_file"] = File(fields=fields, refuse=_refused(status), optional=len(roots) > 1)
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
    status = mapping.get("invoices", {}).get("status", {})
    if {"written_off", "protested"} & set(status):
        of_status = _events_of_status(status, mapping["invoices"], "invoices_numbered" if prepared else "invoices_file")
        tables["events"] = f"{tables['events']} UNION ALL BY NAME {of_status}" if "events" in tables else of_status
    paid = mapping.get("payments", {})
    is_whole = paid.get("same_rows_as") == "invoices" and "payment_id" not in paid.get("columns", {})
    return Format(
        name="table",
        title="Any table through a mapping file",
        currency=reading.get("currency"),
        stated=stated,
        whole_invoices=is_whole,
        files=files,
        tables=tables,
        prepared=prepared,
        inferred=tuple(inferred),
        noticed=_open_amounts(mapping, "invoices_numbered" if prepared else "invoices_file"),
    )


def _open_amounts(mapping: Mapping[str, Any], relation: str) -> tuple[Notice, ...]:
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
    return (
        Notice(
            words="invoices whose open amount in the source is not amount less paid",
            sql=f"SELECT d.invoice_id || ': ' || s.open_amount || ' in the source, ' || round(d.amount - coalesce(p.amount, 0), 2) "
            f"FROM draft_invoices d JOIN {relation} s USING (file, line) LEFT JOIN {paid} p USING (invoice_id) "
            "WHERE abs(abs(s.open_amount) - abs(d.amount - coalesce(p.amount, 0))) > 0.011",
        ),
    )


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


def _select(name: str, section: Mapping[str, Any], root: str, root_section: Mapping[str, Any], relation: str) -> str:
    """Return SQL of one ledger table over its file's relation."""
    values = {c: _value(name, c, section) for c in (*section.get("columns", {}), *section.get("constants", {}))}
    has_own_amount = "amount" in section.get("columns", {})
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
        values["currency"] = f"coalesce({values.get('currency', 'NULL')}, getvariable('currency'))"
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
        of_terms = (
            f"due_after({values['issued_on']}, {_column(name, 'payment_terms')})" if _has_terms(section) else "NULL"
        )
        values["due_on"] = f"coalesce({values.get('due_on', 'NULL')}, {of_terms}, {stand_in})"
    where = ""
    if root != name:
        event = TABLES[name].event
        own = [_column(name, c) for c in section.get("columns", {}) if c != "booked_on"]
        where = (
            f" WHERE {values[event]} IS NOT NULL"
            if event in section.get("columns", {})
            else f" WHERE coalesce({', '.join(f'CAST({c} AS VARCHAR)' for c in own) or 'NULL'}) IS NOT NULL"
        )
    if name == "payments" and root == "invoices":
        where = _undated(values, root_section, has_own_amount=has_own_amount)
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


def _undated(values: dict[str, str], invoices: Mapping[str, Any], *, has_own_amount: bool) -> str:
    """Complete the SQL of payments on their invoices' rows by those without a day; return the condition for a payment.

    A row is paid on an unknown day where it has an amount of its own and no day, or the status column says paid. Such a
    payment is dated on its invoice's day of issue, is of kind `undated`, and known from the day of the import.
    """
    status, paid_on = invoices.get("status", {}), values.get("paid_on", "NULL::DATE")
    says_paid = _status_is(status, "paid")
    amount, owed = values["amount"], f"abs({_value('invoices', 'amount', invoices)})"
    plain_amount = amount
    if has_own_amount:  # a row that only the status calls paid was paid in full
        amount = (
            f"CASE WHEN {says_paid} AND {paid_on} IS NULL THEN coalesce(nullif({amount}, 0), {owed}) ELSE {amount} END"
        )
    is_undated = f"{paid_on} IS NULL"
    values["amount"] = amount
    is_note = f"{_value('invoices', 'amount', invoices)} < 0"  # what is paid on a credit note goes back to the customer
    values["kind"] = f"CASE WHEN {is_note} THEN 'refund' WHEN {is_undated} THEN 'undated' ELSE {values['kind']} END"
    values["amount"] = f"CASE WHEN {is_note} THEN abs({values['amount']}) ELSE {values['amount']} END"
    issued_on = _value("invoices", "issued_on", invoices)
    values["paid_on"] = f"coalesce({paid_on}, {issued_on})"
    booked_on = values.get("booked_on", "NULL::DATE")
    values["booked_on"] = (
        f"CASE WHEN {is_undated} THEN greatest(getvariable('known_on'), {issued_on}) ELSE {booked_on} END"
    )
    without_day = [says_paid] + ([f"{plain_amount} > 0"] if has_own_amount else [])
    return f" WHERE {paid_on} IS NOT NULL OR ({' OR '.join(f'coalesce({test}, false)' for test in without_day)})"


def _status_is(status: Mapping[str, Any], meaning: str) -> str:
    """Return an SQL test for rows whose status column has one of the words of a meaning."""
    words = ", ".join(_literal(str(word).casefold()) for word in status.get(meaning, ()))
    return f"lower(trim(status)) IN ({words})" if words else "false"


def _refused(status: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    if not status.get("cancelled"):
        return ()
    return ((_status_is(status, "cancelled"), f"{status['column']} says that the document is cancelled"),)


def _events_of_status(status: Mapping[str, Any], invoices: Mapping[str, Any], relation: str) -> str:
    """Return SQL of one row an event that a status word tells, on the day of the import: the source has no other."""
    made = "invoices_invoice_id" if relation == "invoices_numbered" else "NULL"
    invoice_id = _value("invoices", "invoice_id", invoices) if made == "NULL" else made
    parts = []
    for meaning, kind in (("written_off", "write_off"), ("protested", "payment_bounced")):
        if status.get(meaning):
            day = f"greatest(getvariable('known_on'), {_value('invoices', 'issued_on', invoices)})"
            parts.append(
                f"SELECT file, line, {invoice_id} || ':{meaning}' AS event_id, "
                f"{_value('invoices', 'customer_id', invoices)} AS customer_id, {invoice_id} AS invoice_id, "
                f"{day} AS occurred_on, '{kind}' AS kind, status AS detail, {day} AS booked_on "
                f"FROM {relation} WHERE {_status_is(status, meaning)}"
            )
    return " UNION ALL ".join(parts)


def _has_terms(section: Mapping[str, Any]) -> bool:
    return "payment_terms" in section.get("columns", {})


def _column(table: str, column: str) -> str:
    return f"{table}_{column}"


def _value(table: str, column: str, section: Mapping[str, Any]) -> str:
    constant = section.get("constants", {}).get(column)
    text = "NULL" if constant is None else _literal(str(constant))
    if column not in section.get("columns", {}):
        return text
    value = _column(table, column)
    unit = section.get("units", {}).get(column)
    if unit is not None:
        value = f"round({value} * {UNIT_WORDS.get(str(unit).casefold(), unit)}, 6)"
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
    if name == "payments" and section.get("same_rows_as") == "invoices":
        notices.append(
            Notice(
                words="payments whose day the source does not tell: kind undated, known from the day of the import, no days late",
                sql="SELECT payment_id || ': ' || amount || ' ' || currency FROM draft_payments WHERE kind = 'undated'",
                amounts="SELECT amount, currency FROM draft_payments ANTI JOIN bad USING (file, line) WHERE kind = 'undated'",
            )
        )
    if name == "invoices" and _has_terms(section):
        without = f"{_column(name, 'due_on')} IS NULL AND " if "due_on" in section.get("columns", {}) else ""
        terms = _column(name, "payment_terms")
        notices.append(
            Notice(
                words="due dates computed from the terms of payment in words",
                sql=f"SELECT {terms} FROM {relation} WHERE {without}{terms} IN (SELECT words FROM known_terms)",
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
        name: {"columns": {c: c for c in table.columns if c != "superseded_on"}}
        for name in ("invoices", "payments", *(n for n in TABLES if n not in ("invoices", "payments")))
        if (table := TABLES[name])
    },
    "the ledger's own columns",
    every_column=False,
)

"""Check rows that are sent to a living ledger, one by one: types, rules, keys, references; what is new, known or corrected."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import duckdb
import pandas as pd

from decisions.living_ledger import LivingLedger
from ledger.contract import SQL_TYPES, TABLES, Table
from ledger.errors import InputError
from ledger.ledger import Ledger
from ledger.validation import connect
from models.protected import refuse_protected
from serving.amounts import why_not_plain

Row = Mapping[str, Any]
ORDER = tuple(TABLES)  # customers and invoices come before the rows that refer to them


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A row that was not taken. place : its index in the list sent."""

    table: str
    place: int
    reason: str
    field: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the refusal as it stands in an answer."""
        path = f"{self.table}[{self.place}]" + (f".{self.field}" if self.field else "")
        return {"table": self.table, "row": self.place, "field": path, "expected": self.reason}


@dataclass(frozen=True, kw_only=True)
class Taken:
    """An accepted row: its key, its values as JSON (ISO dates, null for missing), whether it corrects an older one."""

    table: str
    place: int
    key: str
    row: dict[str, Any]
    is_correction: bool

    @property
    def customer_id(self) -> str | None:
        """Return the customer that the row names; None where its table has no customer."""
        return self.row.get("customer_id")

    @property
    def content(self) -> str:
        """Return the row's canonical text."""
        return json.dumps(self.row, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


@dataclass(kw_only=True)
class Checked:
    """The result of checking: accepted rows, refused ones, and how many of each table were known already."""

    taken: list[Taken] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    unchanged: dict[str, int] = field(default_factory=dict)


def check_rows(tables: Mapping[str, Sequence[Row]], living: LivingLedger, *, today: date | None = None) -> Checked:
    """Check every row of some tables against the ledger's contract and the rows that the ledger holds.

    A row whose key the ledger holds with the same content is unchanged; with another content it corrects the older row
    from its known day on: the latest of its own, the older row's and, where none is given, the ledger's last known day.
    """
    found = Checked()
    latest = (today or datetime.now(UTC).date()) + timedelta(days=1)
    accepted: dict[str, list[Taken]] = {}
    connection = _connection()
    for name in (name for name in ORDER if tables.get(name)):
        rows = tables[name]
        whole = _well_formed(connection, name, rows, found)
        current = current_rows(living, name, (row for row in whole.values()))
        seen: set[str] = set()
        accepted[name] = []
        for place, row in whole.items():
            key = key_of(name, row)
            reason = "the same key stands twice in this request" if key in seen else None
            seen.add(key)
            reason = reason or _lacking(name, row, living, accepted) or _future(name, row, latest)
            if reason is not None:
                found.refused.append(Refusal(table=name, place=place, reason=reason))
                continue
            taken = _against(name, place, key, row, current.get(key), living, found)
            if taken is not None:
                accepted[name].append(taken)
    found.taken = [row for name in ORDER for row in accepted.get(name, [])]
    return found


def key_of(name: str, row: Row) -> str:
    """Return a row's key as one text."""
    return "\x1f".join("" if row.get(column) is None else str(row[column]) for column in TABLES[name].key)


def _well_formed(
    connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Row], found: Checked
) -> dict[int, dict[str, Any]]:
    """Return the rows that hold the table's types and rules, by their place, known dates filled; refuse the others."""
    table = TABLES[name]
    given: dict[int, Row] = {}
    for place, row in enumerate(rows):
        unknown = [c for c in row if c not in table.columns or c == "superseded_on"]
        if unknown:
            reason = f"is not a column of {name} that can be sent; it has {', '.join(_sendable(table))}"
            found.refused.append(Refusal(table=name, place=place, field=unknown[0], reason=reason))
        elif (fault := _odd_amount(table, row)) is not None:
            found.refused.append(Refusal(table=name, place=place, field=fault[0], reason=fault[1]))
        elif name == "attributes" and (words := _protected(row)) is not None:
            found.refused.append(Refusal(table=name, place=place, field="name", reason=words))
        else:
            given[place] = row
    if not given:
        return {}
    texts = pd.DataFrame(
        {c: pd.Series([_text(row.get(c)) for row in given.values()], dtype="str") for c in table.columns}
    )
    texts.insert(0, "place", list(given))
    connection.register("given", texts)
    rules = _rules(name)
    tests = ", ".join(f"({test})" for _, test, _ in rules)
    casts = ", ".join(f'TRY_CAST("{c}" AS {SQL_TYPES[d.type]}) AS {c}' for c, d in table.columns.items())
    columns = ", ".join(table.columns)
    query = f"SELECT place, [{tests}], {columns} FROM (SELECT place, {casts}, {_raw(table)} FROM given) ORDER BY place"
    answered = connection.execute(query).fetchall()
    connection.unregister("given")
    kept: dict[int, dict[str, Any]] = {}
    for place, broken, *values in answered:
        faults = [(column, words) for (column, _, words), is_broken in zip(rules, broken, strict=True) if is_broken]
        if faults:
            column, words = faults[0]
            found.refused.append(Refusal(table=name, place=place, field=column, reason=words))
            continue
        typed = {column: _value(value) for column, value in zip(table.columns, values, strict=True)}
        if table.known and typed.get(table.known) is None and table.event:
            typed[table.known] = typed[table.event]
        kept[place] = typed
    return kept


def _raw(table: Table) -> str:
    return ", ".join(f'"{c}" AS raw_{c}' for c in table.columns)


@cache
def _rules(name: str) -> list[tuple[str, str, str]]:
    """Return (column, SQL that is true where a typed row breaks the rule, what is expected) of a table."""
    found = []
    for column, declared in TABLES[name].columns.items():
        kind = {
            "date": "a date as YYYY-MM-DD",
            "number": "a number",
            "integer": "a whole number",
            "flag": "true or false",
        }
        words = f"must be {kind.get(declared.type, 'text')}"
        found.append((column, f"raw_{column} IS NOT NULL AND {column} IS NULL", words))
        if declared.required or (column in TABLES[name].key and column != "country"):
            found.append((column, f"{column} IS NULL", "must not be empty"))
        if declared.rule != "true":
            rule = declared.rule.format(column=column)
            found.append(
                (column, f"coalesce({column} IS NOT NULL AND NOT ({rule}), false)", f"must be {declared.words}")
            )
    return found


def _sendable(table: Table) -> list[str]:
    return [column for column in table.columns if column != "superseded_on"]


def _odd_amount(table: Table, row: Row) -> tuple[str, str] | None:
    """Return (column, what is expected) of a number that is sent as text in another form than ours; None if none is."""
    for column, cell in row.items():
        if (
            table.columns[column].type == "number"
            and isinstance(cell, str)
            and (why := why_not_plain(cell)) is not None
        ):
            return column, why
    return None


def _protected(row: Row) -> str | None:
    try:
        refuse_protected([str(row.get("name"))])
    except InputError as why:
        return str(why)
    return None


def _lacking(name: str, row: Row, living: LivingLedger, accepted: Mapping[str, Sequence[Taken]]) -> str | None:
    """Return what a row refers to that neither the ledger nor the rows accepted before it hold; None if all is there."""
    customer = row.get("customer_id")
    if name != "customers" and customer is not None and not _has_customer(living, customer, accepted):
        return "customer_id: must be a customer of the ledger; send the customer too"
    if name == "events" and row["kind"] == "merged_into":
        target = row.get("detail")
        if target is None or target == customer or not _has_customer(living, str(target), accepted):
            return "detail: must be another customer of the ledger, into which this one was merged"
    if name not in ("payments", "instalments") or row.get("invoice_id") is None:
        return None
    invoice = next((t.row for t in accepted.get("invoices", ()) if t.row["invoice_id"] == row["invoice_id"]), None)
    invoice = invoice or current_rows(living, "invoices", [{"invoice_id": row["invoice_id"]}]).get(
        str(row["invoice_id"])
    )
    if invoice is None:
        return "invoice_id: must be an invoice of the ledger; send the invoice too, or leave it empty (unapplied cash)"
    if name == "payments" and invoice["currency"] != row["currency"]:
        return f"currency: must be its invoice's, {invoice['currency']}"
    return None


def _has_customer(living: LivingLedger, customer: str, accepted: Mapping[str, Sequence[Taken]]) -> bool:
    if living.base.prepared.owners.index.get_indexer(pd.Index([customer], dtype=object))[0] >= 0:
        return True
    return any(taken.row["customer_id"] == customer for taken in accepted.get("customers", ()))


def _future(name: str, row: Row, latest: date) -> str | None:
    """Return why a row is from a day to come; None where it is not: one such row would move every customer's day."""
    table = TABLES[name]
    for column in (table.event, table.known):
        if column and name != "credit_terms" and row.get(column) is not None and row[column] > latest.isoformat():
            return f"{column}: {row[column]} lies in the future"
    return None


def current_rows(living: LivingLedger, name: str, rows: Iterable[Row]) -> dict[str, dict[str, Any]]:
    """Return the rows that the ledger holds now under the keys of some rows, by key; later ones before older ones."""
    table, wanted = TABLES[name], list(rows)
    if not wanted:
        return {}
    first = table.key[0]
    values = [row[first] for row in wanted if row.get(first) is not None]
    keys = {key_of(name, row) for row in wanted}
    found: dict[str, dict[str, Any]] = {}
    added = living.grown.added
    for frame in (living.base.ledger[name], *(() if added is None else (added[name],))):
        if not len(frame):
            continue
        some = frame[frame[first].isin(values)]
        if "superseded_on" in some:
            some = some[some["superseded_on"].isna()]
        for row in some.to_dict("records"):
            held = {str(c): _value(v) for c, v in row.items()}
            if (key := key_of(name, held)) in keys:
                found[key] = held
    return found


def _against(
    name: str, place: int, key: str, row: dict[str, Any], older: Row | None, living: LivingLedger, found: Checked
) -> Taken | None:
    """Return an accepted row, as new or as a correction; None where it is known already or refused."""
    table = TABLES[name]
    if older is None:
        return Taken(table=name, place=place, key=key, row=row, is_correction=False)
    told = {table.known, "superseded_on"}
    if all(row.get(column) == older.get(column) for column in table.columns if column not in told):
        found.unchanged[name] = found.unchanged.get(name, 0) + 1
        return None
    if table.known is None or table.event is None:
        if name == "exchange_rates":
            found.refused.append(Refusal(
                table=name, place=place, reason=f"the ledger holds another rate of this day ({older['rate']}): a rate is not revalued",
            ))  # fmt: skip
            return None
        return Taken(table=name, place=place, key=key, row=row, is_correction=True)
    given = row[table.known] if row[table.known] != row[table.event] else living.known_to.isoformat()
    known = max(given, str(older[table.known]), row[table.event], str(older[table.event]))
    return Taken(table=name, place=place, key=key, row={**row, table.known: known}, is_correction=True)


@cache
def _empty() -> Mapping[str, pd.DataFrame]:
    """Return every table without rows."""
    return Ledger.from_frames().tables


def ledger_of(taken: Iterable[Taken]) -> Ledger:
    """Return accepted rows as tables: they were checked one by one and are not checked again."""
    frames = dict(_empty())
    rows: dict[str, list[Row]] = {}
    for row in taken:
        rows.setdefault(row.table, []).append(row.row)
    for name, some in rows.items():
        columns = {}
        for column, declared in TABLES[name].columns.items():
            values = [row.get(column) for row in some]
            if declared.type == "date":
                columns[column] = pd.Series(pd.to_datetime(pd.Series(values, dtype=object)).to_numpy("datetime64[s]"))
            elif declared.type == "text":
                columns[column] = pd.Series(values, dtype="str")
            elif declared.type == "flag":
                columns[column] = pd.Series(values, dtype=object if None in values else bool)
            else:
                is_whole = declared.type == "integer" and None not in values
                columns[column] = pd.Series(values, dtype="int64" if is_whole else "float64")
        frames[name] = pd.DataFrame(columns)
    return Ledger(tables=frames)


_OF_THREAD = threading.local()


def _connection() -> duckdb.DuckDBPyConnection:
    """Return this thread's connection: making one costs more than checking a row."""
    if not hasattr(_OF_THREAD, "connection"):
        _OF_THREAD.connection = connect()
    found: duckdb.DuckDBPyConnection = _OF_THREAD.connection
    return found


def _text(cell: Any) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell or None
    return str(cell).lower() if isinstance(cell, bool) else repr(cell)


def _value(cell: Any) -> Any:
    """Return a cell as JSON: ISO dates, None for missing."""
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and cell != cell):
        return None
    if isinstance(cell, pd.Timestamp):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if cell is pd.NA:
        return None
    return cell.item() if hasattr(cell, "item") else cell

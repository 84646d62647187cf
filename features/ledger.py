"""The ledger: its tables, their columns and rules, how it is read, and what is said when a rule is broken.

One declaration (`TABLES`) serves the reader, the importers and the documentation. Rules are SQL predicates so that
the same rule runs over ten rows in memory and over ten million in a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from features.errors import InputError

INVOICE_KINDS = ("invoice", "credit_note")
PAYMENT_KINDS = ("payment", "reversal", "refund", "netting", "factoring")
EVENT_KINDS = (
    "dispute_opened", "dispute_closed", "dunning", "promise_to_pay", "promise_broken", "payment_bounced",
    "order_blocked", "write_off", "recovery", "concession", "insolvency", "insurance_claim", "merged_into",
)  # fmt: skip

SQL_TYPES = {"text": "VARCHAR", "date": "DATE", "number": "DOUBLE", "integer": "BIGINT", "flag": "BOOLEAN"}
SMALLEST_AMOUNT = 0.005  # below half a cent an amount is no amount


class LedgerError(InputError):
    """The ledger breaks its contract. The message says where, what, how many, an example and what to do."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column: its type, whether it may be empty, and a rule as an SQL predicate with its words."""

    type: str
    required: bool = False
    rule: str = "true"
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """One table: its key, its columns, and which of them say when a row happened and when the books first held it.

    `superseded_on` (an extension of the contract) is the day from which a corrected row no longer counts: the row
    that replaces it is booked on that day. Rows of one key may differ only by it.
    """

    key: tuple[str, ...]
    columns: Mapping[str, Column]
    event: str | None = None
    known: str | None = None
    required: bool = False


def _text(required: bool = False, **rule: str) -> Column:
    return Column(type="text", required=required, **rule)


def _date(required: bool = False, **rule: str) -> Column:
    return Column(type="date", required=required, **rule)


def _one_of(values: Iterable[str]) -> dict[str, str]:
    values = tuple(values)
    return {"rule": "{column} IN (" + ", ".join(f"'{v}'" for v in values) + ")", "words": "one of " + ", ".join(values)}


_ID = _text(True, rule="length({column}) > 0", words="not empty")
_AMOUNT = Column(
    type="number", required=True, rule=f"isfinite({{column}}) AND {{column}} >= {SMALLEST_AMOUNT}", words="above 0"
)
_MONEY = Column(type="number", rule="isfinite({column}) AND {column} >= 0", words="0 or above")
_NUMBER = Column(type="number", rule="isfinite({column})", words="a finite number")
_SHARE = Column(type="number", rule="{column} BETWEEN 0 AND 1", words="between 0 and 1")
_CURRENCY = _text(True, rule="regexp_full_match({column}, '[A-Z]{{3}}')", words="an ISO 4217 code, e.g. EUR")
_COUNTRY = _text(rule="regexp_full_match({column}, '[A-Z]{{2}}')", words="an ISO 3166 alpha-2 code, e.g. DE")
_EVENT_DAY = _date(
    True, rule="{column} BETWEEN DATE '1950-01-01' AND DATE '2199-12-31'", words="a real day (1900-01-01 is none)"
)

TABLES: Mapping[str, Table] = {
    "customers": Table(
        key=("customer_id",), required=True,
        columns={
            "customer_id": _ID, "name": _text(), "country": _COUNTRY, "industry": _text(), "segment": _text(),
            "legal_form": _text(), "is_natural_person": Column(type="flag"), "onboarded_on": _date(),
            "parent_id": _text(),
        },
    ),
    "invoices": Table(
        key=("invoice_id",), required=True, event="issued_on", known="booked_on",
        columns={
            "invoice_id": _ID, "customer_id": _ID, "kind": _text(True, **_one_of(INVOICE_KINDS)),
            "issued_on": _EVENT_DAY,
            "due_on": _date(True, rule="{column} >= issued_on", words="on or after issued_on"),
            "amount": _AMOUNT, "currency": _CURRENCY, "applies_to": _text(), "payment_terms": _text(),
            "booked_on": _date(), "superseded_on": _date(),
        },
    ),
    "payments": Table(
        key=("payment_id",), required=True, event="paid_on", known="booked_on",
        columns={
            "payment_id": _ID, "customer_id": _ID, "invoice_id": _text(), "paid_on": _EVENT_DAY, "amount": _AMOUNT,
            "currency": _CURRENCY, "method": _text(), "kind": _text(True, **_one_of(PAYMENT_KINDS)),
            "booked_on": _date(), "superseded_on": _date(),
        },
    ),
    "events": Table(
        key=("event_id",), event="occurred_on", known="booked_on",
        columns={
            "event_id": _ID, "customer_id": _ID, "invoice_id": _text(), "occurred_on": _EVENT_DAY,
            "kind": _text(True, **_one_of(EVENT_KINDS)), "amount": _MONEY, "detail": _text(), "booked_on": _date(),
            "superseded_on": _date(),
        },
    ),
    "credit_terms": Table(
        key=("customer_id", "effective_on"), event="effective_on", known="booked_on",
        columns={
            "customer_id": _ID, "effective_on": _EVENT_DAY, "credit_limit": _MONEY,
            "payment_terms_days": Column(type="integer", rule="{column} >= 0", words="0 or above"),
            "insured_limit": _MONEY, "insured_share": _SHARE, "first_loss": _MONEY,
            "maximum_extension_days": Column(type="integer", rule="{column} >= 0", words="0 or above"),
            "booked_on": _date(),
        },
    ),
    "ratings": Table(
        key=("customer_id", "source", "rated_on"), event="rated_on", known="published_on",
        columns={
            "customer_id": _ID, "source": _ID, "rated_on": _EVENT_DAY, "value": _text(True), "scale": _text(True),
            "published_on": _date(),
        },
    ),
    "attributes": Table(
        key=("customer_id", "name", "observed_on"), event="observed_on", known="booked_on",
        columns={
            "customer_id": _ID, "name": _ID, "observed_on": _EVENT_DAY, "value": _text(True), "booked_on": _date(),
        },
    ),
    "macro": Table(
        key=("series", "country", "observed_on"), event="observed_on", known="published_on",
        columns={
            "series": _ID, "country": _COUNTRY, "observed_on": _EVENT_DAY,
            "value": Column(type="number", required=True, rule="isfinite({column})", words="a finite number"),
            "published_on": _date(),
        },
    ),
    "exchange_rates": Table(
        key=("currency", "observed_on"), event="observed_on",
        columns={
            "currency": _CURRENCY, "observed_on": _EVENT_DAY,
            "rate": Column(type="number", required=True, rule="isfinite({column}) AND {column} > 0", words="above 0"),
        },
    ),
}  # fmt: skip

# Rules across tables: (table, SQL that selects the offending rows, words, what to do).
REFERENCES = (
    ("invoices", "customer_id NOT IN (SELECT customer_id FROM customers)",
     "customer_id must stand in customers", "add the customer"),
    ("payments", "customer_id NOT IN (SELECT customer_id FROM customers)",
     "customer_id must stand in customers", "add the customer"),
    ("payments", "invoice_id IS NOT NULL AND invoice_id NOT IN (SELECT invoice_id FROM invoices)",
     "invoice_id must stand in invoices", "add the invoice, or leave invoice_id empty (unapplied cash)"),
    ("payments", "invoice_id IS NOT NULL AND (invoice_id, currency) NOT IN (SELECT (invoice_id, currency) FROM invoices)",
     "currency must be its invoice's", "state the payment in the invoice's currency"),
    ("events", "customer_id NOT IN (SELECT customer_id FROM customers)",
     "customer_id must stand in customers", "add the customer"),
)  # fmt: skip


def source_of(folder: Path, name: str) -> str | None:
    """The SQL table function that reads table `name` of a ledger folder, or None where the folder has no such table.

    `NAME.parquet` (a file, or a folder of part files) comes before `NAME.csv`.
    """
    parquet, csv = folder / f"{name}.parquet", folder / f"{name}.csv"
    if parquet.is_dir():
        return f"read_parquet({_quoted(str(parquet / '**' / '*.parquet'))}, union_by_name = true)"
    if parquet.exists():
        return f"read_parquet({_quoted(str(parquet))})"
    if csv.exists():
        return f"read_csv({_quoted(str(csv))}, all_varchar = true, header = true, nullstr = '')"
    return None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def connect() -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that loads nothing from the network and prints no progress bar of its own."""
    return duckdb.connect(
        config={"autoinstall_known_extensions": False, "autoload_known_extensions": False, "threads": 2}
    )


def read_ledger(path: str | Path, *, customers: Iterable[str] | None = None) -> Ledger:
    """Read a ledger from a folder of Parquet or CSV tables, or from a DuckDB file, and check it once.

    Parameters
    ----------
    path : the folder, or a `.duckdb` file that holds the tables under their names.
    customers : read only these customers' rows (tables without a customer are read whole).

    Raises
    ------
    LedgerError : no such folder, a table or column missing, a value that is not of its column's type, a broken rule.
    """
    path = Path(path)
    connection = connect()
    if not path.exists():
        raise LedgerError(f"{path}: no such ledger. `tradecredit sample {path}` writes one, `tradecredit import` fills one.")
    if path.is_file():
        connection.execute(f"ATTACH {_quoted(str(path))} AS book (READ_ONLY)")
        present = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'book'").fetchall()}
        sources = {name: f"book.{name}" for name in TABLES if name in present}
    else:
        sources = {name: found for name in TABLES if (found := source_of(path, name)) is not None}
    missing = [name for name, table in TABLES.items() if table.required and name not in sources]
    if missing:
        raise LedgerError(f"{path}: a ledger needs the tables customers, invoices and payments; {', '.join(missing)} not found.")
    wanted = None if customers is None else pd.DataFrame({"customer_id": pd.Series(list(customers), dtype="str")})
    if wanted is not None:
        connection.register("wanted", wanted)
    frames = {}
    for name, source in sources.items():
        where = " SEMI JOIN wanted USING (customer_id)" if wanted is not None and "customer_id" in TABLES[name].columns else ""
        frames[name] = _typed(connection, name, f"SELECT * FROM {source}{where}")
    # one customer's part of a ledger may refer to customers and invoices outside of it
    return _checked(frames, references=wanted is None)


def _typed(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> pd.DataFrame:
    """The rows of `query` as a frame with exactly the columns of table `name`, each of its type."""
    table = TABLES[name]
    relation = connection.sql(query)
    found = dict(zip(relation.columns, (str(t) for t in relation.types), strict=True))
    lacking = [c for c, column in table.columns.items() if c not in found and (column.required or c in table.key) and c != "country"]
    if lacking:
        raise LedgerError(f"{name}: columns {', '.join(lacking)} are missing; found {', '.join(found)}.")
    casts, tests = [], []
    for column, declared in table.columns.items():
        sql_type = SQL_TYPES[declared.type]
        if column not in found:
            casts.append(f"CAST(NULL AS {sql_type}) AS {column}")
        else:
            casts.append(f'TRY_CAST("{column}" AS {sql_type}) AS {column}')
            if found[column] != sql_type:
                tests.append((column, f'"{column}" IS NOT NULL AND TRY_CAST("{column}" AS {sql_type}) IS NULL'))
    for column, test in tests:
        count, example, total = connection.execute(
            f'SELECT count(*) FILTER ({test}), any_value(CAST("{column}" AS VARCHAR)) FILTER ({test}), count(*) FROM ({query})'
        ).fetchall()[0]
        if count:
            raise LedgerError(
                f"{name}.{column}: must be a {table.columns[column].type}; fails in {count:,} of {total:,} rows, e.g. '{example}'. "
                f"Correct the file, or import it with `tradecredit import`, which quarantines such rows."
            )
    return connection.sql(f"SELECT {', '.join(casts)} FROM ({query})").to_arrow_table().to_pandas(date_as_object=False)


def _checked(frames: Mapping[str, pd.DataFrame], *, references: bool) -> Ledger:
    """A ledger with every table present, every known date filled, every rule held."""
    connection = connect()
    complete = {}
    for name, table in TABLES.items():
        frame = frames.get(name)
        if frame is None:
            frame = _typed(connection, name, "SELECT " + ", ".join(
                f"CAST(NULL AS {SQL_TYPES[c.type]}) AS {n}" for n, c in table.columns.items()) + " WHERE false")
        if table.event and table.known:
            frame = frame.assign(**{table.known: frame[table.known].fillna(frame[table.event])})
        for column, declared in table.columns.items():
            if declared.type == "date":
                frame[column] = frame[column].astype("datetime64[s]")
            elif declared.type == "text":
                frame[column] = frame[column].astype("str")
        complete[name] = frame.reset_index(drop=True)
        connection.register(name, complete[name])
    for name, table in TABLES.items():
        if len(complete[name]):
            _hold(connection, name, table, len(complete[name]))
    if references:
        for name, offending, words, remedy in REFERENCES:
            _refuse(connection, name, len(complete[name]), offending, words, remedy)
    return Ledger(tables=complete)


def _hold(connection: duckdb.DuckDBPyConnection, name: str, table: Table, total: int) -> None:
    for column, declared in table.columns.items():
        if declared.required:
            _refuse(connection, name, total, f"{column} IS NULL", f"{column} must not be empty", "fill it", column)
        if declared.rule != "true":
            broken = f"{column} IS NOT NULL AND NOT ({declared.rule.format(column=column)})"
            _refuse(connection, name, total, broken, f"{column} must be {declared.words}", "correct the rows", column)
    current = "WHERE superseded_on IS NULL" if "superseded_on" in table.columns else ""
    key = ", ".join(table.key)
    repeated = connection.execute(
        f"SELECT count(*), any_value(k) FROM (SELECT concat_ws(' ', {key}) AS k FROM {name} {current} GROUP BY {key} HAVING count(*) > 1)"
    ).fetchall()[0]
    if repeated[0]:
        raise LedgerError(
            f"{name}: {key} must be unique; {repeated[0]:,} values stand more than once, e.g. '{repeated[1]}'. "
            "Remove the copies, or give a corrected row's predecessor a superseded_on."
        )


def _refuse(connection: duckdb.DuckDBPyConnection, name: str, total: int, offending: str, words: str, remedy: str, column: str | None = None) -> None:
    key = "concat_ws(' ', " + ", ".join(TABLES[name].key) + ")"
    value = f"CAST({column} AS VARCHAR)" if column else "''"
    found = connection.execute(f"SELECT count(*), min_by({key}, {key}), min_by({value}, {key}) FROM {name} WHERE {offending}").fetchall()[0]
    if found[0]:
        shown = f" ('{found[2]}')" if column else ""
        raise LedgerError(f"{name}.{words}; fails in {found[0]:,} of {total:,} rows, e.g. {found[1]}{shown}: {remedy}.")


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The tables of a ledger, checked, every table present (perhaps empty), every `booked_on` filled.

    `tables` maps a table's name to a frame with exactly the declared columns: text as pandas `str`, dates as
    `datetime64[s]`, amounts as float64 in the document currency. Missing is NaN or NaT and means 'not given'.
    """

    tables: Mapping[str, pd.DataFrame] = field(repr=False)

    @classmethod
    def from_frames(cls, *, references: bool = True, **frames: pd.DataFrame) -> Ledger:
        """A checked ledger from frames in memory, by table name; columns may be text, as read from a form."""
        unknown = sorted(set(frames) - set(TABLES))
        if unknown:
            raise LedgerError(f"unknown tables {', '.join(unknown)}; a ledger has {', '.join(TABLES)}.")
        connection = connect()
        typed = {}
        for name, frame in frames.items():
            connection.register("given", frame.reset_index(drop=True).copy())  # DuckDB cannot read reversed views
            typed[name] = _typed(connection, name, "SELECT * FROM given")
            connection.unregister("given")
        return _checked(typed, references=references)

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    @property
    def customers(self) -> pd.DataFrame:
        return self.tables["customers"]

    @property
    def invoices(self) -> pd.DataFrame:
        return self.tables["invoices"]

    @property
    def payments(self) -> pd.DataFrame:
        return self.tables["payments"]

    @property
    def events(self) -> pd.DataFrame:
        return self.tables["events"]

    @cached_property
    def last_known_on(self) -> date:
        """The last day on which the books held something new: the ledger's own 'today'."""
        days = [self.tables[t][c].max() for t in ("invoices", "payments", "events") for c in (TABLES[t].event, TABLES[t].known)]
        days = [day for day in days if not pd.isna(day)]
        if not days:
            raise LedgerError("the ledger has no invoice, payment or event: nothing is known on any day.")
        return max(days).date()

    def of(self, customer_ids: Iterable[str]) -> Ledger:
        """The same ledger with only these customers' rows (tables without a customer stay whole)."""
        wanted = pd.Index(list(customer_ids))
        return Ledger(tables={
            name: frame[frame["customer_id"].isin(wanted)].reset_index(drop=True) if "customer_id" in frame else frame
            for name, frame in self.tables.items()
        })  # fmt: skip

    def write(self, folder: str | Path) -> None:
        """Write the ledger as one Parquet file a table (empty optional tables are left out)."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        connection = connect()
        for name, frame in self.tables.items():
            if len(frame) or TABLES[name].required:
                connection.register("given", frame)
                casts = ", ".join(f"CAST({c} AS {SQL_TYPES[d.type]}) AS {c}" for c, d in TABLES[name].columns.items())
                connection.execute(f"COPY (SELECT {casts} FROM given) TO {_quoted(str(folder / f'{name}.parquet'))} (FORMAT parquet)")
                connection.unregister("given")

    @cached_property
    def fingerprint(self) -> str:
        """64 hex digits that name the content: equal for equal rows in any order, different after any change.

        The sum of the MD5 numbers of the rows' canonical texts (order does not matter, exact in 128 bits), per table,
        under one SHA-256.
        """
        import hashlib

        connection = connect()
        whole = hashlib.sha256()
        for name, frame in sorted(self.tables.items()):
            if not len(frame):
                continue
            connection.register("given", frame)
            parts = ", ".join(_canonical(c, d) for c, d in TABLES[name].columns.items())
            row = connection.execute(
                f"SELECT count(*), sum((md5_number(concat_ws(chr(31), {parts})) & 18446744073709551615::UHUGEINT)::HUGEINT) FROM given"
            ).fetchall()[0]
            whole.update(f"{name}:{row}".encode())
            connection.unregister("given")
        return whole.hexdigest()


def _canonical(column: str, declared: Column) -> str:
    sql: dict[str, Any] = {"number": f"CAST({column} AS DECIMAL(30, 6))", "date": f"CAST({column} AS DATE)"}
    return f"coalesce(CAST({sql.get(declared.type, column)} AS VARCHAR), chr(0))"

"""The ledger: the tables in memory, read from a folder or a DuckDB file and validated once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from ledger.contract import SQL_TYPES, TABLES, Column, LedgerError, Table
from ledger.dated_master import customers_on
from ledger.odd_rows import OddRow
from ledger.validation import checked, connect, quoted, typed

__all__ = ["TABLES", "Column", "Ledger", "LedgerError", "Table", "connect", "read_ledger", "source_of"]


def source_of(folder: Path, name: str) -> str | None:
    """Return the SQL table function that reads table `name` of a ledger folder, or None where the folder has no such table.

    `NAME.parquet` (a file, or a folder of part files) comes before `NAME.csv`. Imports keep a superseded row where it
    is and put its closed copy into `NAME.superseded/`; here the copy takes the row's place.
    """
    parquet, csv = folder / f"{name}.parquet", folder / f"{name}.csv"
    if parquet.is_dir():
        parts = f"read_parquet({quoted(str(parquet / '**' / '*.parquet'))}, union_by_name = true)"
        superseded = folder / f"{name}.superseded"
        return _with_superseded(name, parts, superseded) if superseded.is_dir() else parts
    if parquet.exists():
        return f"read_parquet({quoted(str(parquet))})"
    if csv.exists():
        return f"read_csv({quoted(str(csv))}, all_varchar = true, header = true, nullstr = '')"
    return None


def _with_superseded(name: str, parts: str, superseded: Path) -> str:
    """Return the part files' rows, each superseded one replaced by its copy that says until when it counted.

    A row is found by its key and the number of the part that brought it (0: there before the first import).
    """
    # a macro series of no country has an empty key column, which `=` would never match
    nullable = {column for column in TABLES[name].key if not TABLES[name].columns[column].required}
    key = " AND ".join(
        f"o.{column} {'IS NOT DISTINCT FROM' if column in nullable else '='} p.{column}" for column in TABLES[name].key
    )
    closed = f"read_parquet({quoted(str(superseded / '*.parquet'))}, union_by_name = true)"
    return (
        f"(WITH p AS (SELECT NULL::INTEGER AS part WHERE false UNION ALL BY NAME SELECT * FROM {parts}), o AS (SELECT * FROM {closed}) "
        f"SELECT * FROM p WHERE NOT EXISTS (SELECT 1 FROM o WHERE {key} AND o.part = coalesce(p.part, 0)) "
        "UNION ALL BY NAME SELECT * FROM o)"
    )


def read_ledger(
    path: str | Path, *, customers: Iterable[str] | None = None, left_out: list[OddRow] | None = None
) -> Ledger:
    """Read a ledger from a folder of Parquet or CSV tables, or from a DuckDB file, and check it once.

    Parameters
    ----------
    path : the folder, or a `.duckdb` file that holds the tables under their names.
    customers : read only these customers' rows and their invoices' instalments (tables of no customer are read whole).
    left_out : read without rows that break a rule, and add them to this list; None: such rows are refused.

    Raises
    ------
    LedgerError : no such folder, a table or column missing, a value that is not of its column's type, a broken rule.
    """
    path = Path(path)
    connection = connect()
    if not path.exists():
        raise LedgerError(
            f"{path}: no such ledger. `tradecredit sample {path}` writes one, `tradecredit import` fills one."
        )
    if path.is_file():
        connection.execute(f"ATTACH {quoted(str(path))} AS book (READ_ONLY)")
        present = {
            row[0]
            for row in connection.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = 'book'"
            ).fetchall()
        }
        sources = {name: f"book.{name}" for name in TABLES if name in present}
    else:
        sources = {name: found for name in TABLES if (found := source_of(path, name)) is not None}
    missing = [name for name, table in TABLES.items() if table.required and name not in sources]
    if missing:
        raise LedgerError(
            f"{path}: a ledger needs the tables customers, invoices and payments; {', '.join(missing)} not found."
        )
    wanted = None if customers is None else pd.DataFrame({"customer_id": pd.Series(list(customers), dtype="str")})
    chosen = ""
    if wanted is not None:
        connection.register("wanted", wanted)
        chosen = " SEMI JOIN wanted USING (customer_id)"
        if len(wanted):
            # the span of the ids too: where files are sorted by customer, what lies outside of it is not even read
            low, high = (quoted(str(end)) for end in (wanted["customer_id"].min(), wanted["customer_id"].max()))
            chosen += f" WHERE CAST(customer_id AS VARCHAR) BETWEEN {low} AND {high}"
    frames = {}
    for name, source in sources.items():
        where = chosen if "customer_id" in TABLES[name].columns else ""
        frames[name] = typed(connection, name, f"SELECT * FROM {source}{where}", left_out)
    # one customer's part of a ledger may refer to customers and invoices outside of it
    tables = checked(frames, references=wanted is None, left_out=left_out)
    return Ledger(tables=tables if wanted is None else with_own_instalments(tables))


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The tables of a ledger, checked, every table present (perhaps empty), every `booked_on` filled.

    `tables` maps a table's name to a frame with exactly the declared columns: text as pandas `str`, dates as
    `datetime64[s]`, amounts as float64 in the document currency. Missing is NaN or NaT and means 'not given'.
    `settlement` returns its settlement where that is known already (`ledger/settled_state.py`): `settle` returns it then.
    """

    tables: Mapping[str, pd.DataFrame] = field(repr=False)
    settlement: Callable[[], Any] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def from_frames(cls, *, references: bool = True, **frames: pd.DataFrame) -> Ledger:
        """Return a checked ledger from frames in memory, by table name; columns may be text, as read from a form."""
        unknown = sorted(set(frames) - set(TABLES))
        if unknown:
            raise LedgerError(f"unknown tables {', '.join(unknown)}; a ledger has {', '.join(TABLES)}.")
        connection = connect()
        complete: dict[str, pd.DataFrame] = {}
        for name, frame in frames.items():
            connection.register("given", frame.reset_index(drop=True).copy())  # DuckDB cannot read reversed views
            complete[name] = typed(connection, name, "SELECT * FROM given")
            connection.unregister("given")
        return Ledger(tables=checked(complete, references=references))

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    def column(self, table: str, name: str) -> pd.Series:
        """Return one column of a table; of a ledger with a settled state the other columns are not read."""
        of_one: Callable[[str, str], pd.Series] | None = getattr(self.tables, "column", None)
        return self.tables[table][name] if of_one is None else of_one(table, name)

    @cached_property
    def customers(self) -> pd.DataFrame:
        """Return one row a customer: the last known facts. `tables["customers"]` has every dated row of them."""
        return customers_on(self.tables["customers"])

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
        """Return the last day on which the books held something new: the ledger's own 'today'."""
        days = [
            self.tables[t][c].max()
            for t in ("invoices", "payments", "events")
            for c in (TABLES[t].event, TABLES[t].known)
        ]
        days = [day for day in days if not pd.isna(day)]
        if not days:
            raise LedgerError("the ledger has no invoice, payment or event: nothing is known on any day.")
        return max(days).date()

    @cached_property
    def currencies(self) -> frozenset[str]:
        """Return the currencies of its invoices and payments."""
        from ledger.text_codes import distinct  # compiled: not for those who merely name the ledger

        return frozenset(distinct(self.invoices["currency"]) | distinct(self.payments["currency"]))

    def of(self, customer_ids: Iterable[str]) -> Ledger:
        """Return the ledger with only these customers' rows and their invoices' instalments (tables of no customer stay
        whole)."""
        wanted = pd.Index(list(customer_ids))
        tables = {
            name: frame[frame["customer_id"].isin(wanted)].reset_index(drop=True) if "customer_id" in frame else frame
            for name, frame in self.tables.items()
        }
        return Ledger(tables=with_own_instalments(tables))

    def write(self, folder: str | Path) -> None:
        """Write the ledger as one Parquet file a table (empty optional tables are left out)."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        connection = connect()
        for name, frame in self.tables.items():
            if len(frame) or TABLES[name].required:
                connection.register("given", frame)
                casts = ", ".join(f"CAST({c} AS {SQL_TYPES[d.type]}) AS {c}" for c, d in TABLES[name].columns.items())
                connection.execute(
                    f"COPY (SELECT {casts} FROM given) TO {quoted(str(folder / f'{name}.parquet'))} (FORMAT parquet)"
                )
                connection.unregister("given")

    @cached_property
    def fingerprint(self) -> str:
        """64 hex digits that name the content: equal for equal rows in any order, different after any change.

        Per table the count of rows and the sum of 64 bits of each row's MD5 (so order does not matter), under one
        SHA-256.
        """
        return fingerprint_of(self.row_sums)

    @cached_property
    def row_sums(self) -> dict[str, tuple[int, int]]:
        """Return (count of rows, sum of 64 bits of each row's MD5) by table, without empty ones; sums of parts add up."""
        connection = connect()
        found: dict[str, tuple[int, int]] = {}
        for name, frame in sorted(self.tables.items()):
            if not len(frame):
                continue
            connection.register("given", frame)
            parts = ", ".join(_canonical(c, d) for c, d in TABLES[name].columns.items())
            number = f"(md5_number(concat_ws(chr(31), {parts})) & {2**64 - 1}::UHUGEINT)::HUGEINT"
            row = connection.execute(f"SELECT count(*), sum({number}) FROM given").fetchall()[0]
            found[name] = (int(row[0]), int(row[1]))
            connection.unregister("given")
        return found


def fingerprint_of(row_sums: Mapping[str, tuple[int, int]]) -> str:
    """Return a ledger's fingerprint from its `row_sums`."""
    whole = hashlib.sha256()
    for name, row in sorted(row_sums.items()):
        whole.update(f"{name}:{row}".encode())
    return whole.hexdigest()


def with_own_instalments(tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return tables whose instalments are those of their invoices: an instalment names no customer but its invoice."""
    instalments = tables["instalments"]
    if not len(instalments):
        return dict(tables)
    own = instalments["invoice_id"].isin(tables["invoices"]["invoice_id"])
    return {**tables, "instalments": instalments[own].reset_index(drop=True)}


def _canonical(column: str, declared: Column) -> str:
    sql: dict[str, Any] = {"number": f"CAST({column} AS DECIMAL(30, 6))", "date": f"CAST({column} AS DATE)"}
    return f"coalesce(CAST({sql.get(declared.type, column)} AS VARCHAR), chr(0))"

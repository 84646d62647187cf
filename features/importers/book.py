"""Putting accepted rows into a ledger folder: what is new, what is known already, what a correction supersedes.

A table of a ledger that imports fill is a folder of part files (`invoices.parquet/part-000001.parquet`): an import
adds a part and never rewrites the rows of years. A corrected row stays where it is; a copy of it with the day from
which it no longer counts goes to `invoices.superseded/`, which the ledger's reader puts in its place.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from features.errors import InputError
from features.importers.contract import Format
from features.ledger import source_of
from features.tables import SQL_TYPES, TABLES

ROW_GROUP = 122_880
SPLIT = "~([0-9]+|rest[^~]*)$"  # what follows a document's id where it gives several rows


@dataclass(frozen=True, kw_only=True)
class Change:
    """How many rows of one table an import brought: new, already known, corrected, withdrawn by a later file."""

    new: int = 0
    unchanged: int = 0
    corrected: int = 0
    withdrawn: int = 0


def existing_tables(folder: Path) -> dict[str, str]:
    """Table -> SQL of the current rows of a ledger folder (none for a folder that does not exist yet)."""
    if not folder.exists():
        return {}
    if not folder.is_dir():
        raise InputError(f"{folder}: imports write a folder, and this is a file; name another --out.")
    csv = sorted(
        name for name in TABLES if (folder / f"{name}.csv").exists() and not (folder / f"{name}.parquet").exists()
    )
    if csv:
        raise InputError(
            f"{folder}: holds CSV tables ({', '.join(csv)}), which imports do not add to; import into a new folder."
        )
    found = {}
    for name, table in TABLES.items():
        if (source := source_of(folder, name)) is not None:
            current = " WHERE superseded_on IS NULL" if "superseded_on" in table.columns else ""
            found[name] = f"(SELECT * FROM {_all_columns(name, source)}{current})"
    return found


def _all_columns(name: str, source: str) -> str:
    """The table with every declared column, also where an older file has fewer."""
    columns = TABLES[name].columns
    empty = (
        "SELECT "
        + ", ".join(f"CAST(NULL AS {SQL_TYPES[c.type]}) AS {n}" for n, c in columns.items())
        + ", NULL::INTEGER AS part WHERE false"
    )
    return f"({empty} UNION ALL BY NAME SELECT * FROM {source})"


def compare(
    connection: duckdb.DuckDBPyConnection, name: str, existing: str | None, known_on: date, fmt: Format
) -> Change:
    """Make `new_NAME` (rows to add) and `old_NAME` (rows they supersede, with the day) from the accepted drafts."""
    table = TABLES[name]
    columns = ", ".join(table.columns)
    accepted = f"SELECT {columns} FROM draft_{name} ANTI JOIN bad USING (source, line)"
    if existing is None:
        connection.execute(f"CREATE VIEW new_{name} AS {accepted}")
        connection.execute(f"CREATE TABLE old_{name} AS SELECT {columns}, 0 AS part FROM ({accepted}) WHERE false")
        return Change(new=_count(connection, f"new_{name}"))
    connection.execute(f"CREATE TABLE accepted_{name} AS {accepted}")
    if name == "customers":
        return _customers(connection, existing)
    content = [c for c in table.columns if c not in (*table.key, "booked_on", "published_on", "superseded_on")]
    same = " AND ".join([f"e.{c} IS NOT DISTINCT FROM a.{c}" for c in content] or ["true"])
    on = " AND ".join(f"e.{k} IS NOT DISTINCT FROM a.{k}" for k in table.key)
    connection.execute(
        f"CREATE TABLE before_{name} AS SELECT {columns}, coalesce(part, 0) AS part FROM {existing} e WHERE EXISTS "
        f"(SELECT 1 FROM accepted_{name} a WHERE {on})"
    )
    is_dated = "superseded_on" in table.columns
    day = f"DATE '{known_on.isoformat()}'"
    from_day = f"greatest({day}, e.{table.known}, a.{table.event})" if is_dated else f"e.{table.known or table.event}"
    booked = ", ".join(f"{from_day} AS booked_on" if c == "booked_on" and is_dated else f"a.{c}" for c in table.columns)
    closed = ", ".join(f"{from_day} AS superseded_on" if c == "superseded_on" else f"e.{c}" for c in table.columns)
    joined = f"accepted_{name} a JOIN before_{name} e ON {on}"
    connection.execute(f"""
        CREATE TABLE new_{name} AS
        SELECT {", ".join("a." + c for c in table.columns)} FROM accepted_{name} a WHERE NOT EXISTS (SELECT 1
            FROM before_{name} e WHERE {on})
        UNION ALL SELECT {booked} FROM {joined} WHERE NOT ({same})
    """)
    connection.execute(f"CREATE TABLE old_{name} AS SELECT {closed}, e.part FROM {joined} WHERE NOT ({same})")
    corrected, total = _count(connection, f"old_{name}"), _count(connection, f"accepted_{name}")
    gone = _gone(name, fmt)
    withdrawn = 0
    if gone:
        at = f"greatest({day}, e.{table.known}, e.{table.event})"
        closed = ", ".join(f"{at} AS superseded_on" if c == "superseded_on" else f"e.{c}" for c in table.columns)
        connection.execute(f"""
            INSERT INTO old_{name} SELECT {closed}, coalesce(e.part, 0) FROM {existing} e
            WHERE ({gone}) AND NOT EXISTS (SELECT 1 FROM accepted_{name} a WHERE {on})
        """)
        withdrawn = _count(connection, f"old_{name}") - corrected
    new = _count(connection, f"new_{name}") - corrected
    return Change(new=new, unchanged=total - new - corrected, corrected=corrected, withdrawn=withdrawn)


def _gone(name: str, fmt: Format) -> str:
    """SQL test for a row of the ledger that this import would have brought again if it still held; empty: none."""
    if fmt.whole_invoices and name == "payments":
        return "invoice_id IN (SELECT invoice_id FROM accepted_invoices)"
    if fmt.splits_documents and name in ("invoices", "payments"):
        key = TABLES[name].key[0]
        document = f"regexp_replace({key}, '{SPLIT}', '')"
        documents = f"SELECT regexp_replace({key}, '~[^~]*$', '') FROM accepted_{name}" + (
            " WHERE kind = 'credit_note'" if name == "invoices" else ""
        )
        is_part = f"contains({key}, '~') AND regexp_matches({key}, '{SPLIT}')"
        again = f"{key} IN ({documents}) OR ({is_part} AND {document} IN ({documents}))"
        return f"({again})" + (" AND kind = 'credit_note'" if name == "invoices" else "")
    return ""


def _customers(connection: duckdb.DuckDBPyConnection, existing: str) -> Change:
    """Customers have no days: a master row fills in and replaces; the row it replaces is kept as a trace."""
    columns = list(TABLES["customers"].columns)
    merged = ", ".join(f"coalesce(a.{c}, e.{c}) AS {c}" for c in columns)
    names = ", ".join(columns)
    differs = " OR ".join(f"(a.{c} IS NOT NULL AND a.{c} IS DISTINCT FROM e.{c})" for c in columns)
    connection.execute(
        f"CREATE TABLE before_customers AS SELECT {names} FROM {existing} e SEMI JOIN accepted_customers USING "
        f"(customer_id)"
    )
    connection.execute(f"""
        CREATE TABLE new_customers AS
        SELECT {", ".join(columns)} FROM accepted_customers ANTI JOIN before_customers USING (customer_id)
        UNION ALL SELECT {merged} FROM accepted_customers a JOIN before_customers e USING (customer_id) WHERE {differs}
    """)
    connection.execute(
        f"CREATE TABLE old_customers AS SELECT e.* FROM before_customers e JOIN accepted_customers a USING "
        f"(customer_id) WHERE {differs}"
    )
    corrected, total = _count(connection, "old_customers"), _count(connection, "accepted_customers")
    new = _count(connection, "new_customers") - corrected
    return Change(new=new, unchanged=total - new - corrected, corrected=corrected)


def write(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, number: int, existing: str | None) -> None:
    """Add the rows of `new_NAME` as a part, and those of `old_NAME` where superseded rows are kept."""
    has_new, has_old = _count(connection, f"new_{name}") > 0, _count(connection, f"old_{name}") > 0
    table = TABLES[name]
    if has_new or (existing is None and table.required):
        _as_folder(folder / f"{name}.parquet")
    if has_old and "superseded_on" not in table.columns:
        _replace_rows(connection, folder, name, number, existing or "")
        return
    if has_old:
        _copy(connection, f"SELECT * FROM old_{name}", folder / f"{name}.superseded" / f"part-{number:06d}.parquet")
    if has_new or (existing is None and table.required):
        _copy(
            connection,
            f"SELECT *, {number}::INTEGER AS part FROM new_{name}",
            folder / f"{name}.parquet" / f"part-{number:06d}.parquet",
        )


def _replace_rows(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, number: int, existing: str) -> None:
    """Rewrite a (small) table without known days; the rows replaced are kept under `replaced/`."""
    key = " AND ".join(f"e.{k} IS NOT DISTINCT FROM o.{k}" for k in TABLES[name].key)
    columns = ", ".join(TABLES[name].columns)
    connection.execute(
        f"CREATE TABLE whole_{name} AS SELECT {columns} FROM {existing} e WHERE NOT EXISTS (SELECT 1 FROM old_{name} o "
        f"WHERE {key}) "
        f"UNION ALL SELECT {columns} FROM new_{name}"
    )
    columns_and_part = f"{columns}, {number}::INTEGER AS part"
    _copy(connection, f"SELECT * FROM old_{name}", folder / "replaced" / f"{name}-{number:06d}.parquet")
    parts = sorted((folder / f"{name}.parquet").glob("*.parquet"))
    _copy(
        connection,
        f"SELECT {columns_and_part} FROM whole_{name}",
        folder / f"{name}.parquet" / f"part-{number:06d}.parquet",
    )
    for part in parts:
        part.unlink()


def _as_folder(path: Path) -> None:
    """A table of one file becomes a folder of part files, without being rewritten."""
    if path.is_file():
        aside = path.with_suffix(".first")
        path.rename(aside)
        path.mkdir()
        aside.rename(path / "part-000000.parquet")
    path.mkdir(parents=True, exist_ok=True)


def _copy(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    quoted = str(unfinished).replace("'", "''")
    connection.execute(f"COPY ({sql}) TO '{quoted}' (FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP})")
    os.replace(unfinished, path)


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])

"""Putting accepted rows into a ledger folder: what is new, what is known already, what a correction supersedes.

A table of a ledger that imports fill is a folder of part files (`invoices.parquet/part-000001.parquet`): an import
adds a part and never rewrites the rows of years. A corrected row stays where it is; a copy of it with the day from
which it no longer counts goes to `invoices.superseded/`, which the ledger's reader puts in its place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb

from importing.engine.format import Format
from ledger.contract import SQL_TYPES, TABLES
from ledger.errors import InputError
from ledger.ledger import source_of

ROW_GROUP = 122_880
DISTINCT_AT_MOST = 5_000  # values of a column in a row group that are worth a dictionary: ids are not
SPLIT = "~([0-9]+|rest[^~]*)$"  # what follows a document's id where it gives several rows


@dataclass(frozen=True, kw_only=True)
class Change:
    """How many rows of one table an import brought: new, already known, corrected, withdrawn by a later file."""

    new: int = 0
    unchanged: int = 0
    corrected: int = 0
    withdrawn: int = 0


def existing_tables(folder: Path) -> dict[str, str]:
    """Return table -> SQL of the current rows of a ledger folder (none for an empty folder)."""
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
    """Return the table with every declared column, also where an older file has fewer."""
    columns = TABLES[name].columns
    empty = (
        "SELECT "
        + ", ".join(f"CAST(NULL AS {SQL_TYPES[c.type]}) AS {n}" for n, c in columns.items())
        + ", NULL::INTEGER AS part WHERE false"
    )
    return f"({empty} UNION ALL BY NAME SELECT * FROM {source})"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How an import meets what the ledger holds already.

    known_on : the day on which the books learn a correction.
    own_parts : numbers of the earlier imports of this format where the files are a complete export: rows that those
        brought and these no longer have are withdrawn; empty for a partial one.
    splits_payments : payments without an invoice are laid on invoices by a policy, one payment giving several rows.
    """

    known_on: date
    fmt: Format
    own_parts: tuple[int, ...] = ()
    splits_payments: bool = False


def compare(connection: duckdb.DuckDBPyConnection, name: str, existing: str | None, rules: Rules) -> Change:
    """Make `new_NAME` (rows to add) and `old_NAME` (rows they supersede, with the day) from the accepted drafts."""
    table = TABLES[name]
    columns = ", ".join(table.columns)
    accepted = f"SELECT {columns} FROM draft_{name} ANTI JOIN bad USING (file, line)"
    if existing is None:
        connection.execute(f"CREATE VIEW new_{name} AS {accepted}")
        connection.execute(f"CREATE TABLE old_{name} AS SELECT {columns}, 0 AS part FROM ({accepted}) WHERE false")
        return Change(new=_count(connection, f"new_{name}"))
    connection.execute(f"CREATE TABLE accepted_{name} AS {accepted}")
    if name == "customers":
        return _customers(connection, existing, rules.known_on)
    on = " AND ".join(f"e.{k} IS NOT DISTINCT FROM a.{k}" for k in table.key)
    connection.execute(
        f"CREATE TABLE before_{name} AS SELECT {columns}, coalesce(part, 0) AS part FROM {existing} e WHERE EXISTS "
        f"(SELECT 1 FROM accepted_{name} a WHERE {on})"
    )
    if "superseded_on" not in table.columns:  # a rate that is there already with another value went to quarantine
        connection.execute(
            f"CREATE TABLE new_{name} AS SELECT a.* FROM accepted_{name} a WHERE NOT EXISTS (SELECT 1 FROM "
            f"before_{name} e WHERE {on})"
        )
        connection.execute(f"CREATE TABLE old_{name} AS FROM before_{name} WHERE false")
        new = _count(connection, f"new_{name}")
        return Change(new=new, unchanged=_count(connection, f"accepted_{name}") - new)
    return _dated(connection, name, existing, rules, on)


def _dated(connection: duckdb.DuckDBPyConnection, name: str, existing: str, rules: Rules, on: str) -> Change:
    """Close corrected rows of a table with a known day on that day, add their successors, and return the counts."""
    table = TABLES[name]
    content = [c for c in table.columns if c not in (*table.key, table.known, "superseded_on")]
    same = " AND ".join([f"e.{c} IS NOT DISTINCT FROM a.{c}" for c in content] or ["true"])
    day = f"DATE '{rules.known_on.isoformat()}'"
    from_day = f"greatest({day}, e.{table.known}, a.{table.event})"
    booked = ", ".join(f"{from_day} AS {c}" if c == table.known else f"a.{c}" for c in table.columns)
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
    gone = _gone(name, rules)
    withdrawn = 0
    if gone:
        at = f"greatest({day}, e.{table.known}, e.{table.event})"
        closed = ", ".join(f"{at} AS superseded_on" if c == "superseded_on" else f"e.{c}" for c in table.columns)
        connection.execute(f"""
            INSERT INTO old_{name} SELECT {closed}, coalesce(e.part, 0) FROM {existing} e
            WHERE ({gone}) AND NOT EXISTS (SELECT 1 FROM accepted_{name} a WHERE {on})
        """)
        withdrawn = _count(connection, f"old_{name}") - corrected
        # what a document that was split otherwise gives now is learned now, too: until today the old rows counted
        document = f"regexp_replace({table.key[0]}, '~[^~]*$', '')"
        connection.execute(
            f"UPDATE new_{name} SET {table.known} = greatest({table.known}, {day}) "
            f"WHERE {document} IN (SELECT {document} FROM old_{name}) AND {table.key[0]} NOT IN (SELECT {table.key[0]} "
            f"FROM before_{name})"
        )
    new = _count(connection, f"new_{name}") - corrected
    return Change(new=new, unchanged=total - new - corrected, corrected=corrected, withdrawn=withdrawn)


def _gone(name: str, rules: Rules) -> str:
    """Return SQL test for a row of the ledger that this import would have brought again if it still held; empty: none."""
    fmt, key, tests = rules.fmt, TABLES[name].key, []
    if fmt.whole_invoices and name == "payments":
        tests.append("invoice_id IN (SELECT invoice_id FROM accepted_invoices)")
    if (fmt.splits_documents and name in ("invoices", "payments")) or (rules.splits_payments and name == "payments"):
        documents = f"SELECT regexp_replace({key[0]}, '~[^~]*$', '') FROM accepted_{name}" + (
            " WHERE kind = 'credit_note'" if name == "invoices" else ""
        )
        is_part = f"contains({key[0]}, '~') AND regexp_matches({key[0]}, '{SPLIT}')"
        again = f"{key[0]} IN ({documents}) OR ({is_part} AND regexp_replace({key[0]}, '{SPLIT}', '') IN ({documents}))"
        tests.append(f"({again})" + (" AND kind = 'credit_note'" if name == "invoices" else ""))
    if name in fmt.withdrawn:
        tests.append(fmt.withdrawn[name])
    if rules.own_parts:
        # a row that is in quarantine this time is still in the source
        here = " AND ".join(f"d.{k} IS NOT DISTINCT FROM e.{k}" for k in key)
        numbers = ", ".join(str(number) for number in rules.own_parts)
        tests.append(f"coalesce(e.part, 0) IN ({numbers}) AND NOT EXISTS (SELECT 1 FROM draft_{name} d WHERE {here})")
    return " OR ".join(f"({test})" for test in tests)


SINCE = "greatest(effective_on, booked_on)"  # the day from which a dated row of a customer counts; NULL: for ever


def _customers(connection: duckdb.DuckDBPyConnection, existing: str, known_on: date) -> Change:
    """Make `new_customers` and `old_customers`: a change is a further row, known from its day; the old one stays.

    A row without days that changes what is known of a customer gets the day on which the books learn it, or the day after
    the last change where that is later. It counts for ever only where nothing but the customer's id was known.
    """
    columns = list(TABLES["customers"].columns)
    facts = [c for c in columns if c not in ("customer_id", "effective_on", "booked_on")]
    names = ", ".join(columns)
    is_blank = " AND ".join(f"e.{c} IS NULL" for c in facts)
    differs = " OR ".join(f"(a.{c} IS NOT NULL AND a.{c} IS DISTINCT FROM e.{c})" for c in facts)
    merged = ", ".join(f"coalesce(a.{c}, e.{c}) AS {c}" for c in facts)
    is_dated = "coalesce(a.effective_on, a.booked_on) IS NOT NULL"
    day = f"greatest(DATE '{known_on.isoformat()}', e.since + 1)"
    connection.execute(f"""
        CREATE TABLE before_customers AS SELECT {names}, {SINCE} AS since FROM {existing} SEMI JOIN accepted_customers
            USING (customer_id) QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY {SINCE} DESC NULLS LAST) = 1
    """)
    connection.execute(f"""
        CREATE TABLE new_customers AS
        SELECT {names} FROM accepted_customers ANTI JOIN before_customers USING (customer_id)
        UNION ALL
        SELECT {", ".join("a." + c for c in columns)} FROM accepted_customers a JOIN before_customers e USING (customer_id)
        WHERE {is_dated} AND NOT EXISTS (SELECT 1 FROM {existing} x WHERE x.customer_id = a.customer_id
            AND x.effective_on IS NOT DISTINCT FROM a.effective_on AND x.booked_on IS NOT DISTINCT FROM a.booked_on)
        UNION ALL
        SELECT customer_id, {merged}, NULL AS effective_on, CASE WHEN {is_blank} THEN NULL ELSE {day} END AS booked_on
        FROM accepted_customers a JOIN before_customers e USING (customer_id) WHERE NOT ({is_dated}) AND ({differs})
    """)
    connection.execute(f"""
        CREATE TABLE old_customers AS SELECT e.* EXCLUDE (since) FROM before_customers e JOIN accepted_customers a
            USING (customer_id) WHERE {is_blank} AND NOT ({is_dated}) AND ({differs})
    """)
    total, rows = _count(connection, "accepted_customers"), _count(connection, "new_customers")
    known = int(
        connection.execute(
            "SELECT count(*) FROM new_customers SEMI JOIN before_customers USING (customer_id)"
        ).fetchall()[0][0]
    )
    return Change(new=rows - known, unchanged=total - rows, corrected=known)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file made in the scratch folder, its place in the ledger, and whether it holds the whole table from now on."""

    made: Path
    place: Path
    is_whole: bool = False


def parts(
    connection: duckdb.DuckDBPyConnection, folder: Path, scratch: Path, name: str, number: int, existing: str | None,
    change: Change,
) -> list[Part]:  # fmt: skip
    """The rows of `new_NAME` as a part, and those of `old_NAME` as superseded rows, made but not yet in the ledger."""
    has_new, has_old = change.new + change.corrected > 0, change.corrected + change.withdrawn > 0
    file = f"part-{number:06d}.parquet"
    if name == "customers":
        has_old = existing is not None and _count(connection, "old_customers") > 0
    if has_old and name == "customers":
        return _customers_anew(connection, folder, scratch, number, existing or "")
    made = []
    if has_new or (existing is None and TABLES[name].required):
        sql = f"SELECT *, {number}::INTEGER AS part FROM new_{name}"
        made.append(_made(connection, sql, scratch / f"{name}.{file}", folder / f"{name}.parquet" / file))
    if has_old:
        place = folder / f"{name}.superseded" / file
        made.append(_made(connection, f"SELECT * FROM old_{name}", scratch / f"{name}.superseded.{file}", place))
    return made


def _customers_anew(
    connection: duckdb.DuckDBPyConnection, folder: Path, scratch: Path, number: int, existing: str
) -> list[Part]:
    """Write the customers, a small table, as one new part, and the rows replaced under `replaced/`; return both files."""
    columns, file = ", ".join(TABLES["customers"].columns), f"customers-{number:06d}.parquet"
    whole = (
        f"SELECT {columns} FROM {existing} e ANTI JOIN old_customers USING (customer_id) "
        f"UNION ALL SELECT {columns} FROM new_customers"
    )
    place = folder / "customers.parquet" / f"part-{number:06d}.parquet"
    anew = _made(connection, f"SELECT *, {number}::INTEGER AS part FROM ({whole})", scratch / f"new.{file}", place)
    kept = _made(connection, "SELECT * FROM old_customers", scratch / f"old.{file}", folder / "replaced" / file)
    return [kept, replace(anew, is_whole=True)]


def publish(made: Iterable[Part]) -> None:
    """Put finished parts into the ledger: only renames, so that an import that fails before has changed nothing."""
    for part in made:
        parent = part.place.parent
        if parent.is_file():  # a table of one file becomes a folder of part files, without being rewritten
            aside = parent.with_suffix(".first")
            parent.rename(aside)
            parent.mkdir()
            aside.rename(parent / "part-000000.parquet")
        parent.mkdir(parents=True, exist_ok=True)
        os.replace(part.made, part.place)
        for file in parent.glob("*.parquet") if part.is_whole else ():
            if file != part.place:
                file.unlink()


def _made(connection: duckdb.DuckDBPyConnection, sql: str, path: Path, place: Path) -> Part:
    quoted = str(path).replace("'", "''")
    connection.execute(
        f"COPY ({sql}) TO '{quoted}' (FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP}, "
        f"DICTIONARY_SIZE_LIMIT {DISTINCT_AT_MOST})"
    )
    return Part(made=path, place=place)


def next_number(folder: Path, logged: Iterable[int]) -> int:
    """The number of this import: above all that are logged, and above the parts of one that was cut off before its log."""
    found = [re.search(r"-(\d+)\.parquet$", path.name) for path in folder.glob("*/*-*.parquet")]
    return max([0, *logged, *(int(match.group(1)) for match in found if match)]) + 1


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0])

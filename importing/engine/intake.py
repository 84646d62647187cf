"""The files of an import read: the role of each, what its columns write by, and the account of every row of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from importing.engine.format import Format, SourceError
from importing.engine.payment_terms import DUE_AFTER, terms_of
from importing.engine.reading import Reading, Usual, read
from importing.engine.source import open_source
from importing.engine.values import SQL_TYPE


def read_all(
    connection: duckdb.DuckDBPyConnection, fmt: Format, files: list[Path], scratch: Path, usual: Usual
) -> list[Reading]:
    """Read every file. Raises SourceError where a file is no table, is of no role, or a needed role has none."""
    readings = []
    for number, path in enumerate(files, start=1):
        source = open_source(path, fmt, scratch)
        readings.append(read(connection, source, fmt.files[source.role], number, usual))
    present = {r.source.role for r in readings}
    missing = [role for role, file in fmt.files.items() if not file.optional and role not in present]
    if missing:
        needed = "; ".join(
            f"{role} (columns {', '.join(f.names[0] for f in fmt.files[role].fields.values() if f.required)})"
            for role in missing
        )
        raise SourceError(
            f"format {fmt.name} also needs the file of {needed}; found "
            f"{', '.join(f'{r.source.path.name} ({r.source.role})' for r in readings)}."
        )
    return readings


def usual(fmt: Format, log: list[dict[str, Any]]) -> Usual:
    """Return what earlier imports of the format into this ledger learned of its dates and decimals, the latest first."""
    known: dict[str, Any] = {"day_first": fmt.day_first}
    for entry in log:
        if entry["format"] == fmt.name:
            known |= {key: value for key, value in entry.get("conventions", {}).items() if value is not None}
    return Usual(**known)


def agreed(readings: list[Reading], name: str) -> Any:
    """Return what the clear values of all columns agree on; None where there are none, or they do not agree."""
    found = {getattr(c, name) for r in readings for c in r.conventions.values() if c.clear} - {None}
    return found.pop() if len(found) == 1 else None


def make_roles(connection: duckdb.DuckDBPyConnection, fmt: Format, readings: list[Reading]) -> None:
    """Make one relation a role of the format: the rows of all its files, none where an optional file is not there."""
    for role, file in fmt.files.items():
        parts = [f"SELECT * FROM typed_{r.number}" for r in readings if r.source.role == role]
        columns = ", ".join(f"NULL::{SQL_TYPE[f.type]} AS {name}" for name, f in file.fields.items())
        empty = f"SELECT NULL::INTEGER AS file, NULL::BIGINT AS line, {columns}, NULL::VARCHAR[] AS reasons WHERE false"
        connection.execute(f"CREATE VIEW {role} AS " + (" UNION ALL ".join(parts) or empty))


def make_terms(connection: duckdb.DuckDBPyConnection, fmt: Format) -> None:
    """Make the macro due_after(day, words) over all terms of payment in words that the files have."""
    fields = [(role, name) for role, file in fmt.files.items() for name, f in file.fields.items() if f.is_terms]
    sql = " UNION ".join(f"SELECT DISTINCT {name} AS words FROM {role}" for role, name in fields)
    words = [w for (w,) in connection.execute(sql).fetchall() if w] if fields else []
    read_as = {word: terms for word in words if (terms := terms_of(word)) is not None}
    table = pa.table({
        "words": pa.array(list(read_as), pa.string()), "days": pa.array([t.days for t in read_as.values()], pa.int32()),
        "months": pa.array([t.months for t in read_as.values()], pa.int32()),
        "month_end": pa.array([t.month_end for t in read_as.values()], pa.string()),
        "day_of_month": pa.array([t.day_of_month for t in read_as.values()], pa.int32()),
    })  # fmt: skip
    connection.register("terms_rows", table)
    connection.execute("CREATE TABLE known_terms AS FROM terms_rows")
    connection.unregister("terms_rows")
    connection.execute(DUE_AFTER)


def accounts(connection: duckdb.DuckDBPyConnection, readings: list[Reading]) -> list[dict[str, Any]]:
    """Return one entry a file. Raises RuntimeError where a row is neither accepted nor quarantined."""
    lost = dict(connection.execute("SELECT file, count(DISTINCT line) FROM bad GROUP BY file").fetchall())
    found = []
    for reading in readings:
        source, number = reading.source, reading.number
        accepted = connection.execute(
            f"SELECT count(*) FROM typed_{number} ANTI JOIN bad USING (file, line)"
        ).fetchall()[0][0]
        quarantined = lost.get(number, 0)
        if reading.rows != accepted + quarantined:
            raise RuntimeError(
                f"{source.path}: {reading.rows} rows read, {accepted} accepted, {quarantined} quarantined"
            )
        found.append(
            {
                "file": source.path.name,
                "role": source.role,
                "sha256": source.sha256,
                "encoding": source.encoding,
                "separator": source.delimiter,
                "header_line": source.header_line,
                "lines": source.lines,
                "blank_lines": reading.blank_lines,
                "read": reading.rows,
                "accepted": accepted,
                "quarantined": quarantined,
                "columns": {name: source.header[at] for name, at in source.columns.items()},
                "columns_not_used": [n for i, n in enumerate(source.header) if i not in set(source.columns.values())],
                "notes": list(source.notes),
            }
        )
    return found

"""Rows that the ledger does not take: their file, line, original text, and every reason."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

from importing.engine.cells import bare_lines
from importing.engine.lines import lines_of
from importing.engine.reading import Reading
from ledger.validation import quoted

QUARANTINE = "quarantine.parquet"


def collect(connection: duckdb.DuckDBPyConnection, readings: list[Reading], number: int) -> None:
    """Make the relation `quarantined`: source file, line, original text, every reason."""
    connection.execute(
        "CREATE TABLE quarantined (source_file VARCHAR, sha256 VARCHAR, import INTEGER, line BIGINT, original VARCHAR, "
        "reasons VARCHAR[])"
    )
    for reading in readings:
        all_reasons = "list(DISTINCT reason ORDER BY reason) AS reasons"
        of_file = f"(SELECT line, {all_reasons} FROM bad WHERE file = {reading.number} GROUP BY line)"
        kept = f"(SELECT line_number AS number, original AS line FROM plain_{reading.number} WHERE is_odd)"
        _add(connection, f"{of_file} b", kept, reading, number)
        # rows that read well and fell later (a copy, an unknown invoice) are looked up in the file
        rest = f"{of_file} b ANTI JOIN {kept} k ON k.number = b.line"
        if connection.execute(f"SELECT count(*) FROM {rest}").fetchall()[0][0]:
            connection.register("all_lines", lines_of(reading.source.text, reading.source.ends))
            all_lines = f"(SELECT line_number AS number, line FROM ({bare_lines(reading.source, 'all_lines')}))"
            _add(connection, rest, all_lines, reading, number)
            connection.unregister("all_lines")


def _add(connection: duckdb.DuckDBPyConnection, rows: str, texts: str, reading: Reading, number: int) -> None:
    """Put rows (line, reasons) into quarantine, as `b` in SQL, with their text by line number."""
    connection.execute(
        f"INSERT INTO quarantined SELECT ?, ?, {number}, b.line, replace(l.line, chr(30), chr(10)), b.reasons "
        f"FROM (SELECT b.* FROM {rows}) b JOIN {texts} l ON l.number = b.line ORDER BY b.line",
        [reading.source.path.name, reading.source.sha256],
    )


def write(connection: duckdb.DuckDBPyConnection, folder: Path, readings: list[Reading]) -> None:
    """The quarantine of the ledger: for each source file the rows that its last import left out."""
    path = folder / QUARANTINE
    sql = "SELECT * FROM quarantined"
    if path.exists():
        files = ", ".join(quoted(r.source.path.name) for r in readings)
        sql = f"SELECT * FROM read_parquet({quoted(str(path))}) WHERE source_file NOT IN ({files}) UNION ALL {sql}"
    unfinished = path.with_suffix(".unfinished")
    connection.execute(f"COPY ({sql}) TO {quoted(str(unfinished))} (FORMAT parquet)")
    os.replace(unfinished, path)

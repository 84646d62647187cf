"""Source files to typed relations: every line becomes fields, every field a value, or a reason why it is not.

One SQL pass over the lines reads the common spellings; only the rows in which something is left unread or in doubt go
through the careful forms, after the clear values of the whole column have shown how it writes dates and decimals.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import pyarrow as pa

from importing.engine import dates, numbers, values
from importing.engine.cell_currency import named_currencies
from importing.engine.cells import TOTALS, TOTALS_OF, first_pass, odd_rows
from importing.engine.format import DATE, ID, NUMBER, TEXT, Field, File, SourceError
from importing.engine.lines import lines_of
from importing.engine.source import Source
from ledger.validation import quoted

REPEATED_HEADER, TOTALS_ROW = (
    "the header is repeated here",
    "a totals row or a remainder: it names nobody and nothing",
)


@dataclass(frozen=True, kw_only=True)
class Usual:
    """How a format's files write what one file alone does not tell: as earlier imports did, else as the format does."""

    day_first: bool = True
    decimal: str = "."


@dataclass(kw_only=True)
class Reading:
    """What came of one file: counts, and how its doubtful values were read."""

    source: Source
    number: int
    rows: int = 0
    blank_lines: int = 0
    conventions: dict[str, values.Convention] = field(default_factory=dict)


def read(
    connection: duckdb.DuckDBPyConnection, source: Source, file: File, number: int, usual: Usual | None = None
) -> Reading:
    """Make the relation `typed_{number}` of one file: file, line, the fields, reasons (NULL where a row reads well).

    Raises SourceError for a file that is no table of lines.
    """
    result = Reading(source=source, number=number)
    connection.register(f"lines_{number}", lines_of(source.text, source.ends))
    connection.execute(first_pass(source, file, f"lines_{number}", number))
    connection.unregister(f"lines_{number}")
    lines, blank, odd = connection.execute(
        "SELECT count(*), count(*) FILTER (width = 0), count(*) FILTER (is_odd) "
        f"FROM plain_{number} WHERE line_number > {source.header_line}"
    ).fetchall()[0]
    if lines + source.header_line != source.lines:
        raise SourceError(
            f"{source.path}: {source.lines:,} lines in the file but {lines + source.header_line:,} were read; "
            "save it again as UTF-8 CSV."
        )
    result.blank_lines, result.rows = blank, lines - blank
    fields = ", ".join(file.fields)
    parts = [
        f"SELECT {number} AS file, line_number AS line, {fields}, NULL::VARCHAR[] AS reasons FROM plain_{number} "
        f"WHERE line_number > {source.header_line} AND width > 0 AND NOT is_odd"
    ]
    if odd:
        # each step is a table of its own: nested, the many expressions of a wide file would be held several times over
        connection.execute(f"CREATE TABLE odd_{number} AS {odd_rows(source, file, number)}")
        factors = _spelled_numbers(connection, source, file, number)
        result.conventions = _conventions(connection, source, file, number, usual or Usual())
        result.conventions |= _spelled_dates(connection, source, file, number, result.conventions)
        _second_pass(connection, source, file, number, result.conventions, factors)
        parts.append(f"SELECT file, line, {fields}, reasons FROM careful_{number}")
    connection.execute(f"CREATE VIEW typed_{number} AS " + " UNION ALL ".join(parts))
    return result


def _conventions(
    connection: duckdb.DuckDBPyConnection, source: Source, file: File, number: int, usual: Usual
) -> dict[str, values.Convention]:
    """Return how each date and number column of the file writes its doubtful values, from the column's own clear ones."""
    kinds = {
        n: d.type for n, d in file.fields.items() if n in source.columns and d.type in values.DATES + values.NUMBERS
    }
    if not kinds:
        return {}
    tests = []
    for name, kind in kinds.items():
        evidence = dates.date_evidence(f"t_{name}") if kind in values.DATES else numbers.number_evidence(f"b_{name}")
        tests += [f"count(*) FILTER ({test})" for test in evidence]
        # numbers read by the plain form write their decimals with a point
        points = f"(SELECT count(*) FROM plain_{number} WHERE NOT is_odd AND {name} <> floor({name}))"
        tests.append(points if kind == NUMBER else "0")
    row = connection.execute(f"SELECT {', '.join(tests)} FROM odd_{number}").fetchall()[0]
    counted = {name: row[4 * i : 4 * i + 4] for i, name in enumerate(kinds)}
    all_dates = [sum(counted[n][i] for n, kind in kinds.items() if kind in values.DATES) for i in (0, 1)]
    found = {}
    reading: dict[str, Any]
    for name, kind in kinds.items():
        one, other, doubtful, points = counted[name]
        if kind in values.DATES:
            # a column of days up to the 12th alone is read as the file's other dates are
            one, other = (one, other) if one or other else all_dates
            day_first = _majority(one, other, True, False, usual.day_first)
            day_first = day_first if source.stated.day_first is None else source.stated.day_first
            reading = {"day_first": day_first, "calendar": source.stated.calendar}
        else:
            one += points
            reading = {"decimal": source.stated.decimal or _majority(one, other, ".", ",", usual.decimal)}
        found[name] = values.Convention(clear=max(one, other), against=min(one, other), doubtful=doubtful, **reading)
    return found


def _spelled_numbers(connection: duckdb.DuckDBPyConnection, source: Source, file: File, number: int) -> frozenset[str]:
    """Put into `odd_{number}` the bare digits of numbers in no frequent spelling, and their factors as k_NAME.

    Return the fields that have such numbers.
    """
    joins, digits, factors = [], [], []
    for name, declared in file.fields.items():
        if declared.type not in values.NUMBERS or name not in source.columns:
            continue
        texts = connection.execute(
            f"SELECT DISTINCT t_{name} FROM odd_{number} WHERE t_{name} IS NOT NULL AND NOT {numbers.is_frequent(f't_{name}')}"
        ).fetchall()
        read_as = {text: found for (text,) in texts if (found := numbers.bare_and_factor(text)) is not None}
        if read_as:
            table = pa.table({
                "text": list(read_as), "bare": [bare for bare, _ in read_as.values()],
                "factor": [factor for _, factor in read_as.values()],
            })  # fmt: skip
            connection.register("spelled_rows", table)
            connection.execute(f"CREATE TABLE spelled_{number}_{name} AS FROM spelled_rows")
            connection.unregister("spelled_rows")
            joins.append(f"LEFT JOIN spelled_{number}_{name} s_{name} ON s_{name}.text = t_{name}")
            digits.append(f"coalesce(s_{name}.bare, b_{name}) AS b_{name}")
            factors.append(name)
    if factors:
        columns = ", ".join(f"s_{name}.factor AS k_{name}" for name in factors)
        connection.execute(
            f"CREATE OR REPLACE TABLE odd_{number} AS SELECT o.* REPLACE ({', '.join(digits)}), {columns} "
            f"FROM odd_{number} o {' '.join(joins)}"
        )
    return frozenset(factors)


def _spelled_dates(
    connection: duckdb.DuckDBPyConnection, source: Source, file: File, number: int, known: dict[str, values.Convention]
) -> dict[str, values.Convention]:
    """Make `spelled_{number}`: one row a field and text that is no frequent spelling of a date, as `read_date` reads it.

    Return the conventions of the date fields, with how many of their years have two digits.
    """
    rows: list[tuple[str, str, Any, str | None]] = []
    with_years = {}
    for name, declared in file.fields.items():
        if declared.type not in values.DATES or name not in source.columns:
            continue
        convention = known[name]
        others = "true" if convention.calendar else f"NOT {dates.is_frequent(f't_{name}')}"
        short_years = 0
        for text, count in connection.execute(
            f"SELECT t_{name}, count(*) FROM odd_{number} WHERE t_{name} IS NOT NULL AND {others} GROUP BY 1 ORDER BY 1"
        ).fetchall():
            read_as = dates.read_date(text, convention.day_first, convention.calendar)
            rows.append((name, text, read_as.day, read_as.doubt))
            short_years += count if read_as.has_short_year and read_as.day else 0
        with_years[name] = replace(convention, short_years=short_years)
    table = pa.table({
        "field": pa.array([r[0] for r in rows], pa.string()), "text": pa.array([r[1] for r in rows], pa.string()),
        "day": pa.array([r[2] for r in rows], pa.date32()), "doubt": pa.array([r[3] for r in rows], pa.string()),
    })  # fmt: skip
    connection.register("spelled_rows", table)
    connection.execute(f"CREATE TABLE spelled_{number} AS FROM spelled_rows")
    connection.unregister("spelled_rows")
    return with_years


def _majority(one: int, other: int, if_one: Any, if_other: Any, usual: Any) -> Any:
    """Return the reading that the clear values show; the usual one where none is clear; None where they disagree."""
    if not one and not other:
        return usual
    if one >= values.MAJORITY * other:
        return if_one
    return if_other if other >= values.MAJORITY * one else None


def _second_pass(
    connection: duckdb.DuckDBPyConnection, source: Source, file: File, number: int, known: dict[str, values.Convention],
    factors: frozenset[str],
) -> None:  # fmt: skip
    """Make `careful_{number}` of the odd rows: their fields by the careful forms, and all reasons of each row."""
    present = {name: declared for name, declared in file.fields.items() if name in source.columns}
    unknown = values.Convention()
    read_values = [
        f"({values.careful(d.type, f't_{n}', f'b_{n}', known.get(n, unknown), f'd_{n}.day', f'k_{n}' if n in factors else None)}) AS r_{n}"
        for n, d in present.items()
    ]
    of_dates = [n for n, d in present.items() if d.type in values.DATES]
    spelled = " ".join(
        f"LEFT JOIN (SELECT text, day, doubt FROM spelled_{number} WHERE field = {quoted(n)}) d_{n} ON d_{n}.text = t_{n}"
        for n in of_dates
    )
    doubts = "".join(f", d_{n}.doubt AS doubt_{n}" for n in of_dates)
    header = "[" + ", ".join(quoted(name) for name in source.header) + "]"
    starts_so = f"trim(f[1], ' \"') = {quoted(source.header[0])}"
    is_header = f"CASE WHEN {starts_so} THEN list_transform(f, lambda v: trim(v, ' \"')) = {header} ELSE false END"
    connection.execute(f"""
        CREATE TABLE valued_{number} AS
        SELECT o.*, {", ".join(read_values)}, {is_header} AS is_header, {_is_total(present)} AS is_total{doubts}
        FROM odd_{number} o {spelled}
    """)
    connection.execute(f"DROP TABLE odd_{number}")
    absent = named_currencies(connection, file, number)
    final = [
        f"{values.kept(d.type, f'r_{n}')} AS {n}"
        if n in present
        else f"CAST({absent.get(n, 'NULL')} AS {values.SQL_TYPE[d.type]}) AS {n}"
        for n, d in file.fields.items()
    ]
    reasons = _line_reasons(len(source.header))
    alone = f"WHEN is_header THEN ['{REPEATED_HEADER}'] WHEN is_total THEN ['{TOTALS_ROW}']"
    for name, declared in present.items():
        reasons += _field_reasons(name, declared, source.header[source.columns[name]], known.get(name))
    connection.execute(f"""
        CREATE TABLE careful_{number} AS
        SELECT {number} AS file, line, {", ".join(final)},
            CASE {alone} ELSE nullif(list_filter([{", ".join(reasons)}], lambda r: r IS NOT NULL), []) END AS reasons
        FROM valued_{number}
    """)
    connection.execute(f"DROP TABLE valued_{number}")


def _is_total(present: dict[str, Field]) -> str:
    """Return SQL test for a row of totals: it says so where a record has its names, or names nobody and nothing.

    A row with all dates that a record must have is a record, whatever it is called.
    """
    texts = [n for n, d in present.items() if d.type in (TEXT, ID) and d.must_have_value]
    needed = [n for n, d in present.items() if d.must_have_value]
    days = [f"r_{n} IS NULL" for n, d in present.items() if d.type == DATE and d.must_have_value]
    # a row without the days that a record has is one of totals, too, where its words go on: Total Alpha Ltd
    total = quoted(f"{TOTALS}|{TOTALS_OF}" if days else TOTALS)
    says = [f"CASE WHEN length(t_{n}) >= 3 THEN regexp_full_match(lower(t_{n}), {total}) ELSE false END" for n in texts]
    nobody = " AND ".join([f"t_{n} IS NULL" for n in texts] or ["false"])
    lacks = " OR ".join([f"t_{n} IS NULL" for n in needed] or ["false"])
    first = "list_transform(f[:3], lambda v: lower(trim(v, ' \"')))"
    first_says = f"len(list_filter({first}, lambda v: regexp_full_match(v, {total}))) > 0"
    undated = " OR ".join(days) if days else "true"
    return f"({undated}) AND ({' OR '.join([*says, f'({nobody})', f'CASE WHEN {lacks} THEN {first_says} ELSE false END'])})"


def _line_reasons(width: int) -> list[str]:
    """Return SQL of the reasons that concern a line as a whole, NULL where they do not hold."""
    found = "(found ''' || width || ''')'"
    more = f"width > {width} AND len(list_filter(f[{width + 1}:], lambda v: trim(v) <> '')) > 0"
    return [
        "CASE WHEN width = -1 THEN 'quotes do not enclose whole values' END",
        f"CASE WHEN width BETWEEN 1 AND {width - 1} THEN "
        f"'the line has fewer values than the header''s {width} {found} END",
        f"CASE WHEN {more} THEN 'the line has more values than the header''s {width} {found} END",
    ]


def _field_reasons(name: str, declared: Field, header: str, convention: values.Convention | None) -> list[str]:
    """Return SQL of the reasons that concern one field: it is not what it should be, or it is needed and empty."""
    label, reasons = header.replace("'", "''"), []
    no_day = dates.stands_for_no_day(f"t_{name}")
    if declared.type != TEXT:
        value = values.kept(NUMBER, f"r_{name}") if declared.type == NUMBER else f"r_{name}"
        unread = f"t_{name} IS NOT NULL AND {value} IS NULL" + (f" AND NOT {no_day}" if declared.type == DATE else "")
        found = f"' (found ''' || left(t_{name}, 60) || ''')'"
        words = f"'{_doubt(declared.type, convention)}'"
        if declared.type in values.DATES:
            words = f"coalesce(doubt_{name}, {words})"
        reasons.append(f"CASE WHEN {unread} THEN '{label} ' || {words} || {found} END")
    if declared.must_have_value:
        empty = f"t_{name} IS NULL"
        if declared.type == DATE:
            empty += f" OR r_{name} IN {dates.NONE_DAYS} OR (r_{name} IS NULL AND {no_day})"
        reasons.append(f"CASE WHEN {empty} THEN '{label} is empty' END")
    return reasons


def _doubt(kind: str, convention: values.Convention | None) -> str:
    """Return what to say of a value that was not read."""
    if convention and kind in values.DATES and convention.day_first is None:
        return "is not a date, or could be read day first or month first (the column has both)"
    if convention and kind in values.NUMBERS and convention.decimal is None:
        return f"is not {values.IS_A[kind]}, or could be read with either decimal sign (the column has both)"
    return f"is not {values.IS_A[kind]}"

"""Source files to typed relations: every line becomes fields, every field a value, or a reason why it is not.

One SQL pass over the lines reads the common spellings; only the rows in which something is left unread or in doubt go
through the careful forms, after the whole column has told how it writes dates and decimals.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import duckdb

from features.importers import values
from features.importers.contract import DATE, ID, INTEGER, MONTH, NUMBER, TEXT, File
from features.importers.source import CONTINUED, NEWLINE_IN_VALUE, ImportError_, Source

TOTALS = r"(grand |sub)?-?totals?( (for|of) .*)?|sum(me)?|gesamt(summe)?|total geral"


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


def lines_of(source: Source) -> str:
    """SQL of the file's lines, one column `line`, in order; a blank line is NULL."""
    path = str(source.text).replace("'", "''")
    return (
        f"read_csv('{path}', header = false, columns = {{'line': 'VARCHAR'}}, delim = '\x01', quote = '', escape = '', "
        "auto_detect = false, max_line_size = 33554432)"
    )


def read(connection: duckdb.DuckDBPyConnection, source: Source, file: File, number: int, usual: Usual | None = None) -> Reading:
    """Make the relation `typed_{number}` (source, line, fields, reasons) of one file, and `odd_{number}` of its odd lines."""
    result = Reading(source=source, number=number)
    try:
        _first_pass(connection, source, file, number)
    except duckdb.Error as error:
        raise ImportError_(f"{source.path}: cannot be read as a table ({str(error).splitlines()[0][:200]}).") from error
    counts = connection.execute(
        f"SELECT count(*), count(*) FILTER (width = 0), count(*) FILTER (is_odd) FROM fast_{number} WHERE rowid >= {source.header_line}"
    ).fetchall()[0]
    read_lines = counts[0] + source.header_line
    if read_lines != source.lines:
        raise ImportError_(f"{source.path}: {source.lines:,} lines in the file but {read_lines:,} were read; save it again as UTF-8 CSV.")
    result.blank_lines, result.rows = counts[1], counts[0] - counts[1]
    fields = ", ".join(file.fields)
    common = f"{number} AS source, rowid + 1 AS line, {fields}"
    parts = [
        f"SELECT {common}, NULL::VARCHAR[] AS reasons FROM fast_{number} "
        f"WHERE rowid >= {source.header_line} AND width > 0 AND NOT is_odd"
    ]
    if counts[2]:
        # each step is a table of its own: nested, the many expressions of a wide file would be held several times over
        connection.execute(f"CREATE TABLE odd_{number} AS SELECT * FROM {_odd(source, file, number)}")
        result.conventions = _conventions(connection, source, file, number, usual or Usual())
        _second_pass(connection, source, file, number, result.conventions)
        parts.append(f"SELECT source, line, {fields}, reasons FROM careful_{number}")
    connection.execute(f"CREATE VIEW typed_{number} AS " + " UNION ALL ".join(parts))
    return result


def _first_pass(connection: duckdb.DuckDBPyConnection, source: Source, file: File, number: int) -> None:
    width, delimiter = len(source.header), _literal(source.delimiter)
    if source.has_quotes:
        pattern = _literal(f'{_escaped(source.delimiter)}("(?:[^"]|"")*"|[^{_escaped(source.delimiter)}]*)')
        split = f"CASE WHEN contains(line, '\"') THEN regexp_extract_all({delimiter} || line, {pattern}, 1) ELSE string_split(line, {delimiter}) END"
        whole = f"(NOT contains(line, '\"') OR length(array_to_string(f, {delimiter})) = length(line))"
        unquote = "CASE WHEN starts_with({x}, '\"') THEN replace(replace({x}[2:-2], '\"\"', '\"'), '" + NEWLINE_IN_VALUE + "', chr(10)) ELSE {x} END"
    else:
        split, whole, unquote = f"string_split(line, {delimiter})", "true", "{x}"
    texts, fasts, odd = [], [], []
    for name, declared in file.fields.items():
        if name not in source.columns:
            fasts.append(f"NULL::{values.SQL_TYPE[declared.type]} AS {name}")
            continue
        cell = _one_line(declared.type, unquote).format(x=f"f[{source.columns[name] + 1}]")
        texts.append(f"nullif(trim({cell}), '') AS t_{name}")
        fasts.append(f"{values.fast(declared.type, f't_{name}')} AS {name}")
        if declared.type == TEXT:
            if declared.must_have_value:
                odd.append(f"t_{name} IS NULL")
        else:
            odd.append(f"({name} IS NULL{'' if declared.must_have_value else f' AND t_{name} IS NOT NULL'})")
        if declared.type == DATE:
            odd.append(f"{name} NOT BETWEEN DATE '1950-01-01' AND DATE '2199-12-31'")
        if declared.type in (TEXT, ID):
            words = ", ".join(_literal(w) for w in values.NONE_WORDS)
            odd.append(f"(t_{name} IN ({words}))")
            if declared.must_have_value:
                header = _literal(source.header[source.columns[name]])
                odd.append(f"t_{name} = {header} OR (length(t_{name}) >= 3 AND lower(t_{name})[:3] IN ('tot', 'sum', 'sub', 'gra', 'ges') AND regexp_full_match(lower(t_{name}), {_literal(TOTALS)}))")
    aliases = [fast.rsplit(" AS ", 1) for fast in fasts]
    inner = f"SELECT line, {split} AS f FROM {lines_of(source)}"
    middle = f"SELECT *, {', '.join(texts)} FROM ({inner})"
    outer = f"SELECT *, {', '.join(f'{expression} AS {name}' for expression, name in aliases)} FROM ({middle})"
    is_odd = " OR ".join([f"len(f) <> {width}", f"NOT {whole}", *odd])
    blank = f"(line IS NULL OR trim(line) = '' OR line = '{CONTINUED}')"
    connection.execute(
        f"CREATE TABLE fast_{number} AS SELECT {', '.join(file.fields)}, CASE WHEN {blank} THEN 0 WHEN NOT {whole} THEN -1 ELSE len(f) END AS width, "
        f"coalesce(NOT {blank} AND ({is_odd}), false) AS is_odd, CASE WHEN NOT {blank} AND ({is_odd}) THEN f END AS f FROM ({outer})"
    )


def _odd(source: Source, file: File, number: int) -> str:
    """SQL of the odd rows: line, width, and each field's text as t_NAME."""
    unquote = f"CASE WHEN starts_with({{x}}, '\"') AND length({{x}}) > 1 THEN replace(replace({{x}}[2:-2], '\"\"', '\"'), '{NEWLINE_IN_VALUE}', chr(10)) ELSE {{x}} END"
    texts = []
    for name, declared in file.fields.items():
        if name not in source.columns:
            continue
        cell = f"f[{source.columns[name] + 1}]"
        cell = _one_line(declared.type, unquote).format(x=cell) if source.has_quotes else cell
        texts.append(f"trim({cell}, ' \t\u00a0') AS v_{name}")
    words = ", ".join(_literal(word) for word in ("", *values.NONE_WORDS))
    given = [f"CASE WHEN v_{n} NOT IN ({words}) THEN v_{n} END AS t_{n}" for n in file.fields if n in source.columns]
    missing = [f"NULL::VARCHAR AS t_{n}" for n in file.fields if n not in source.columns]
    bare = [f"{values.bare_number(f't_{n}')} AS b_{n}" for n, d in file.fields.items() if d.type in (NUMBER, INTEGER)]
    return f"(SELECT {', '.join(['*', *bare])} FROM (SELECT line, width, f, {', '.join([*given, *missing])} FROM (SELECT rowid + 1 AS line, width, f, {', '.join(texts)} FROM fast_{number} WHERE rowid >= {source.header_line} AND is_odd)))"


def _one_line(kind: str, unquote: str) -> str:
    """An identifier with a line break inside its quotes is the same one with a blank."""
    return unquote.replace("chr(10)", "' '") if kind == ID else unquote


def _conventions(
    connection: duckdb.DuckDBPyConnection, source: Source, file: File, number: int, usual: Usual
) -> dict[str, values.Convention]:
    """How each date and number column of the file writes its doubtful values, from the column's own clear ones."""
    asked = [n for n, d in file.fields.items() if d.type in (DATE, MONTH, NUMBER, INTEGER) and n in source.columns]
    if not asked:
        return {}
    tests = []
    for name in asked:
        kind = file.fields[name].type
        evidence = values.date_evidence(f"t_{name}") if kind in (DATE, MONTH) else values.number_evidence(f"b_{name}")
        tests += [f"count(*) FILTER ({test})" for test in evidence]
        # numbers read by the fast form write their decimals with a point
        fast = f"(SELECT count(*) FROM fast_{number} WHERE NOT is_odd AND {name} <> floor({name}))" if kind == NUMBER else "0"
        tests.append(fast)
    row = connection.execute(f"SELECT {', '.join(tests)} FROM odd_{number}").fetchall()[0]
    found, dates = {}, [0, 0]
    counted = {name: row[4 * i : 4 * i + 4] for i, name in enumerate(asked)}
    for name in asked:
        if file.fields[name].type in (DATE, MONTH):
            dates = [dates[0] + counted[name][0], dates[1] + counted[name][1]]
    for name in asked:
        one, other, doubtful, fast_points = counted[name]
        if file.fields[name].type in (DATE, MONTH):
            # a column of days up to the 12th alone is read as the file's other dates are
            one, other = (one, other) if one or other else tuple(dates)
            found[name] = values.Convention(day_first=_majority(one, other, True, False, usual.day_first), clear=max(one, other), against=min(one, other), doubtful=doubtful)
        else:
            one += fast_points
            found[name] = values.Convention(decimal=_majority(one, other, ".", ",", usual.decimal), clear=max(one, other), against=min(one, other), doubtful=doubtful)
    return found


def _majority(one: int, other: int, if_one: Any, if_other: Any, usual: Any) -> Any:
    """The reading that the clear values show; the usual one where none is clear; None where they contradict each other."""
    if not one and not other:
        return usual
    if one >= values.MAJORITY * other:
        return if_one
    return if_other if other >= values.MAJORITY * one else None


def _second_pass(connection: duckdb.DuckDBPyConnection, source: Source, file: File, number: int, conventions: dict[str, values.Convention]) -> None:
    width = len(source.header)
    header = "[" + ", ".join(_literal(name) for name in source.header) + "]"
    columns, reasons = [], [
        "CASE WHEN width = -1 THEN 'quotes do not enclose whole values' END",
        f"CASE WHEN width > 0 AND width < {width} THEN 'the line has fewer values than the header''s {width} (found ''' || width || ''')' END",
        f"CASE WHEN width > {width} AND len(list_filter(f[{width + 1}:], lambda v: trim(v) <> '')) > 0 THEN 'the line has more values than the header''s {width} (found ''' || width || ''')' END",
        "CASE WHEN is_header THEN 'the header is repeated here' END",
    ]
    words = "list_transform(f[:3], lambda v: lower(trim(v, ' \"')))"
    texts = [n for n, d in file.fields.items() if d.type in (TEXT, ID) and d.must_have_value and n in source.columns]
    total = " OR ".join([f"regexp_full_match(coalesce(lower(t_{n}), ''), {_literal(TOTALS)})" for n in texts] or ["false"])
    first_total = f"len(list_filter({words}, lambda v: regexp_full_match(v, {_literal(TOTALS)}))) > 0"
    nobody = " AND ".join([f"t_{n} IS NULL" for n in texts] or ["false"])
    missing = " OR ".join([f"t_{n} IS NULL" for n, d in file.fields.items() if d.must_have_value and n in source.columns] or ["false"])
    reasons.append("CASE WHEN is_total THEN 'a totals row or a remainder: it names nobody and nothing' END")
    for name, declared in file.fields.items():
        if name not in source.columns:
            columns.append(f"NULL::{values.SQL_TYPE[declared.type]} AS {name}")
            continue
        label = source.header[source.columns[name]].replace("'", "''")
        none = values.stands_for_no_day(f"t_{name}") if declared.type == DATE else "false"
        value = f"{values.careful(declared.type, f't_{name}', f'b_{name}', conventions.get(name, values.Convention()))}"
        if declared.type == DATE:
            columns.append(f"CASE WHEN r_{name} NOT IN {values.NONE_DAYS} THEN r_{name} END AS {name}")
        else:
            columns.append(f"r_{name} AS {name}")
        texts_value = f"({value}) AS r_{name}"
        if declared.type != TEXT:
            doubt = _doubt(declared.type, f"t_{name}", conventions.get(name))
            reasons.append(
                f"CASE WHEN t_{name} IS NOT NULL AND r_{name} IS NULL{f' AND NOT {none}' if declared.type == DATE else ''} THEN '{label} {doubt} (found ''' || left(t_{name}, 60) || ''')' END"
            )
        if declared.must_have_value:
            empty = f"r_{name} IN {values.NONE_DAYS} OR (r_{name} IS NULL AND {none})" if declared.type == DATE else ""
            reasons.append(f"CASE WHEN t_{name} IS NULL{f' OR {empty}' if empty else ''} THEN '{label} is empty' END")
        columns.append(texts_value)
    raw = [c for c in columns if " AS r_" in c]
    final = [c for c in columns if " AS r_" not in c]
    connection.execute(f"""
        CREATE TABLE valued_{number} AS
        SELECT *, {", ".join(raw)}, list_transform(f, lambda v: trim(v, ' "')) = {header} AS is_header,
            (({total}) OR ({nobody}) OR (({missing}) AND {first_total})) AS is_total
        FROM odd_{number}
    """)
    connection.execute(f"DROP TABLE odd_{number}")
    connection.execute(f"""
        CREATE TABLE careful_{number} AS
        SELECT {number} AS source, line, {", ".join(final)},
            nullif(list_filter([{", ".join(reasons)}], lambda r: r IS NOT NULL), []) AS reasons
        FROM valued_{number}
    """)
    connection.execute(f"DROP TABLE valued_{number}")


def _doubt(kind: str, text: str, convention: values.Convention | None) -> str:
    if convention and kind in (DATE, MONTH) and convention.day_first is None:
        return "is not a date, or could be read day first or month first (the column has both)"
    if convention and kind in (NUMBER, INTEGER) and convention.decimal is None:
        return f"is not {values.IS_A[kind]}, or could be read with either decimal sign (the column has both)"
    return f"is not {values.IS_A[kind]}"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _escaped(delimiter: str) -> str:
    return "\\" + delimiter if delimiter == "|" else delimiter

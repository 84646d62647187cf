"""Lines to cells to values, the common case: SQL that splits each line once and reads the usual spellings.

A row that the usual spellings do not settle (an unread value, a number in doubt, a missing needed value, a wrong number
of cells) is *odd*: it keeps its cells and its text for the careful reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from features.door import quoted
from features.importers import values
from features.importers.contract import DATE, ID, NUMBER, TEXT, Field, File
from features.importers.source import CONTINUED, NEWLINE_IN_VALUE, Source

TOTALS = r"(grand |sub)?-?totals?( (for|of) .*)?|sum(me)?|gesamt(summe)?|total geral"
LONG_LINES = (2_000_000, 33_554_432)  # bytes of the longest line: tried one after the other
BLANK = f"(line IS NULL OR trim(line) = '' OR line = '{CONTINUED}')"


def lines_of(source: Source, longest: int) -> str:
    """SQL of the file's lines of up to `longest` bytes, one column `line`, in order; a blank line is NULL.

    Read it with one thread: with several, DuckDB 2.0 can put the parts of a file of several buffers in another order.
    """
    return (
        f"read_csv({quoted(str(source.text))}, header = false, columns = {{'line': 'VARCHAR'}}, delim = '\x01', "
        f"quote = '', escape = '', auto_detect = false, max_line_size = {longest})"
    )


def take_lines(connection: duckdb.DuckDBPyConnection, source: Source, number: int, longest: int) -> None:
    """Make the table `lines_{number}` of the file's lines: by one thread, in order, so that splitting may use all."""
    with in_order(connection):
        connection.execute(f"CREATE TABLE lines_{number} AS FROM {lines_of(source, longest)}")


@contextmanager
def in_order(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Read lines with one thread, so that the place of a row is the line that it stood on."""
    threads = connection.execute("SELECT current_setting('threads')").fetchall()[0][0]
    connection.execute("SET threads = 1")
    try:
        yield
    finally:
        connection.execute(f"SET threads = {threads}")


def cell(source: Source, declared: Field, position: int) -> str:
    """SQL of one cell's text, without the quotes around it; a line break in an identifier is a blank."""
    raw = f"f[{position + 1}]"
    if not source.has_quotes:
        return raw
    newline = "' '" if declared.type == ID else "chr(10)"
    inside = f"replace(replace({raw}[2:-2], '\"\"', '\"'), '{NEWLINE_IN_VALUE}', {newline})"
    return f"CASE WHEN starts_with({raw}, '\"') AND length({raw}) > 1 THEN {inside} ELSE {raw} END"


def _bare(source: Source, declared: Field, position: int) -> str:
    """SQL of one cell's text, a text without the blanks around it (trimming every cell would cost more than looking)."""
    text = cell(source, declared, position)
    if declared.type not in (TEXT, ID):
        return text
    return f"CASE WHEN starts_with({text}, ' ') OR ends_with({text}, ' ') THEN trim({text}) ELSE {text} END"


def _split(source: Source) -> tuple[str, str]:
    """SQL of a line's cells, and the test that nothing of the line was lost in splitting."""
    delimiter = quoted(source.delimiter)
    plain = f"string_split(line, {delimiter})"
    if not source.has_quotes:
        return plain, "true"
    mark = "\\" + source.delimiter if source.delimiter == "|" else source.delimiter
    pattern = quoted(f'{mark}("(?:[^"]|"")*"|[^{mark}]*)')
    is_quoted = "contains(line, '\"')"
    cells = f"CASE WHEN {is_quoted} THEN regexp_extract_all({delimiter} || line, {pattern}, 1) ELSE {plain} END"
    return cells, f"(NOT {is_quoted} OR length(array_to_string(f, {delimiter})) = length(line))"


def _oddities(source: Source, name: str, declared: Field, tells_itself: bool) -> list[str]:
    """SQL tests that make a row odd for one field."""
    tests = []
    if declared.type != TEXT:
        unread = f"{name} IS NULL"
        tests.append(unread if declared.must_have_value else f"({unread} AND t_{name} IS NOT NULL)")
    elif declared.must_have_value:
        tests.append(f"t_{name} IS NULL")
    if declared.type == DATE:
        tests.append(f"{name} NOT BETWEEN DATE '1950-01-01' AND DATE '2199-12-31'")
    if declared.type == NUMBER:
        tests.append(f"NOT abs({name}) < {values.LARGEST}")  # also what is not finite
    if declared.type in (TEXT, ID):
        words = ", ".join(quoted(word) for word in values.NONE_WORDS)
        tests.append(f"CASE WHEN strlen(t_{name}) BETWEEN 3 AND 4 THEN t_{name} IN ({words}) ELSE false END")
        if declared.must_have_value and not tells_itself:
            tests.append(f"t_{name} = {quoted(source.header[source.columns[name]])}")
            tests.append(f"(length(t_{name}) >= 3 AND regexp_full_match(lower(t_{name}), {quoted(TOTALS)}))")
    return tests


def first_pass(source: Source, file: File, number: int) -> str:
    """SQL of the table `fast_{number}`: one row a line of `lines_{number}`, in no order: several threads write it.

    Columns: line_number (from 1 on); the fields; width (cells; 0 for a blank line, -1 where quotes do not
    enclose whole values); is_odd; and of odd rows f (the cells) and original (the line).
    """
    split, whole = _split(source)
    present = {name: declared for name, declared in file.fields.items() if name in source.columns}
    # a repeated header or a totals row has no date where each record has one: it is odd by that alone
    tells_itself = any(declared.must_have_value and declared.type == DATE for declared in present.values())
    # blanks around a date or number only make the row odd; around a text they would become part of it
    texts = [f"nullif({_bare(source, d, source.columns[n])}, '') AS t_{n}" for n, d in present.items()]
    fast = [f"{values.fast(d.type, f't_{n}')} AS {n}" for n, d in present.items()]
    absent = [f"NULL::{values.SQL_TYPE[d.type]} AS {n}" for n, d in file.fields.items() if n not in present]
    odd = [test for n, d in present.items() for test in _oddities(source, n, d, tells_itself)]
    width = len(source.header)
    # the looks at the whole line are dear, and taken only where the line's cells give reason to
    is_usual = f"len(f) = {width} AND {whole}" if width > 1 else "false"
    doubt = " OR ".join([f"len(f) <> {width}", f"NOT {whole}", *odd])
    lines = f"SELECT rowid + 1 AS line_number, line, {split} AS f FROM lines_{number}"
    return f"""
        CREATE TABLE fast_{number} AS
        SELECT line_number, {", ".join(file.fields)}, width, is_odd, CASE WHEN is_odd THEN f END AS f,
            CASE WHEN is_odd THEN line END AS original
        FROM (
            SELECT *, CASE WHEN {is_usual} THEN {width} WHEN {BLANK} THEN 0 WHEN NOT {whole} THEN -1 ELSE len(f) END
                    AS width,
                CASE WHEN {doubt} THEN NOT {BLANK} ELSE false END AS is_odd
            FROM (SELECT *, {", ".join([*fast, *absent])} FROM (SELECT *, {", ".join(texts)} FROM ({lines})))
        )
    """


def odd_rows(source: Source, file: File, number: int) -> str:
    """SQL of the odd rows: line, width, f, each field's text as t_NAME (NULL: none), a number's bare text as b_NAME."""
    present = {name: declared for name, declared in file.fields.items() if name in source.columns}
    texts = [f"trim({cell(source, d, source.columns[n])}, ' \t\u00a0') AS v_{n}" for n, d in present.items()]
    words = ", ".join(quoted(word) for word in ("", *values.NONE_WORDS))
    given = [f"CASE WHEN v_{n} NOT IN ({words}) THEN v_{n} END AS t_{n}" for n in present]
    absent = [f"NULL::VARCHAR AS t_{n}" for n in file.fields if n not in present]
    bare = [f"{values.bare_number(f't_{n}')} AS b_{n}" for n, d in file.fields.items() if d.type in values.NUMBERS]
    return f"""
        SELECT {", ".join(["*", *bare])} FROM (
            SELECT line, width, f, {", ".join([*given, *absent])} FROM (
                SELECT line_number AS line, width, f, {", ".join(texts)} FROM fast_{number}
                WHERE line_number > {source.header_line} AND is_odd
            )
        )
    """

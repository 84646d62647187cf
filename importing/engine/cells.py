"""Lines to cells to values, the common case: SQL that splits each line once and reads the usual spellings.

A row that the usual spellings do not settle (an unread value, a number in doubt, a missing needed value, a wrong number
of cells) is *odd*: it keeps its cells and its text for the careful reading.
"""

from __future__ import annotations

from importing.engine import values
from importing.engine.dates import ascii_signs
from importing.engine.format import DATE, ID, TEXT, Field, File
from importing.engine.numbers import bare_number
from importing.engine.source import BLANKS, CONTINUED, NEWLINE_IN_VALUE, Source
from ledger.validation import quoted

TOTALS = (
    r"(grand |sub)?[- ]?totals?:?( (for|of|general|général) .*)?|total (geral|general|général):?|sum(me)?:?|(gesamt|zwischen)-?(summe|betrag)?:?"
    r"|sous-?total:?|suma:?|soma:?|(sub)?totale:?|(.{0,20}(合\s*计|合\s*計|总\s*计|總\s*計|小\s*计|小\s*計)|本页合计|累\s*计|累\s*計)[:：]?|\*{1,4}"
)
# totals of something: a customer may be called so, so it counts only on a row without the dates that a record has
TOTALS_OF = (
    r"((grand|sub)?[- ]?total|sous-?total|(gesamt|zwischen)-?summe|summe|suma|soma|subtotale|totale|saldo|solde)[ :].+"
)
BLANK = f"(trim(line) = '' OR line = '{CONTINUED}')"


def bare_lines(source: Source, relation: str) -> str:
    """Return SQL of the lines of a relation of `lines_of`, without the newline at their ends."""
    line = "replace(line, chr(10), '')"
    return f"SELECT line_number, {f'replace({line}, chr(13), {chr(39) * 2})' if source.has_returns else line} AS line FROM {relation}"


def cell(source: Source, declared: Field, position: int) -> str:
    """Return SQL of one cell's text, without the quotes around it; a line break in an identifier is a blank."""
    raw = f"f[{position + 1}]"
    if not source.has_quotes:
        return raw
    newline = "' '" if declared.type == ID else "chr(10)"
    inside = f"replace(replace({raw}[2:-2], '\"\"', '\"'), '{NEWLINE_IN_VALUE}', {newline})"
    return f"CASE WHEN starts_with({raw}, '\"') AND length({raw}) > 1 THEN {inside} ELSE {raw} END"


def _bare(source: Source, declared: Field, position: int) -> str:
    """SQL of one cell's text, without the blanks around it where quotes may hide them (else `split_of` takes them)."""
    text = cell(source, declared, position)
    if not source.has_quotes or declared.type not in (TEXT, ID):
        return text
    # trimming every cell would cost more than looking
    padded = " OR ".join(f"starts_with({text}, '{b}') OR ends_with({text}, '{b}')" for b in source.blanks)
    return f"CASE WHEN {padded} THEN trim({text}, '{BLANKS}') ELSE {text} END"


def split_of(source: Source) -> tuple[str, str]:
    """Return SQL of a line's cells, and the test that nothing of the line was lost in splitting."""
    delimiter = quoted(source.delimiter)
    plain = f"string_split(line, {delimiter})"
    if not source.has_quotes:
        return f"list_transform({plain}, lambda v: trim(v, '{BLANKS}'))" if source.is_padded else plain, "true"
    mark = "\\" + source.delimiter if source.delimiter == "|" else source.delimiter
    pattern = quoted(f'{mark}("(?:[^"]|"")*"|[^{mark}]*)')
    is_quoted = "contains(line, '\"')"
    cells = f"CASE WHEN {is_quoted} THEN regexp_extract_all({delimiter} || line, {pattern}, 1) ELSE {plain} END"
    return cells, f"(NOT {is_quoted} OR length(array_to_string(f, {delimiter})) = length(line))"


def _padding(source: Source) -> list[str]:
    """Return SQL tests that a line may have blanks around a value, where few lines do: one look instead of one a cell."""
    if source.has_quotes or source.is_padded:
        return []
    tests = []
    for blank in source.blanks:
        pairs = quoted(blank + source.delimiter), quoted(source.delimiter + blank)
        tests += [f"contains(line, {pair})" for pair in pairs]
        tests += [f"starts_with(line, '{blank}')", f"ends_with(line, '{blank}')"]
    return tests


def _oddities(source: Source, name: str, declared: Field, tells_itself: bool) -> list[str]:
    """Return SQL tests that make a row odd for one field: what its usual spelling does not settle."""
    text = f"c_{name}"
    tests = values.not_plain(declared.type, name, text)
    if declared.must_have_value:
        tests.append(f"{text} = ''")
    if declared.type in (TEXT, ID):
        words = ", ".join(quoted(word) for word in values.NONE_WORDS)
        tests.append(f"{text} IN ({words})")
        if declared.must_have_value and not tells_itself:
            tests.append(f"{text} = {quoted(source.header[source.columns[name]])}")
            tests.append(f"(length({text}) >= 3 AND regexp_full_match(lower({text}), {quoted(TOTALS)}))")
    return tests


def first_pass(source: Source, file: File, relation: str, number: int) -> str:
    """SQL of the table `plain_{number}`: one row a line of a relation of `lines_of`, in no order: several threads write.

    Columns: line_number (from 1 on); the fields; width (cells; 0 for a blank line, -1 where quotes do not
    enclose whole values); is_odd; and of odd rows f (the cells) and original (the line).
    """
    split, whole = split_of(source)
    present = {name: declared for name, declared in file.fields.items() if name in source.columns}
    # a repeated header or a totals row has no date where each record has one: it is odd by that alone
    tells_itself = any(declared.must_have_value and declared.type == DATE for declared in present.values())
    texts = [f"{_bare(source, d, source.columns[n])} AS c_{n}" for n, d in present.items()]
    plain = [f"{values.plain(d.type, f'c_{n}')} AS {n}" for n, d in present.items()]
    absent = [f"NULL::{values.SQL_TYPE[d.type]} AS {n}" for n, d in file.fields.items() if n not in present]
    odd = [test for n, d in present.items() for test in _oddities(source, n, d, tells_itself)]
    width = len(source.header)
    # the looks at the whole line are dear, and taken only where the line's cells give reason to
    is_usual = f"len(f) = {width} AND {whole}" if width > 1 else "false"
    doubt = " OR ".join([f"len(f) IS DISTINCT FROM {width}", f"NOT {whole}", *_padding(source), *odd])
    return f"""
        CREATE TABLE plain_{number} AS
        SELECT line_number, {", ".join(file.fields)}, width, is_odd, CASE WHEN is_odd THEN f END AS f,
            CASE WHEN is_odd THEN line END AS original
        FROM (
            SELECT *, CASE WHEN {is_usual} THEN {width} WHEN {BLANK} THEN 0 WHEN NOT {whole} THEN -1 ELSE len(f) END
                    AS width,
                CASE WHEN {doubt} THEN NOT {BLANK} ELSE false END AS is_odd
            FROM (SELECT *, {", ".join([*plain, *absent])} FROM (SELECT *, {", ".join(texts)}
                FROM (SELECT *, {split} AS f FROM ({bare_lines(source, relation)}))))
        )
    """


def odd_rows(source: Source, file: File, number: int) -> str:
    """SQL of the odd rows: line, width, f, each field's text as t_NAME (NULL: none), a number's bare text as b_NAME."""
    present = {name: declared for name, declared in file.fields.items() if name in source.columns}
    texts = []
    for name, declared in present.items():
        text = cell(source, declared, source.columns[name])
        text = ascii_signs(text) if declared.type in values.DATES + values.NUMBERS else text
        texts.append(f"trim({text}, '{BLANKS}') AS v_{name}")
    words = ", ".join(quoted(word) for word in ("", *values.NONE_WORDS))
    given = [f"CASE WHEN v_{n} NOT IN ({words}) THEN v_{n} END AS t_{n}" for n in present]
    absent = [f"NULL::VARCHAR AS t_{n}" for n in file.fields if n not in present]
    bare = [f"{bare_number(f't_{n}')} AS b_{n}" for n, d in file.fields.items() if d.type in values.NUMBERS]
    return f"""
        SELECT {", ".join(["*", *bare])} FROM (
            SELECT line, width, f, {", ".join([*given, *absent])} FROM (
                SELECT line_number AS line, width, f, {", ".join(texts)} FROM plain_{number}
                WHERE line_number > {source.header_line} AND is_odd
            )
        )
    """

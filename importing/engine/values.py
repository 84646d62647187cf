"""How the text of a source column becomes a value: SQL expressions for dates, numbers, flags and identifiers.

Each type has a plain form (the common, unambiguous spelling) and a careful one that knows the others; a row goes
through the careful form only when the plain one left a value unread or in doubt. Both give NULL for text that cannot
be read, which is then a reason for quarantine and never a guess.
"""

from __future__ import annotations

from dataclasses import dataclass

from importing.engine.format import DATE, FLAG, ID, INTEGER, MONTH, NUMBER, TEXT

NONE_WORDS = ("NULL", "null", "None", "NaN", "nan", "N/A", "n/a", "#N/A", "NaT", "<NA>")
NO_DAY = "^(0+|0{4}-0{2}-0{2}|0{2}[./]0{2}[./]0{4}|0000/00/00)( .*)?$"  # zeros that stand for no date
NONE_DAYS = (
    "(DATE '1899-12-30', DATE '1899-12-31', DATE '1900-01-01', DATE '9999-12-31', DATE '0001-01-01', DATE '1753-01-01')"
)
MAJORITY = 20  # one reading of dd/mm or of the decimal sign must be this many times as frequent as the other

DATES, NUMBERS = (DATE, MONTH), (NUMBER, INTEGER)
LARGEST = "9e13"  # above this, a 64-bit float no longer holds whole cents

SQL_TYPE = {
    TEXT: "VARCHAR",
    ID: "VARCHAR",
    DATE: "DATE",
    MONTH: "DATE",
    NUMBER: "DOUBLE",
    INTEGER: "BIGINT",
    FLAG: "BOOLEAN",
}
IS_A = {
    DATE: "a date",
    MONTH: "a month",
    NUMBER: "a number",
    INTEGER: "a whole number",
    FLAG: "yes or no",
    ID: "an identifier (a spreadsheet turned it into a rounded number)",
}


@dataclass(frozen=True, kw_only=True)
class Convention:
    """How the doubtful values of one column are read, with the evidence found in the column itself.

    day_first : 03/04/2019 is 3 April; None where the column contradicts itself.
    decimal : '.' or ',' for 1.234 and 1,234; None where the column contradicts itself.
    clear, doubtful : how many values decided it, and how many were read by it.
    """

    day_first: bool | None = None
    decimal: str | None = None
    clear: int = 0
    against: int = 0
    doubtful: int = 0


def plain(kind: str, text: str) -> str:
    """The value of `text` in its common spelling; it counts only where none of `not_plain` holds."""
    if kind in (TEXT, ID):
        return f"nullif({text}, '')"
    if kind == MONTH:
        return f"TRY_CAST({text} || '-01' AS DATE)"
    return _flag(text) if kind == FLAG else f"TRY_CAST({text} AS {SQL_TYPE[kind]})"


def not_plain(kind: str, value: str, text: str) -> list[str]:
    """SQL tests that the common spelling does not settle `text`, which was read as `value`; none holds for no text."""
    if kind == TEXT:
        return []
    if kind == ID:
        return [f"contains({text}, '.')", f"contains({text}, '+')"]
    tests = [f"({value} IS NULL AND {text} <> '')"]
    if kind in DATES:
        tests.append(f"({value} IS NOT NULL AND strlen({text}) <> {10 if kind == DATE else 7})")
    if kind == DATE:
        tests.append(f"{value} NOT BETWEEN DATE '1950-01-01' AND DATE '2199-12-31'")
    if kind == NUMBER:  # '1.234' is in doubt until the whole column has been seen
        tests += [f"{text}[-4] = '.'", f"NOT abs({value}) < {LARGEST}"]  # also what is not finite
    if kind == INTEGER:
        tests.append(f"contains({text}, '.')")
    if kind in NUMBERS:
        tests.append(f"contains({text}, '_')")
    return tests


def careful(kind: str, text: str, bare: str, convention: Convention) -> str:
    """The value of `text` in any spelling that can be read without guessing, else NULL; `bare` is bare_number(text)."""
    if kind in (TEXT, FLAG):
        return plain(kind, text)
    value = plain(kind, text)  # most cells of a row are plain where one is not
    return f"CASE WHEN {' OR '.join(not_plain(kind, value, text))} THEN {_other(kind, text, bare, convention)} ELSE {value} END"


def _other(kind: str, text: str, bare: str, convention: Convention) -> str:
    if kind == ID:
        return (
            rf"CASE WHEN regexp_full_match({text}, '\d+\.0+') THEN regexp_extract({text}, '^\d+') "
            rf"WHEN regexp_full_match({text}, '\d[.,]?\d*[eE]\+?\d+') THEN NULL ELSE {text} END"
        )
    if kind == DATE:
        return _date(text, convention.day_first)
    if kind == MONTH:
        return (
            rf"CASE WHEN regexp_full_match({text}, '\d{{4}}[-/.]?\d{{2}}(\.0)?') "
            rf"THEN TRY_CAST(left({text}, 4) || '-' || right(regexp_replace({text}, '\.0$', ''), 2) || '-01' AS DATE) "
            f"ELSE CAST(date_trunc('month', {_date(text, convention.day_first)}) AS DATE) END"
        )
    if kind == NUMBER:
        return _number(text, bare, convention.decimal)
    if kind == INTEGER:
        number = _number(text, bare, convention.decimal)
        return f"CASE WHEN {number} = floor({number}) AND abs({number}) < 9e15 THEN CAST({number} AS BIGINT) END"
    raise ValueError(f"no type of field: {kind}")


def kept(kind: str, value: str) -> str:
    """The value as the ledger may hold it: NULL for a day that stands for none, or a number too large for cents."""
    if kind == DATE:
        return f"CASE WHEN {value} NOT IN {NONE_DAYS} THEN {value} END"
    return f"CASE WHEN abs({value}) < {LARGEST} THEN {value} END" if kind == NUMBER else value


def stands_for_no_day(text: str) -> str:
    """Whether `text` is zeros that stand for no date (00000000, 00.00.0000), rather than an unreadable one."""
    return f"regexp_matches({text}, '{NO_DAY}')"


def _flag(text: str) -> str:
    return (
        f"CASE WHEN lower({text}) IN ('yes', 'y', 'true', 't', '1', 'x', 'ja', 'wahr', 'sim', 's', 'oui', '1.0') THEN "
        f"true "
        f"WHEN lower({text}) IN ('no', 'n', 'false', 'f', '0', 'nein', 'falsch', 'não', 'nao', 'non', '0.0') THEN "
        f"false END"
    )


SHORT_DATE = r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4}|\d{2})( .*|T.*)?"


def _date(text: str, day_first: bool | None) -> str:
    first, second, year = (f"TRY_CAST(regexp_extract({text}, '^{SHORT_DATE}$', {i}) AS INTEGER)" for i in (1, 2, 3))
    year = f"(CASE WHEN {year} < 70 THEN {year} + 2000 WHEN {year} < 100 THEN {year} + 1900 ELSE {year} END)"
    day_month = _day(year, second, first)
    month_day = _day(year, first, second)
    # the column's majority; where it is clearly the one, a value of the other order is a mistake and stays unread
    chosen = {
        True: f"CASE WHEN {second} <= 12 THEN {day_month} END",
        False: f"CASE WHEN {first} <= 12 THEN {month_day} END",
        None: f"CASE WHEN {first} > 12 THEN {day_month} WHEN {second} > 12 THEN {month_day} "
        f"WHEN {first} = {second} THEN {day_month} END",
    }[day_first]
    return rf"""CASE
        WHEN {stands_for_no_day(text)} THEN NULL
        WHEN regexp_full_match({text}, '\d{{8}}(\.0+)?') THEN CAST(try_strptime(left({text}, 8), '%Y%m%d') AS DATE)
        WHEN regexp_full_match({text}, '\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}([ T].*)?')
        THEN TRY_CAST(replace(replace(regexp_extract({text}, '^[0-9/.\-]+'), '.', '-'), '/', '-') AS DATE)
        WHEN regexp_full_match({text}, '[2-7]\d{{4}}([.,]\d+)?') THEN DATE '1899-12-30' + CAST(left({text},
            5) AS INTEGER)
        WHEN regexp_full_match({text}, '{SHORT_DATE}') THEN {chosen}
        WHEN regexp_full_match({text}, '\d{{1,2}}[ \-/.]*[A-Za-z]{{3,9}}[ \-/.,]*(\d{{4}}|\d{{2}})( .*)?')
        THEN CAST(try_strptime(
            regexp_replace({text}, '^(\d{{1,2}})[ \-/.]*([A-Za-z]{{3}})[A-Za-z]*[ \-/.,]*(\d{{4}}|\d{{2}}).*$',
                '\1 \2 \3'),
            ['%d %b %Y', '%d %b %y']) AS DATE)
        WHEN regexp_full_match({text}, '[A-Za-z]{{3,9}}[ .]*\d{{1,2}},? *\d{{4}}( .*)?')
        THEN CAST(try_strptime(
            regexp_replace({text}, '^([A-Za-z]{{3}})[A-Za-z]*[ .]*(\d{{1,2}}),? *(\d{{4}}).*$', '\2 \1 \3'),
                '%d %b %Y') AS DATE)
        END"""


def _day(year: str, month: str, day: str) -> str:
    return f"TRY_CAST({year} || '-' || {month} || '-' || {day} AS DATE)"


DOUBTFUL_NUMBER = r"[+\-]?[1-9]\d{0,2}[.,]\d{3}"


def bare_number(text: str) -> str:
    """Digits and separators of a number: no currency sign, blank, apostrophe, bracket or sign."""
    return rf"regexp_replace({text}, '[\s\x{{a0}}\x{{202f}}''’€$£¥()+\-−]|R\$|[A-Z]{{3}}$|^[A-Z]{{3}}', '', 'g')"


def _number(text: str, bare: str, decimal: str | None) -> str:
    negative = rf"regexp_matches({text}, '^\s*\(.*\)\s*$|^\D*[\-−]|[\-−]\s*$')"
    doubtful = {
        ".": f"CASE WHEN contains({bare}, '.') THEN {bare} ELSE replace({bare}, ',', '') END",
        ",": f"CASE WHEN contains({bare}, ',') THEN replace({bare}, ',', '.') ELSE replace({bare}, '.', '') END",
        None: "NULL",
    }[decimal]
    signs = f"regexp_replace({text}, '[^()+\\-−]', '', 'g')"  # as in -5, 5-, (5), (-5): anything else is a slip
    plain_form = rf"""CASE
        WHEN {signs} NOT IN ('', '+', '-', '−', '()', '(-)') THEN NULL
        WHEN regexp_full_match({bare}, '\d+') THEN {bare}
        WHEN regexp_full_match({bare}, '[1-9]\d{{0,2}}[.,]\d{{3}}') THEN {doubtful}
        WHEN regexp_full_match({bare}, '\d+\.\d*|\.\d+') THEN {bare}
        WHEN regexp_full_match({bare}, '\d+,\d*|,\d+') THEN replace({bare}, ',', '.')
        WHEN regexp_full_match({bare}, '\d{{1,3}}(,\d{{2,3}})*,\d{{3}}(\.\d*)?') THEN replace({bare}, ',', '')
        WHEN regexp_full_match({bare}, '\d{{1,3}}(\.\d{{3}})+(,\d*)?') THEN replace(replace({bare}, '.', ''), ',', '.')
        WHEN regexp_full_match({bare}, '\d+(\.\d+)?[eE]\d+') THEN {bare} END"""
    value = f"(CASE WHEN {negative} THEN -1 ELSE 1 END * TRY_CAST({plain_form} AS DOUBLE))"
    # the sign of an exponent is not the number's
    return rf"CASE WHEN regexp_full_match({text}, '[+\-]?\d+(\.\d*)?[eE][+\-]?\d+') THEN TRY_CAST({text} AS DOUBLE) ELSE {value} END"


def date_evidence(text: str) -> tuple[str, str, str]:
    """SQL tests of a value: only a day-first date, only a month-first date, either."""
    first, second = (f"TRY_CAST(regexp_extract({text}, '^{SHORT_DATE}$', {i}) AS INTEGER)" for i in (1, 2))
    ranges = ((13, 31, 1, 12), (1, 12, 13, 31), (1, 12, 1, 12))
    is_short = f"regexp_full_match({text}, '{SHORT_DATE}')"
    one, other, either = (
        f"CASE WHEN {is_short} THEN {first} BETWEEN {a} AND {b} AND {second} BETWEEN {c} AND {d} ELSE false END"
        for a, b, c, d in ranges
    )
    return one, other, either


def number_evidence(bare: str) -> tuple[str, str, str]:
    """SQL tests of a bare number: the decimal sign is surely a point, surely a comma, or in doubt (1.234)."""
    return (
        rf"regexp_full_match({bare}, "
        rf"'(0|\d{{4,}})?\.\d+|\d+\.(\d{{1,2}}|\d{{4,}})|\d{{1,3}}(,\d{{3}})+\.\d*|\d{{1,3}}(,\d{{3}}){{2,}}')",
        rf"regexp_full_match({bare}, "
        rf"'(0|\d{{4,}})?,\d+|\d+,(\d{{1,2}}|\d{{4,}})|\d{{1,3}}(\.\d{{3}})+,\d*|\d{{1,3}}(\.\d{{3}}){{2,}}')",
        rf"regexp_full_match({bare}, '[1-9]\d{{0,2}}[.,]\d{{3}}')",
    )

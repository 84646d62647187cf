"""How the text of a source column becomes a value: SQL expressions for dates, numbers, flags and identifiers.

Each type has a plain form (the common, unambiguous spelling) and a careful one that knows the others; a row goes
through the careful form only when the plain one left a value unread or in doubt. Both give NULL for text that cannot
be read: a reason for quarantine.
"""

from __future__ import annotations

from dataclasses import dataclass

from importing.engine.dates import NONE_DAYS, frequent_date, is_frequent
from importing.engine.format import DATE, FLAG, ID, INTEGER, MONTH, NUMBER, TEXT
from importing.engine.numbers import number_of

NONE_WORDS = ("NULL", "null", "None", "NaN", "nan", "N/A", "n/a", "#N/A", "NaT", "<NA>")
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
    calendar : the calendar that the mapping states for dates; None is the western one.
    clear, against, doubtful : how many values decided it, how many can be read in the other way only, and how many were
        read by it.
    short_years : how many dates have a year of two digits.
    """

    day_first: bool | None = None
    decimal: str | None = None
    calendar: str | None = None
    clear: int = 0
    against: int = 0
    doubtful: int = 0
    short_years: int = 0


def plain(kind: str, text: str) -> str:
    """Return the value of `text` in its common spelling; it counts only where none of `not_plain` holds."""
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


def careful(
    kind: str, text: str, bare: str, convention: Convention, spelled: str = "NULL", factor: str | None = None
) -> str:
    """Return SQL of the value of `text` in any spelling that can be read without a choice, else NULL.

    bare : `bare_number` of the text. spelled : SQL of the date that `read_date` made of it, where it is no frequent one.
    factor : SQL of what the bare digits are times, for a text that `bare_and_factor` read; None where none was.
    """
    if kind in (TEXT, FLAG):
        return plain(kind, text)
    value = plain(kind, text)  # most cells of a row are plain where one is not
    other = _other(kind, text, bare, convention, spelled, factor)
    return f"CASE WHEN {' OR '.join(not_plain(kind, value, text))} THEN {other} ELSE {value} END"


def _other(kind: str, text: str, bare: str, convention: Convention, spelled: str, factor: str | None) -> str:
    if kind == ID:
        return (
            rf"CASE WHEN regexp_full_match({text}, '\d+\.0+') THEN regexp_extract({text}, '^\d+') "
            rf"WHEN regexp_full_match({text}, '\d[.,]?\d*[eE]\+?\d+') THEN NULL ELSE {text} END"
        )
    if kind == DATE:
        return any_date(text, convention, spelled)
    if kind == MONTH:
        return (
            rf"CASE WHEN regexp_full_match({text}, '\d{{4}}[-/.]?\d{{2}}(\.0)?') "
            rf"THEN TRY_CAST(left({text}, 4) || '-' || right(regexp_replace({text}, '\.0$', ''), 2) || '-01' AS DATE) "
            f"ELSE CAST(date_trunc('month', {any_date(text, convention, spelled)}) AS DATE) END"
        )
    if kind == NUMBER:
        return number_of(text, bare, convention.decimal, factor)
    if kind == INTEGER:
        number = number_of(text, bare, convention.decimal, factor)
        return f"CASE WHEN {number} = floor({number}) AND abs({number}) < 9e15 THEN CAST({number} AS BIGINT) END"
    raise ValueError(f"no type of field: {kind}")


def any_date(text: str, convention: Convention, spelled: str) -> str:
    """Return SQL of a date in a frequent spelling, else the one that `read_date` made of it."""
    if convention.calendar is not None:
        return spelled
    return f"CASE WHEN {is_frequent(text)} THEN {frequent_date(text, convention.day_first)} ELSE {spelled} END"


def kept(kind: str, value: str) -> str:
    """Return the value as the ledger may hold it: NULL for a day that stands for none, or a number too large for cents."""
    if kind == DATE:
        return f"CASE WHEN {value} NOT IN {NONE_DAYS} THEN {value} END"
    return f"CASE WHEN abs({value}) < {LARGEST} THEN {value} END" if kind == NUMBER else value


def _flag(text: str) -> str:
    return (
        f"CASE WHEN lower({text}) IN ('yes', 'y', 'true', 't', '1', 'x', 'ja', 'wahr', 'sim', 's', 'oui', 'vrai', 'si', 'sí', '是', '1.0') THEN "
        f"true "
        f"WHEN lower({text}) IN ('no', 'n', 'false', 'f', '0', 'nein', 'falsch', 'não', 'nao', 'non', 'faux', '否', '0.0') THEN "
        f"false END"
    )

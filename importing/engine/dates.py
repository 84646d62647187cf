"""Dates as people write them: numbers in any order, month names in seven languages, Chinese, Excel serials, other calendars.

SQL reads the frequent spellings with a western four-digit year; `read_date` reads the others, once per different text. A
date that only a choice could settle (day or month first, another calendar) is read by the column's convention or not at
all. Two-digit years stand for 1970 to 2069; how many were read so is counted in the report.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import cache

NO_DAY = "^(0+|0{4}-0{2}-0{2}|0{2}[./]0{2}[./]0{4}|0000/00/00|-+|—)( .*)?$"  # zeros that stand for no date
NONE_DAYS = (
    "(DATE '1899-12-30', DATE '1899-12-31', DATE '1900-01-01', DATE '9999-12-31', DATE '0001-01-01', DATE '1753-01-01')"
)
PIVOT = 70  # two-digit years below it belong to this century
LANGUAGES = ("en", "de", "fr", "es", "pt", "it", "nl")
OTHER_MONTHS = {
    "janner": 1, "jaenner": 1, "maerz": 3, "mrz": 3, "marz": 3, "sept": 9, "setiembre": 9, "jui": 7, "sep": 9,
}  # fmt: skip
BUDDHIST, ROC = "buddhist", "roc"
CALENDARS = (BUDDHIST, ROC)
BUDDHIST_YEARS, BUDDHIST_OFFSET, ROC_OFFSET = (2450, 2742), 543, 1911

_WESTERN = r"(?:0001|1[0-9]\d\d|2[0-3]\d\d|9999)"
SHORT_DATE = r"(\d{1,2}) ?[/.\-] ?(\d{1,2}) ?[/.\-] ?(\d{4}|\d{2})( .*|T.*)?"
_SQL_SHORT = SHORT_DATE.replace(r"\d{4}|\d{2}", _WESTERN)
_SQL_ISO = rf"({_WESTERN})[-/.](\d{{1,2}})[-/.](\d{{1,2}})([ T].*)?"
_SQL_EIGHT = rf"({_WESTERN}[01]\d[0-3]\d)(\.0+)?"
_SQL_SERIAL = r"[2-7]\d{4}([.,]\d+)?"

_CHINESE = re.compile(r"(\d{4}|\d{2})年 ?(\d{1,2})月 ?(\d{1,2})[日号號]?(?: .*)?")
_YEAR_OF_THREE = re.compile(r"(民国|民國|中華民國)? ?(\d{2,3})[-/.年] ?(\d{1,2})[-/.月] ?(\d{1,2})[日号號]?")
_YEAR_OF_SEVEN = re.compile(r"([01]\d{2})([01]\d)([0-3]\d)")
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[ Tt].*)?|(\d{4})(\d{2})(\d{2})")
_YEAR_LAST = re.compile(SHORT_DATE)
_WEEKDAY, _WORD = r"(?:[a-z]{2,10}\.?,? )?", r"([a-z]{3,11})"
_DAY_MONTH = re.compile(
    rf"{_WEEKDAY}(\d{{1,2}})(?:\.|er|st|nd|rd|th|o|a)?[ \-/.,]*(?:de |d'|of )?{_WORD}[ \-/.,']*(?:de |del |of )?(\d{{4}}|\d{{2}})(?:[ t,].*)?"
)
_MONTH_DAY = re.compile(rf"{_WEEKDAY}{_WORD}[ \-/.]*(\d{{1,2}})(?:st|nd|rd|th)?[ ,\-/]+(\d{{4}}|\d{{2}})(?:[ ,].*)?")
_YEAR_MONTH = re.compile(rf"(\d{{4}})[ \-/.]*{_WORD}[ \-/.]*(\d{{1,2}})")
_JAPANESE = re.compile(r"(令和|平成|昭和|[RHS]\d{1,2}[./年])")

# digits and signs of other scripts, each with what it stands for
_DIGITS = "".join("".join(chr(first + i) for i in range(10)) for first in (0xFF10, 0x660, 0x6F0, 0x966, 0x9E6, 0xE50))
_SIGNS = {
    "，": ",", "．": ".", "－": "-", "（": "(", "）": ")", "＋": "+", "／": "/", "：": ":", "　": " ", "٫": ".", "٬": ",", "–": "-",
    "‐": "-", "‑": "-",
}  # fmt: skip
_TO_ASCII = str.maketrans(_DIGITS + "".join(_SIGNS), "0123456789" * 6 + "".join(_SIGNS.values()))
_NUMERALS = str.maketrans("〇零一二三四五六七八九", "00123456789")


@dataclass(frozen=True, kw_only=True)
class ReadDate:
    """A text read as a date: the day, or the sentence that says why it stays unread; and whether its year has two digits."""

    day: date | None = None
    doubt: str | None = None
    has_short_year: bool = False


def ascii_signs(text: str) -> str:
    """Return SQL of a text with the digits, blanks and signs of other scripts as ASCII ones."""
    return f"translate({text}, '{_DIGITS}{''.join(_SIGNS)}', '{'0123456789' * 6}{''.join(_SIGNS.values())}')"


def ascii_text(text: str) -> str:
    """Return a text with the digits, blanks and signs of other scripts as ASCII ones."""
    return text.translate(_TO_ASCII)


@cache
def months_by_name() -> dict[str, int]:
    """Return name or abbreviation, in lower case without accents and dots -> month. Source: CLDR by babel."""
    from babel import Locale

    names = dict(OTHER_MONTHS)
    for language in LANGUAGES:
        months = Locale.parse(language).months
        for context in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for month, name in months[context][width].items():
                    names[_bare(name).replace(".", "")] = month
    return names


def frequent_date(text: str, day_first: bool | None) -> str:
    """Return SQL of a text in one of the frequent spellings as a date; `is_frequent` says which those are."""
    first, second = (f"TRY_CAST(regexp_extract({text}, '^{_SQL_SHORT}$', {i}) AS INTEGER)" for i in (1, 2))
    year = f"regexp_extract({text}, '^{_SQL_SHORT}$', 3)"
    day_month, month_day = (
        f"TRY_CAST({year} || '-' || {a} || '-' || {b} AS DATE)" for a, b in ((second, first), (first, second))
    )
    # the column's majority; where it is clearly the one, a value of the other order is a mistake and stays unread
    chosen = {
        True: f"CASE WHEN {second} <= 12 THEN {day_month} END",
        False: f"CASE WHEN {first} <= 12 THEN {month_day} END",
        None: f"CASE WHEN {first} > 12 THEN {day_month} WHEN {second} > 12 THEN {month_day} "
        f"WHEN {first} = {second} THEN {day_month} END",
    }[day_first]
    iso = f"replace(replace(regexp_extract({text}, '^[0-9/.\\-]+'), '.', '-'), '/', '-')"
    return f"""CASE
        WHEN {stands_for_no_day(text)} THEN NULL
        WHEN regexp_full_match({text}, '{_SQL_EIGHT}') THEN CAST(try_strptime(left({text}, 8), '%Y%m%d') AS DATE)
        WHEN regexp_full_match({text}, '{_SQL_ISO}') THEN TRY_CAST({iso} AS DATE)
        WHEN regexp_full_match({text}, '{_SQL_SERIAL}') THEN DATE '1899-12-30' + CAST(left({text}, 5) AS INTEGER)
        WHEN regexp_full_match({text}, '{_SQL_SHORT}') THEN {chosen} END"""


def is_frequent(text: str) -> str:
    """Return an SQL test for the spellings that `frequent_date` reads."""
    shapes = "|".join((_SQL_EIGHT, _SQL_ISO, _SQL_SERIAL, _SQL_SHORT))
    return f"({stands_for_no_day(text)} OR regexp_full_match({text}, '{shapes}'))"


def read_date(text: str, day_first: bool | None, calendar: str | None = None) -> ReadDate:
    """Read a date in any known spelling.

    Parameters
    ----------
    text : as the source has it, in ASCII digits and signs.
    day_first : whether 03/04/2024 is 3 April; None: only what can be read in one way is read.
    calendar : BUDDHIST or ROC where the source is known to count years so.
    """
    bare = _bare(text.translate(_NUMERALS) if "年" in text else text)
    if "年" in bare:
        bare = re.sub(r"([1-9])十([1-9])", r"\1\2", bare)
        bare = re.sub(r"十([1-9])", r"1\1", re.sub(r"([1-9])十", r"\g<1>0", bare)).replace("十", "10")
    if _JAPANESE.match(text):
        return ReadDate(doubt="is in a Japanese era: export western years")
    if found := _YEAR_OF_THREE.fullmatch(bare) or _YEAR_OF_SEVEN.fullmatch(bare):
        *_, year, month, day = found.groups()
        if len(year) == 3 or calendar == ROC or found.groups()[0] in ("民国", "民國"):
            if calendar == ROC:
                return ReadDate(day=_made(int(year) + ROC_OFFSET, month, day))
            return ReadDate(
                doubt='looks like a year of the Republic of China (113 is 2024): state calendar = "roc" in the mapping'
            )
    parts = _parts(bare, day_first)
    if parts is None:
        return ReadDate()
    year, month, day = parts
    number, low, high = int(year), *BUDDHIST_YEARS
    if calendar == BUDDHIST:
        number += 2500 if len(year) == 2 else 0
        return ReadDate(day=_made(number - BUDDHIST_OFFSET if low <= number <= high else number, month, day))
    if low <= number <= high:
        return ReadDate(
            doubt='looks like a year of the Buddhist calendar (2567 is 2024): state calendar = "buddhist" in the mapping'
        )
    if len(year) == 2:
        return ReadDate(day=_made(number + (2000 if number < PIVOT else 1900), month, day), has_short_year=True)
    return ReadDate(day=_made(number, month, day))


def stands_for_no_day(text: str) -> str:
    """Return an SQL test for zeros or dashes that stand for no date (00000000, 00.00.0000), rather than an unreadable one."""
    return f"regexp_matches({text}, '{NO_DAY}')"


def date_evidence(text: str) -> tuple[str, str, str]:
    """Return SQL tests of a value: only a day-first date, only a month-first date, either."""
    first, second = (f"TRY_CAST(regexp_extract({text}, '^{SHORT_DATE}$', {i}) AS INTEGER)" for i in (1, 2))
    ranges = ((13, 31, 1, 12), (1, 12, 13, 31), (1, 12, 1, 12))
    is_short = f"regexp_full_match({text}, '{SHORT_DATE}')"
    one, other, either = (
        f"CASE WHEN {is_short} THEN {first} BETWEEN {a} AND {b} AND {second} BETWEEN {c} AND {d} ELSE false END"
        for a, b, c, d in ranges
    )
    return one, other, either


def _parts(bare: str, day_first: bool | None) -> tuple[str, str | int, str | int] | None:
    """Return (year, month, day) as written, the month as a number where it has a name; None for no date."""
    if found := _CHINESE.fullmatch(bare) or _YEAR_FIRST.fullmatch(bare):
        year, month, day = (g for g in found.groups() if g is not None)
        return year, month, day
    if found := _YEAR_LAST.fullmatch(bare):
        one, two, year = found.groups()[:3]
        is_day_first = day_first
        if day_first is None:
            is_day_first = True if int(one) > 12 or one == two else False if int(two) > 12 else None
        return None if is_day_first is None else (year, two, one) if is_day_first else (year, one, two)
    for pattern, order in ((_DAY_MONTH, (2, 1, 0)), (_MONTH_DAY, (2, 0, 1)), (_YEAR_MONTH, (0, 1, 2))):
        if found := pattern.fullmatch(bare):
            year, word, day = (found.groups()[i] for i in order)
            month = months_by_name().get(word)
            return None if month is None else (year, month, day)
    return None


def _made(year: int, month: str | int, day: str | int) -> date | None:
    try:
        return date(year, int(month), int(day))
    except ValueError:
        return None


def _bare(text: str) -> str:
    """Return a text in lower case without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text.casefold()) if not unicodedata.combining(c)).strip()

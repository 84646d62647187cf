"""Numbers as people write them: decimal comma or point, thousand signs, currency signs and words, Dr and Cr, 万 and 亿.

SQL reads the frequent spellings; `bare_and_factor` makes of the others, once per different text, digits that SQL reads
and the factor (sign and unit) that they are times.
"""

from __future__ import annotations

import re

DOUBTFUL = r"[1-9]\d{0,2}[.,]\d{3}"  # 1.234 and 1,234: a thousand, or a decimal
FREQUENT = r"(R\$|[A-Z]{3})?[\d\s\x{a0}\x{202f}''’€$£¥()+\-−.,eE]*([A-Z]{3})?"
UNITS = {"千": 1e3, "万": 1e4, "萬": 1e4, "亿": 1e8, "億": 1e8}
_MONEY = re.compile(
    r"人民币|人民幣|[美港欧歐日台]元|新台幣|新台币|港币|(?:US|A|C|HK|NT|S|NZ|R|Mex)\$|[$€£¥￥₹₩₽₺₫฿₴₦₱₡₪₸]|[元圆圓円块원]整?|"
    r"\b(?:Rs|kr|zł|Kč|Ft|лв|руб|Fr|DM|EURO?S?|RMB)\b\.?|(?-i:^[A-Z]{3}\b|\b[A-Z]{3}$)",
    re.IGNORECASE,
)
_SIDE = re.compile(r"[\s(]*(dr|cr)\b\.?\)?$|^(dr|cr)\b\.?\s*", re.IGNORECASE)
_NO_CENTS = re.compile(r"[.,][-–—]{1,2}$")  # CHF 1'000.-
_BLANKS = re.compile(r"[\s'’ʼ´`]")


def is_frequent(text: str) -> str:
    """Return an SQL test for the spellings that SQL reads; the others go through `bare_and_factor`."""
    return f"(regexp_full_match({text}, '{FREQUENT}') AND NOT regexp_matches({text}, '[.,][-–]+$'))"


def bare_number(text: str) -> str:
    """Return SQL of the digits and separators of a frequent spelling: no currency, blank, apostrophe, bracket or sign."""
    return rf"regexp_replace({text}, '[\s\x{{a0}}\x{{202f}}''’€$£¥()+\-−]|R\$|[A-Z]{{3}}$|^[A-Z]{{3}}', '', 'g')"


def bare_and_factor(text: str) -> tuple[str, float] | None:
    """Return the digits and separators of a number, and what they are times; None for a text that is no number.

    '1,234.50 Cr' gives ('1,234.50', -1.0), '￥3.5万' ('3.5', 10000.0).
    """
    side = _SIDE.search(text)
    rest = _NO_CENTS.sub("", _SIDE.sub("", text).strip())
    factor = -1.0 if side and (side.group(1) or side.group(2)).casefold() == "cr" else 1.0
    rest = _BLANKS.sub("", _MONEY.sub("", rest.strip()))
    for sign, times in UNITS.items():
        if rest.endswith(sign):
            rest, factor = rest[: -len(sign)], factor * times
            break
    signs = re.sub(r"[^()+\-−]", "", rest)
    if signs not in ("", "+", "-", "−", "()", "(-)"):
        return None
    bare = re.sub(r"[()+\-−]", "", rest)
    if not re.fullmatch(r"[\d.,]*\d[\d.,]*", bare, re.ASCII):
        return None
    return bare, -factor if signs not in ("", "+") else factor


def value_of(text: str, decimal: str) -> float | None:
    """Return a text in ASCII digits as a number under a decimal sign; None for a text that is no number."""
    read_as = bare_and_factor(text.strip())
    if read_as is None:
        return None
    bare, factor = read_as
    if decimal == ",":
        bare = bare.replace(".", "").replace(",", ".")
    elif re.fullmatch(r"\d+,\d{1,2}", bare):
        bare = bare.replace(",", ".")
    else:
        bare = bare.replace(",", "")
    try:
        return round(float(bare) * factor, 6)
    except ValueError:
        return None


def number_of(text: str, bare: str, decimal: str | None, factor: str | None = None) -> str:
    """Return SQL of a text as a number, NULL where it is none.

    decimal : how 1.234 is read; None: not at all. factor : SQL of what the bare digits are times, NULL for a text in a
    frequent spelling; None where the column has no other.
    """
    form = rf"""CASE
        WHEN regexp_full_match({bare}, '\d+') THEN {bare}
        WHEN regexp_full_match({bare}, '{DOUBTFUL}') THEN {_doubtful(bare, decimal)}
        WHEN regexp_full_match({bare}, '\d+\.\d*|\.\d+') THEN {bare}
        WHEN regexp_full_match({bare}, '\d+,\d*|,\d+') THEN replace({bare}, ',', '.')
        WHEN regexp_full_match({bare}, '\d{{1,3}}(,\d{{2,3}})*,\d{{3}}(\.\d*)?|\d{{1,4}}(,\d{{4}})+(\.\d*)?')
        THEN replace({bare}, ',', '')
        WHEN regexp_full_match({bare}, '\d{{1,3}}(\.\d{{3}})+(,\d*)?') THEN replace(replace({bare}, '.', ''), ',', '.')
        WHEN regexp_full_match({bare}, '\d+(\.\d+)?[eE]\d+') THEN {bare} END"""
    signs = f"regexp_replace({text}, '[^()+\\-−]', '', 'g')"  # as in -5, 5-, (5), $(5), (-5): anything else is a slip
    negative = f"{signs} IN ('-', '−', '()', '(-)')"
    plain_form = f"CASE WHEN {signs} IN ('', '+', '-', '−', '()', '(-)') THEN {form} END"
    value = f"(CASE WHEN {negative} THEN -1 ELSE 1 END * TRY_CAST({plain_form} AS DOUBLE))"
    # the sign of an exponent is not the number's
    found = rf"CASE WHEN regexp_full_match({text}, '[+\-]?\d+(\.\d*)?[eE][+\-]?\d+') THEN TRY_CAST({text} AS DOUBLE) ELSE {value} END"
    if factor is None:
        return found
    return f"CASE WHEN {factor} IS NOT NULL THEN round({factor} * TRY_CAST({form} AS DOUBLE), 6) ELSE {found} END"


def number_evidence(bare: str) -> tuple[str, str, str]:
    """Return SQL tests of a bare number: the decimal sign is surely a point, surely a comma, or in doubt (1.234)."""
    return (
        rf"regexp_full_match({bare}, "
        rf"'(0|\d{{4,}})?\.\d+|\d+\.(\d{{1,2}}|\d{{4,}})|\d{{1,3}}(,\d{{3}})+\.\d*|\d{{1,3}}(,\d{{3}}){{2,}}')",
        rf"regexp_full_match({bare}, "
        rf"'(0|\d{{4,}})?,\d+|\d+,(\d{{1,2}}|\d{{4,}})|\d{{1,3}}(\.\d{{3}})+,\d*|\d{{1,3}}(\.\d{{3}}){{2,}}')",
        f"regexp_full_match({bare}, '{DOUBTFUL}')",
    )


def _doubtful(bare: str, decimal: str | None) -> str:
    return {
        ".": f"CASE WHEN contains({bare}, '.') THEN {bare} ELSE replace({bare}, ',', '') END",
        ",": f"CASE WHEN contains({bare}, ',') THEN replace({bare}, ',', '.') ELSE replace({bare}, '.', '') END",
        None: "NULL",
    }[decimal]

"""The currencies of ISO 4217 that a receivable can be in, with the number of decimals (minor units) of each."""

from __future__ import annotations

from functools import cache

# Codes of ISO 4217 that are no money of a customer: metals, bond units, drawing rights, test and "no currency".
NOT_MONEY = frozenset(
    ("XAD", "XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX")
)
USUAL_DIGITS = 2
# CLDR gives no decimals where prices rarely show any; ISO 4217 still has minor units, and ledgers write them.
ISO_DIGITS = {"IQD": 3} | dict.fromkeys(
    ("AFN", "ALL", "COP", "HUF", "IDR", "IRR", "KPW", "LAK", "LBP", "MGA", "MMK", "SOS", "SYP", "YER"), USUAL_DIGITS
)
TOLERANCE = 0.01  # what may be missing of an amount for its item to count as closed, in units of its currency


@cache
def currency_codes() -> tuple[str, ...]:
    """Return the ISO 4217 codes of money, sorted. Source: pycountry, less NOT_MONEY."""
    import pycountry

    return tuple(sorted({c.alpha_3 for c in pycountry.currencies} - NOT_MONEY))


@cache
def minor_digits(currency: str) -> int:
    """Return how many decimals a currency has (JPY 0, EUR 2, KWD 3). Source: CLDR by babel, ISO_DIGITS where they differ."""
    if currency in ISO_DIGITS:
        return ISO_DIGITS[currency]
    from babel.numbers import get_currency_precision

    return int(get_currency_precision(currency))


def minor_units(currency: str) -> int:
    """Return how many of its smallest units one unit of the currency has: 1 for JPY, 100 for EUR, 1000 for KWD."""
    return int(10 ** minor_digits(currency))


@cache
def unusual_digits() -> dict[str, int]:
    """Return code -> decimals of the currencies that do not have two."""
    return {code: digits for code in currency_codes() if (digits := minor_digits(code)) != USUAL_DIGITS}


def units_sql(currency: str = "currency") -> str:
    """Return SQL of `minor_units` of a currency column."""
    groups: dict[int, list[str]] = {}
    for code, digits in unusual_digits().items():
        groups.setdefault(digits, []).append(code)
    cases = " ".join(
        f"WHEN {currency} IN ({', '.join(repr(code) for code in codes)}) THEN {10**digits}"
        for digits, codes in sorted(groups.items())
    )
    return f"(CASE {cases} ELSE {10**USUAL_DIGITS} END)"


def minor_sql(amount: str = "amount", currency: str = "currency") -> str:
    """Return SQL of an amount in whole minor units of its currency, as BIGINT."""
    return f"CAST(round({amount} * {units_sql(currency)}) AS BIGINT)"


def tolerance_units(currency: str) -> int:
    """Return TOLERANCE in whole minor units of a currency: 0 for JPY, 1 for EUR, 10 for KWD."""
    return round(minor_units(currency) * TOLERANCE) if minor_digits(currency) >= USUAL_DIGITS else 0


def shown(units: int, currency: str) -> str:
    """Return whole minor units as text with the currency's decimals (JSON numbers would round)."""
    digits, one = minor_digits(currency), minor_units(currency)
    sign, whole = "-" if units < 0 else "", abs(int(units))
    return f"{sign}{whole // one}" + (f".{whole % one:0{digits}d}" if digits else "")

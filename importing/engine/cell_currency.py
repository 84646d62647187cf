"""The currency that an amount's own cell names (€ 12.50, CHF 1'000.-, 3,500 Rs.), as a field of its own beside the amount.

A sign of several currencies ($, ¥) or a code that ISO 4217 does not have stays as it is: without a currency column it is
looked up under the import's own currency, and quarantined where that does not settle it.
"""

from __future__ import annotations

import re

import duckdb

from importing.engine.currencies import SHARED, codes_by_word
from importing.engine.format import File
from ledger.currency_codes import currency_codes
from ledger.validation import quoted

# digits, blanks, signs and separators of a number, units of ten thousand, and the sides of an account: all but the currency
_NUMBER = "[0-9 \t\u00a0\u2009\u202f''’ʼ´`()+\\-−–—.,:%千万萬亿億整]"
_NOT_CURRENCY = rf"{_NUMBER}|\b(DR|CR)\b"
_EXPONENT = r"[+\-]?\d+([.,]\d+)?[eE][+\-]?\d+"


def currency_word(text: str) -> str | None:
    """Return the word or sign of a currency in a cell of an amount, in upper case; None where there is none."""
    if re.fullmatch(_EXPONENT, text.strip()):
        return None
    return re.sub(_NOT_CURRENCY, "", text.upper()) or None


def code_of(word: str) -> str | None:
    """Return the ISO code of a currency's word; the word itself for a sign of several or an unknown code; else None."""
    known = codes_by_word()
    for spelling in (word, f"{word}."):
        if spelling in known:
            return known[spelling]
    return word if word in SHARED or re.fullmatch("[A-Z]{3}", word) else None


def is_one_currency(code: str | None) -> bool:
    """Return whether a code is one currency of ISO 4217, not a sign of several."""
    return code in currency_codes()


def named_currencies(connection: duckdb.DuckDBPyConnection, file: File, number: int) -> dict[str, str]:
    """Return SQL of each field that holds what an amount's cell says of the currency, over the rows of `valued_{number}`."""
    columns = {}
    present = {row[0] for row in connection.execute(f"DESCRIBE valued_{number}").fetchall()}
    for name, declared in file.fields.items():
        text = f"t_{declared.currency_of}"
        if declared.currency_of is None or text not in present:
            continue
        word = f"nullif(regexp_replace(upper({text}), {quoted(_NOT_CURRENCY)}, '', 'g'), '')"
        rows = connection.execute(
            f"SELECT DISTINCT {word} FROM valued_{number} WHERE {text} IS NOT NULL "
            f"AND NOT regexp_full_match({text}, {quoted(_EXPONENT)})"
        ).fetchall()
        codes = {w: code for (w,) in rows if w and (code := code_of(w)) is not None}
        cases = " ".join(f"WHEN {quoted(w)} THEN {quoted(code)}" for w, code in codes.items())
        columns[name] = f"CASE {word} {cases} END" if cases else "NULL"
    return columns

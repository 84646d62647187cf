"""Words and signs for currencies (RMB, 人民币, €, Euro) as ISO 4217 codes: mapped and counted, ambiguous signs refused."""

from __future__ import annotations

from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from ledger.currency_codes import currency_codes
from ledger.validation import quoted

LANGUAGES = ("en", "de", "fr", "es", "pt", "zh", "zh_Hant")
# Signs and words that mean one currency wherever they are used in trade.
SYNONYMS = {
    "RMB": "CNY", "CNH": "CNY", "人民币元": "CNY", "元": "CNY", "EURO": "EUR", "EUROS": "EUR", "EURS": "EUR", "STG": "GBP",
    "US$": "USD", "USDOLLAR": "USD", "US DOLLAR": "USD", "US DOLLARS": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "CA$": "CAD",
    "HK$": "HKD", "NT$": "TWD", "S$": "SGD", "NZ$": "NZD", "R$": "BRL", "REAL": "BRL", "REAIS": "BRL", "SFR": "CHF", "SFR.": "CHF",
    "FR.": "CHF", "美金": "USD", "港币": "HKD", "港幣": "HKD", "台币": "TWD", "新台币": "TWD", "ZŁ": "PLN", "KČ": "CZK", "FT": "HUF",
    "€": "EUR", "£": "GBP", "₹": "INR", "RS": "INR", "RS.": "INR", "₩": "KRW", "₽": "RUB", "РУБ": "RUB", "РУБ.": "RUB", "₺": "TRY",
    "TL": "TRY", "YTL": "TRY", "₪": "ILS", "₫": "VND", "฿": "THB", "₴": "UAH", "₱": "PHP", "₦": "NGN", "₸": "KZT", "圆": "CNY", "円": "JPY",
}  # fmt: skip
# Signs of several currencies: read as the import's own currency where that is one of them.
SHARED = {
    "$": ("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "CLP", "COP", "ARS", "TWD"), "¥": ("CNY", "JPY"),
    "￥": ("CNY", "JPY"), "KR": ("SEK", "NOK", "DKK", "ISK"), "KR.": ("SEK", "NOK", "DKK", "ISK"),
    "DOLLAR": ("USD", "CAD", "AUD"), "DOLLARS": ("USD", "CAD", "AUD"),
}  # fmt: skip


@cache
def codes_by_word() -> dict[str, str]:
    """Return word or sign in upper case -> ISO code: SYNONYMS, and the names of currencies in LANGUAGES (CLDR by babel)."""
    from babel import Locale

    found: dict[str, str] = {}
    shared: set[str] = set()
    for language in LANGUAGES:
        names = Locale.parse(language).currencies
        for code in currency_codes():
            word = str(names.get(code, code)).upper()
            if found.setdefault(word, code) != code:
                shared.add(word)
    return {word: code for word, code in (found | SYNONYMS).items() if word not in shared or word in SYNONYMS}


def as_code(connection: duckdb.DuckDBPyConnection, column: str, name: str, sql: str) -> str:
    """Return SQL of a currency column's ISO code; what is none stays as it is, for quarantine.

    name, sql : the ledger table, and its rows before mapping. Only the words that they hold are mapped: a list of all
    codes would be gone through for each row of each query. They are kept in `words_of_currency`, counted.
    """
    connection.execute(
        f"INSERT INTO words_of_currency SELECT {quoted(name)}, currency, currency_of(currency), n FROM "
        f"(SELECT currency, count(*) AS n FROM ({sql}) GROUP BY 1) WHERE currency IS NOT NULL"
    )
    pairs = connection.execute(
        "SELECT word, code FROM words_of_currency WHERE name = ? ORDER BY word", [name]
    ).fetchall()
    cases = " ".join(f"WHEN {quoted(word)} THEN {quoted(code)}" for word, code in pairs if word != code)
    return f"CASE {column} {cases} ELSE {column} END" if cases else column


def unknown_codes(connection: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """Return the currencies of a table's drafts that are no ISO 4217 codes."""
    found = connection.execute("SELECT DISTINCT code FROM words_of_currency WHERE name = ?", [name]).fetchall()
    return sorted({str(code) for (code,) in found} - set(currency_codes()))


def make_currency_words(connection: duckdb.DuckDBPyConnection, default: str | None) -> None:
    """Make the SQL macro `currency_of`, which gives the code of a word or sign, else the word itself."""
    words = codes_by_word() | {code: code for code in currency_codes()}
    if default is not None:
        words |= {sign: default for sign, codes in SHARED.items() if default in codes}
    connection.register("words_given", pa.table({"word": list(words), "code": list(words.values())}))
    connection.execute("CREATE TABLE currency_words AS FROM words_given")
    connection.unregister("words_given")
    connection.execute("CREATE TABLE words_of_currency (name VARCHAR, word VARCHAR, code VARCHAR, rows BIGINT)")
    connection.execute(
        "CREATE MACRO currency_of(t) AS coalesce((SELECT any_value(code) FROM currency_words "
        "WHERE word = upper(trim(t))), t)"
    )


def mapped_currencies(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return one entry a word that was read as a currency: the words of the report, and how many rows of all tables."""
    counted = connection.execute(
        "SELECT word, code, sum(rows) FROM words_of_currency WHERE word <> code GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    return [{"what": f"currency '{word}' read as {code}", "rows": int(rows)} for word, code, rows in counted]

"""Name what of a source carries money and is in no total: other sheets, and columns of amounts that no field uses."""

from __future__ import annotations

import re
from typing import Any

import duckdb

from importing.engine.cell_currency import code_of, currency_word, is_one_currency
from importing.engine.cells import bare_lines, cell, split_of
from importing.engine.currencies import SHARED
from importing.engine.dates import ascii_text
from importing.engine.encodings import UTF_8, decoded
from importing.engine.format import TEXT, Field
from importing.engine.headers import split as split_line
from importing.engine.lines import lines_of
from importing.engine.numbers import bare_and_factor, bare_number, is_frequent, number_of, value_of
from importing.engine.reading import Reading
from importing.engine.source import BLANKS, SAMPLE_BYTES, Source

SAMPLE_ROWS = 200
MOSTLY = 0.9  # of the filled cells of a column of amounts must be numbers
_MONEY_NAME = re.compile(
    r"\b(amount|amt|betrag|montant|valor|importe|monto|saldo|solde|balance|net|netto|gross|brutto|total|vat|gst|tax|mwst|ust|tva|iva|"
    r"fee|freight|shipping|discount|skonto|debit|credit|soll|haben|paid|open|outstanding|retention|interest)\b|"
    r"betrag\b|金额|金額|税额|稅額|余额|餘額|借方|贷方|貸方|价税|折扣",
    re.IGNORECASE,
)


_NO_AMOUNT = re.compile(
    r"\b(rate|kurs|wechselkurs|taux|price|preis|prix|precio|preço|quantity|qty|menge|hours|days|tage|percent|score)\b|%|汇率|单价|数量|税率|天数",
    re.IGNORECASE,
)


def left_out(connection: duckdb.DuckDBPyConnection, readings: list[Reading]) -> list[dict[str, Any]]:
    """Return one entry for each other sheet and each unused column of amounts: what it is, its rows and its sums.

    A column counts as amounts where nine in ten of its first values are numbers and some of them have decimals, a
    currency, or a name that says money.
    """
    entries: list[dict[str, Any]] = []
    for reading in readings:
        source = reading.source
        entries += source.left_out
        used = set(source.columns.values())
        for at, name in enumerate(source.header):
            if at not in used and name and _holds_amounts(source, at):
                rows, amount = _sum_of(connection, reading, at)
                if rows and amount:
                    what = f"column '{name}' of {source.path.name}, which no field uses"
                    entries.append({"what": what, "rows": rows, "sums": {name: round(amount, 2)}})
    return entries


def _sum_of(connection: duckdb.DuckDBPyConnection, reading: Reading, at: int) -> tuple[int, float]:
    """Return how many cells of a column are numbers, and their sum; rows of totals and repeated headers are not among them."""
    source = reading.source
    decimal = source.stated.decimal or next((c.decimal for c in reading.conventions.values() if c.decimal), ".")
    text = cell(source, Field(names=(), type=TEXT), at)
    split, _ = split_of(source)
    connection.register("all_lines", lines_of(source.text, source.ends))
    cells = (
        f"SELECT trim({text}, '{BLANKS}') AS v FROM (SELECT {split} AS f FROM ({bare_lines(source, 'all_lines')}) "
        f"WHERE line_number > {source.header_line} AND line_number NOT IN "
        f"(SELECT line FROM total_lines WHERE file = {reading.number}))"
    )
    number = number_of("v", bare_number("v"), decimal)
    rows, amount = connection.execute(
        f"SELECT count(n), coalesce(sum(n), 0) FROM (SELECT {number} AS n FROM ({cells}) WHERE {is_frequent('v')})"
    ).fetchall()[0]
    others = connection.execute(
        f"SELECT v, count(*) FROM ({cells}) WHERE v <> '' AND NOT {is_frequent('v')} GROUP BY 1"
    ).fetchall()
    connection.unregister("all_lines")
    for value, count in others:
        if (read_as := value_of(ascii_text(value), decimal)) is not None:
            rows, amount = rows + count, amount + count * read_as
    return int(rows), float(amount)


def _holds_amounts(source: Source, at: int) -> bool:
    """Return whether a column's first values are amounts: numbers that have decimals, a currency or a name of money."""
    with source.text.open("rb") as stream:
        text = decoded(stream.read(SAMPLE_BYTES // 4), UTF_8)
    cells = [split_line(line, source.delimiter) for line in text.splitlines()[source.header_line :][:SAMPLE_ROWS]]
    values = [row[at] for row in cells if at < len(row) and row[at]]
    if _NO_AMOUNT.search(source.header[at].replace("_", " ")):
        return False
    numbers = [(v, read_as[0]) for v in values if (read_as := bare_and_factor(ascii_text(v))) is not None]
    words = {word for v, _ in numbers if (word := currency_word(ascii_text(v)))}
    if any(not is_one_currency(code_of(word)) and word not in SHARED for word in words):
        return False  # INV-1: a word that is no currency
    if not numbers or len(numbers) < MOSTLY * len(values):
        return False
    is_money = bool(_MONEY_NAME.search(source.header[at].replace("_", " ")))
    return is_money or any(
        (re.search(r"[.,]\d{1,3}$", bare) and not bare.endswith(".0")) or re.search(r"[^\W\d_]|[$€£¥￥]", v)
        for v, bare in numbers
    )

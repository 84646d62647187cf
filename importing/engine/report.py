"""The account of an import: rows per file, reasons, inferences, and control totals to the cent, before and after."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from importing.engine.format import Format
from importing.engine.reading import REPEATED_HEADER, TOTALS_ROW
from ledger.contract import TABLES
from ledger.currency_codes import minor_sql, shown
from ledger.ledger import source_of

# What is added up, as signed whole minor units over one ledger table. `open` is what invoices leave after all of it.
UNITS = minor_sql()
BACK = "('reversal', 'refund')"
CASH = "('payment', 'netting', 'factoring', 'undated', 'reversal', 'refund')"
_SIGNED = f"CASE WHEN kind IN {BACK} THEN -{UNITS} ELSE {UNITS} END"
MEASURES = {
    "invoiced": ("invoices", f"CASE WHEN kind = 'invoice' THEN {UNITS} ELSE 0 END"),
    "credited": ("invoices", f"CASE WHEN kind = 'credit_note' THEN {UNITS} ELSE 0 END"),
    "paid": ("payments", f"CASE WHEN kind IN {CASH} THEN {_SIGNED} ELSE 0 END"),
    "unapplied": ("payments", f"CASE WHEN invoice_id IS NOT NULL OR kind NOT IN {CASH} THEN 0 ELSE {_SIGNED} END"),
    "discounts": ("payments", f"CASE WHEN kind = 'discount' AND invoice_id IS NOT NULL THEN {UNITS} ELSE 0 END"),
    "bills": ("payments", f"CASE WHEN kind = 'bill' AND invoice_id IS NOT NULL THEN {UNITS} ELSE 0 END"),
    "bills_without_invoice": ("payments", f"CASE WHEN kind = 'bill' AND invoice_id IS NULL THEN {UNITS} ELSE 0 END"),
    "exchange_differences": (
        "payments",
        f"CASE WHEN kind <> 'exchange_difference' OR invoice_id IS NULL THEN 0 WHEN method = 'gain' THEN -{UNITS} "
        f"ELSE {UNITS} END",
    ),
}
OF_INVOICES_ONLY = ("discounts", "bills", "exchange_differences")
SHOWN_WHERE_ANY = (*OF_INVOICES_ONLY, "bills_without_invoice")
STRIPPED = r" \(found .*$"


_TOTALS = f"(SELECT DISTINCT file, line FROM bad WHERE reason IN ('{TOTALS_ROW}', '{REPEATED_HEADER}'))"
ADDED_UP = "isfinite(amount) AND abs(amount) < 1e15 AND currency IS NOT NULL"
NO_CURRENCY = "no currency"
LET_GO = "within_tolerance"


def _sums(table: str) -> tuple[tuple[str, ...], str]:
    """Return the measures over one ledger table, and SQL of their sums: one pass over the rows for all of them."""
    own = {measure: cents for measure, (of_table, cents) in MEASURES.items() if of_table == table}
    return tuple(own), ", ".join(f"sum({cents})" for cents in own.values())


def totals(connection: duckdb.DuckDBPyConnection, tables: dict[str, str]) -> dict[tuple[str, str], int]:
    """Return (currency, measure) -> cents over relations of invoices and payments, with `open` = invoiced - credited -
    (paid - unapplied)."""
    found: dict[tuple[str, str], int] = {}
    for table, relation in tables.items():
        measures, sums = _sums(table)
        sql = f"SELECT currency, {sums} FROM {relation} WHERE {ADDED_UP} GROUP BY currency"
        for currency, *cents in connection.execute(sql).fetchall():
            found |= {(currency, measure): int(amount) for measure, amount in zip(measures, cents, strict=True)}
    return with_open(found)


def with_open(found: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """Return the totals with `open` derived and every measure present for every currency."""
    whole: dict[tuple[str, str], int] = {}
    for currency in sorted({currency for currency, _ in found}):
        part = {measure: found.get((currency, measure), 0) for measure in MEASURES}
        part["open"] = open_of(part)
        whole |= {(currency, measure): cents for measure, cents in part.items()}
    return whole


def open_of(part: dict[str, int]) -> int:
    """Return what invoices leave: invoiced less credited, applied money, discounts, bills and exchange differences."""
    applied = part["paid"] - part["unapplied"] + sum(part[measure] for measure in OF_INVOICES_ONLY)
    return part["invoiced"] - part["credited"] - applied


def totals_rows(connection: duckdb.DuckDBPyConnection, fmt: Format) -> list[dict[str, Any]]:
    """Return one entry for the totals rows of the source: they are in no total, and stand here with what they add up to.

    Makes `total_lines` (file, line), which tells them to what else is added up by name.
    """
    connection.execute(f"CREATE TABLE total_lines AS FROM {_TOTALS}")
    rows = int(connection.execute("SELECT count(*) FROM total_lines").fetchall()[0][0])
    if not rows:
        return []
    sums = {
        name: round(amount, 2)
        for name in ("invoices", "payments")
        if name in fmt.tables
        and (
            amount := connection.execute(
                f"SELECT sum(abs(amount)) FROM draft_{name} SEMI JOIN total_lines USING (file, line)"
            ).fetchall()[0][0]
        )
    }
    return [{"what": "totals rows and titles", "rows": rows, "sums": sums}]


def control(
    connection: duckdb.DuckDBPyConnection, fmt: Format, after: dict[tuple[str, str], int]
) -> list[dict[str, Any]]:
    """Return each total of the source and of what the ledger took from it, with the reason of every difference.

    before : over all rows of the source whose amount could be read, but totals rows. after : over the rows written.
    Raises RuntimeError where a difference is left without a reason, which is a mistake of this program.
    """
    drafts = {
        name: f"(SELECT * REPLACE (coalesce(currency, '{NO_CURRENCY}') AS currency) FROM draft_{name})"
        for name in ("invoices", "payments")
        if name in fmt.tables
    }
    reason = (
        f"(SELECT file, line, min(regexp_replace(reason, '{STRIPPED}', '')) AS reason FROM bad GROUP BY file, line)"
    )
    found: dict[tuple[str, str], int] = {}
    lost: dict[tuple[str, str], list[dict[str, Any]]] = {}
    sums: dict[tuple[str, str, str], list[int]] = {}
    for table, relation in drafts.items():
        measures, added = _sums(table)
        whole = connection.execute(
            f"SELECT currency, {added} FROM {relation} WHERE {ADDED_UP} GROUP BY currency"
        ).fetchall()
        # what is not taken is a small part of the rows: it alone is looked at by reason
        refused = connection.execute(
            f"SELECT t.line IS NOT NULL, reason, currency, count(*), {added} FROM {relation} JOIN {reason} USING (file, line) "
            f"LEFT JOIN {_TOTALS} t USING (file, line) WHERE {ADDED_UP} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        for currency, *amounts in whole:
            for measure, amount in zip(measures, amounts, strict=True):
                found[currency, measure] = found.get((currency, measure), 0) + int(amount)
        for is_total, words, currency, count, *amounts in refused:
            for measure, amount in zip(measures, amounts, strict=True):
                if is_total:
                    found[currency, measure] -= int(amount)
                else:
                    sums[currency, measure, words] = [int(amount), int(count)]
    before = with_open(found)
    for currency, _measure, words in list(sums):
        part = {m: sums.get((currency, m, words), [0, 0]) for m in MEASURES}
        sums[currency, "open", words] = [
            open_of({measure: amount for measure, (amount, _) in part.items()}),
            max(p[1] for p in part.values()),
        ]
    for (currency, measure, words), (amount, count) in sums.items():
        if amount:
            lost.setdefault((currency, measure), []).append({"reason": words, "amount": amount, "rows": count})
    result = []
    for currency, measure in sorted({*before, *after}):
        was, now = before.get((currency, measure), 0), after.get((currency, measure), 0)
        if (measure in SHOWN_WHERE_ANY or currency == NO_CURRENCY) and not was and not now:
            continue
        because = sorted(lost.get((currency, measure), []), key=lambda item: (-abs(item["amount"]), item["reason"]))
        if was - now != sum(item["amount"] for item in because):
            raise RuntimeError(
                f"{measure} {currency}: {was - now} units differ, {sum(i['amount'] for i in because)} have a reason"
            )
        result.append(
            {
                "currency": currency,
                "measure": measure,
                "before": money(was, currency),
                "after": money(now, currency),
                "difference": money(was - now, currency),
                "because": [item | {"amount": money(item["amount"], currency)} for item in because],
            }
        )
    return result


def money(units: int, currency: str) -> str:
    """Return whole minor units as text with the currency's decimals."""
    return shown(units, currency)


def reasons(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return each reason for quarantine with its number of rows and one example; a row counts under each of its reasons."""
    found = connection.execute(
        f"SELECT regexp_replace(reason, '{STRIPPED}', '') AS words, count(DISTINCT (file, line)), min_by(reason, "
        f"(file, line)), min_by(line, (file, line)) "
        "FROM bad GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    return [
        {"reason": words, "rows": rows, "example": f"line {line}: {example}"} for words, rows, example, line in found
    ]


def accepted_totals(
    connection: duckdb.DuckDBPyConnection, fmt: Format, folder: Path, only_part: dict[str, int]
) -> dict[tuple[str, str], int]:
    """Return the totals, read back from the ledger's files, of the rows that this import accepted.

    only_part : table -> the part that holds all of them, where the ledger had none of them before; other parts need
        not be read then.
    """
    tables = {}
    for name in ("invoices", "payments"):
        if name in fmt.tables:
            key = TABLES[name].key[0]
            accepted = f"SELECT {key} FROM draft_{name} ANTI JOIN bad USING (file, line)"
            current = f"SELECT * FROM {source_of(folder, name)} WHERE superseded_on IS NULL"
            part = f" AND part = {only_part[name]}" if name in only_part else ""
            tables[name] = f"({current}{part} AND {key} IN ({accepted}))"
    return totals(connection, tables)


def ledger_totals(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[tuple[str, str], int]:
    """Return (currency, measure) -> cents over all current rows of the ledger, read from its files."""
    current = {
        name: f"(SELECT * FROM {source_of(folder, name)} WHERE superseded_on IS NULL)"
        for name in ("invoices", "payments")
    }
    return totals(connection, current)


def by_currency(cents: dict[tuple[str, str], int]) -> dict[str, dict[str, str]]:
    """Return totals for the report: currency -> measure -> amount."""
    found: dict[str, dict[str, str]] = {}
    for (currency, measure), amount in cents.items():
        if amount or measure not in SHOWN_WHERE_ANY:
            found.setdefault(currency, {})[measure] = money(amount, currency)
    return found


def without_let_go(result: dict[str, Any]) -> None:
    """Take what the settlement of a first import let go within the tolerance out of its `open` totals: in place.

    It stands in the totals once, as `within_tolerance`, so that what is open is one number here and in every report.
    """
    for settled in result["settlement"]:
        currency, let_go = settled["currency"], Decimal(settled["within_tolerance"])
        if not let_go:
            continue
        rows = result["totals"]
        at = next(i for i, t in enumerate(rows) if (t["currency"], t["measure"]) == (currency, "open"))
        rows[at] = rows[at] | {side: str(Decimal(rows[at][side]) - let_go) for side in ("before", "after")}
        shown = dict.fromkeys(("before", "after"), settled["within_tolerance"])
        nothing = str(let_go - let_go)
        rows.insert(at + 1, {"currency": currency, "measure": LET_GO} | shown | {"difference": nothing, "because": []})
        whole = result["ledger_totals"][currency]
        whole["open"] = str(Decimal(whole["open"]) - let_go)
        whole[LET_GO] = settled["within_tolerance"]

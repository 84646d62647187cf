"""One import: files of a format into a ledger folder, with the account of every row and every cent."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from importing.engine import intake, ledger_writer, notices, payment_allocation, quarantine, report, row_checks
from importing.engine.currencies import codes_by_word, make_currency_words
from importing.engine.format import Format
from importing.engine.left_out import left_out
from importing.engine.lock import only_one
from importing.engine.payment_allocation import UNAPPLIED
from importing.engine.reading import Reading
from importing.engine.settled_state import make_ready, settle_import
from importing.engine.source import files_in
from ledger.contract import SQL_TYPES, TABLES
from ledger.currency_codes import currency_codes
from ledger.errors import InputError

REPORT, LOG = "import_report.json", "imports.json"
MEMORY = "1200MB"
STEPS = ("reading", "checking", "comparing", "writing", "accounting", "settling")


def _silent(step: str) -> None:
    """Ignore the steps."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user may say about an import.

    known_on : the day on which the books learn what this import brings where it corrects a known row.
    currency : the currency of a source that has none; None takes the format's own.
    is_complete : the files are everything that the source holds: rows that earlier imports of the same format brought
        and that are not in them any more are withdrawn.
    allocation : what becomes of money that names no invoice: one of payment_allocation.POLICIES.
    step : called with the name of each of the STEPS as it begins.
    """

    known_on: date
    currency: str | None = None
    is_complete: bool = False
    allocation: str = UNAPPLIED
    step: Callable[[str], None] = _silent


def import_files(fmt: Format, paths: Iterable[str | Path], out: str | Path, options: Options) -> dict[str, Any]:
    """Import `paths` into the ledger folder `out`; return the report that is also written there.

    Raises InputError for a file that cannot be read or mapped: then nothing is written.
    """
    if options.allocation not in payment_allocation.POLICIES:
        raise InputError(
            f"The allocation of an import must be one of {', '.join(payment_allocation.POLICIES)}. Got {options.allocation} instead."
        )
    folder = Path(out)
    files = files_in([Path(p) for p in paths])
    with only_one(folder):
        existing = ledger_writer.existing_tables(folder)
        scratch = Path(tempfile.mkdtemp(prefix=".import-", dir=folder))
        try:
            connection = duckdb.connect(
                ":memory:",  # what does not fit goes to the temp_directory
                config={
                    "threads": 2,
                    "memory_limit": MEMORY,
                    "temp_directory": str(scratch / "spill"),
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                },
            )
            try:
                with ThreadPoolExecutor(max_workers=1) as other_thread:
                    return _import(connection, fmt, files, folder, existing, options, scratch, other_thread)
            finally:
                connection.close()
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _import(
    connection: duckdb.DuckDBPyConnection,
    fmt: Format,
    files: list[Path],
    folder: Path,
    existing: dict[str, str],
    options: Options,
    scratch: Path,
    other_thread: ThreadPoolExecutor,
) -> dict[str, Any]:
    default = _default_currency(options.currency or fmt.currency)
    connection.execute("SET VARIABLE currency = ?", [default])
    connection.execute("SET VARIABLE known_on = ?", [options.known_on])
    make_currency_words(connection, default)
    log = _log(folder)
    options.step("reading")
    readings = intake.read_all(connection, fmt, files, scratch, intake.usual(fmt, log))
    roles = {r.number: r.source.role for r in readings}
    intake.make_roles(connection, fmt, readings)
    intake.make_terms(connection, fmt)
    ready = other_thread.submit(make_ready)
    options.step("checking")
    currencies = row_checks.make_drafts(connection, fmt)
    unnamed = row_checks.name_customers(connection, fmt, existing)
    row_checks.find_bad_rows(connection, fmt, roles, existing)
    new_customers = row_checks.add_customers(connection, fmt, existing)
    accounts = intake.accounts(connection, readings)
    if not existing and not any(entry["accepted"] for entry in accounts):
        raise InputError(_nothing_taken(report.reasons(connection), accounts))
    laid = (
        payment_allocation.lay(connection, fmt, existing)
        if options.allocation == payment_allocation.OLDEST_DUE_FIRST
        else []
    )
    number = ledger_writer.next_number(folder, (entry["import"] for entry in log))
    changes = _put(connection, fmt, folder, existing, options, scratch, readings, number, log)
    options.step("accounting")
    whole = report.ledger_totals(connection, folder)
    all_new = {name: number for name, c in changes.items() if c.new and not (c.unchanged or c.corrected)}
    taken = report.accepted_totals(connection, fmt, folder, all_new) if existing else whole
    inferred = notices.counted(connection, fmt.inferred)
    if new_customers:
        inferred.append({"what": notices.NEW_CUSTOMERS, "rows": new_customers})
    if unnamed:
        inferred.append({"what": notices.UNNAMED, "rows": unnamed})
    result = {
        "format": fmt.name,
        "import": number,
        "known_on": options.known_on.isoformat(),
        "is_complete": options.is_complete,
        "allocation": options.allocation,
        "files": accounts,
        "rows": {k: sum(a[k] for a in accounts) for k in ("read", "accepted", "quarantined")},
        "reasons": report.reasons(connection),
        "left_out": report.totals_rows(connection, fmt) + left_out(connection, readings),
        "inferred": inferred + currencies + laid + notices.conventions(readings),
        "noticed": notices.counted(connection, fmt.noticed) + notices.general(connection, fmt),
        "tables": {name: vars(change) for name, change in changes.items()},
        "totals": report.control(connection, fmt, taken),
        "ledger_totals": report.by_currency(whole),
    }
    options.step("settling")
    ready.result()
    if not existing:  # all of it was new and is in the files now: the memory of the source is free
        for relation in (f"{kind}_{reading.number}" for reading in readings for kind in ("plain", "careful")):
            connection.execute(f"DROP TABLE IF EXISTS {relation}")
    result["settlement"] = settle_import(connection, folder, is_first=not existing, totals=whole)
    if not existing:
        report.without_let_go(result)
    _write_json(folder / REPORT, result)
    _write_json(folder / LOG, [*log, _logged(result, readings)])
    return result


def _nothing_taken(reasons: list[dict[str, Any]], accounts: list[dict[str, Any]]) -> str:
    """Return the sentence for an import that would make an empty ledger."""
    files, rows = ", ".join(entry["file"] for entry in accounts), sum(entry["read"] for entry in accounts)
    if not rows:
        return f"{files}: no rows below the header; nothing is written. Export the table again, with its rows."
    shown = "; ".join(f"{r['rows']:,} rows: {r['reason']} ({r['example']})" for r in reasons[:3])
    lacks_due = any(r["reason"] == "invoices.due_on must not be empty" for r in reasons)
    hint = " State terms_days in the mapping, or map the terms of payment." if lacks_due else ""
    return f"{files}: none of the {rows:,} rows can be taken, and nothing is written. {shown}.{hint}"


def _default_currency(word: str | None) -> str | None:
    """Return the ISO code of the currency of rows without one. Raises InputError for an unknown one."""
    if word is None:
        return None
    code = codes_by_word().get(word.strip().upper(), word.strip().upper())
    if code not in currency_codes():
        raise InputError(f"--currency must be an ISO 4217 code, e.g. EUR. Got '{word}' instead.")
    return code


def _put(
    connection: duckdb.DuckDBPyConnection, fmt: Format, folder: Path, existing: dict[str, str], options: Options,
    scratch: Path, readings: list[Reading], number: int, log: list[dict[str, Any]],
) -> dict[str, ledger_writer.Change]:  # fmt: skip
    """Put the accepted rows into the ledger and the others into quarantine; table -> what changed in it."""
    tables = list(dict.fromkeys(["customers", *fmt.tables]))
    options.step("comparing")
    rules = ledger_writer.Rules(
        known_on=options.known_on, fmt=fmt, splits_payments=options.allocation == payment_allocation.OLDEST_DUE_FIRST,
        own_parts=tuple(e["import"] for e in log if e["format"] == fmt.name) if options.is_complete else (),
    )  # fmt: skip
    changes = {name: ledger_writer.compare(connection, name, existing.get(name), rules) for name in tables}
    for name in (t for t, declared in TABLES.items() if declared.required and t not in changes and t not in existing):
        _empty_table(connection, name)
        tables.append(name)
    options.step("writing")
    quarantine.collect(connection, readings, number)
    ledger_writer.publish([
        part
        for name in tables
        for part in ledger_writer.parts(
            connection, folder, scratch, name, number, existing.get(name), changes.get(name, ledger_writer.Change())
        )
    ])  # fmt: skip
    quarantine.write(connection, folder, readings)
    return changes


def _logged(result: dict[str, Any], readings: list[Reading]) -> dict[str, Any]:
    """Return what the log of imports keeps of one: what later imports and the auditor ask for."""
    return {
        "conventions": {
            "day_first": intake.agreed(readings, "day_first"),
            "decimal": intake.agreed(readings, "decimal"),
        },
        **{k: result[k] for k in ("import", "format", "known_on", "rows", "tables")},
        "files": [{k: a[k] for k in ("file", "sha256", "read", "accepted", "quarantined")} for a in result["files"]],
    }


def _empty_table(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    columns = ", ".join(f"CAST(NULL AS {SQL_TYPES[c.type]}) AS {n}" for n, c in TABLES[name].columns.items())
    for prefix in ("new", "old"):
        connection.execute(f"CREATE TABLE {prefix}_{name} AS SELECT {columns} WHERE false")


def _log(folder: Path) -> list[dict[str, Any]]:
    path = folder / LOG
    if not path.exists():
        return []
    log = json.loads(path.read_text(encoding="utf-8"))
    return list(log)


def _write_json(path: Path, content: Any) -> None:
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    os.replace(unfinished, path)

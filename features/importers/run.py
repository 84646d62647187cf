"""One import: files of a format into a ledger folder, with the account of every row and every cent."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from features.door import quoted
from features.importers import book, checks, report
from features.importers.cells import lines_of
from features.importers.contract import Format, Notice
from features.importers.reading import Reading, Usual, read
from features.importers.source import SourceError, files_in, open_source
from features.ledger import source_of
from features.tables import SQL_TYPES, TABLES

REPORT, QUARANTINE, LOG = "import_report.json", "quarantine.parquet", "imports.json"
MEMORY = "1200MB"
IN_ADVANCE = "invoices with a payment before the issue date (paid in advance)"
WAYS = {
    (True, None): "day first",
    (False, None): "month first",
    (None, "."): "with a decimal point",
    (None, ","): "with a decimal comma",
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the user may say about an import.

    known_on : the day on which the books learn what this import brings where it corrects a known row.
    currency : the currency of a source that has none; None takes the format's own.
    """

    known_on: date
    currency: str | None = None


def import_files(fmt: Format, paths: Iterable[str | Path], out: str | Path, options: Options) -> dict[str, Any]:
    """Import `paths` into the ledger folder `out`; return the report that is also written there.

    Raises InputError for a file that cannot be read or mapped: then nothing is written.
    """
    folder = Path(out)
    files = files_in([Path(p) for p in paths])
    existing = book.existing_tables(folder)
    folder.mkdir(parents=True, exist_ok=True)
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
            return _import(connection, fmt, files, folder, existing, options, scratch)
        finally:
            connection.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if not any(folder.iterdir()):
            folder.rmdir()


def _import(
    connection: duckdb.DuckDBPyConnection,
    fmt: Format,
    files: list[Path],
    folder: Path,
    existing: dict[str, str],
    options: Options,
    scratch: Path,
) -> dict[str, Any]:
    connection.execute("SET VARIABLE currency = ?", [options.currency or fmt.currency])
    log = _log(folder)
    readings = _read_all(connection, fmt, files, scratch, _usual(fmt, log))
    roles = {r.number: r.source.role for r in readings}
    _make_roles(connection, fmt, readings)
    checks.make_drafts(connection, fmt)
    checks.find_bad_rows(connection, fmt, roles, existing)
    inferred_customers = checks.add_customers(connection, fmt, existing)
    accounts = _accounts(connection, fmt, readings)
    number = len(log) + 1
    tables = list(dict.fromkeys(["customers", *fmt.tables]))
    changes = {name: book.compare(connection, name, existing.get(name), options.known_on, fmt) for name in tables}
    for name in (t for t, declared in TABLES.items() if declared.required and t not in changes and t not in existing):
        _empty_table(connection, name)
        tables.append(name)
    quarantine = _quarantine(connection, readings, number)
    for name in tables:
        book.write(connection, folder, name, number, existing.get(name))
    _write_quarantine(connection, folder, readings, quarantine)
    result = {
        "format": fmt.name,
        "import": number,
        "known_on": options.known_on.isoformat(),
        "files": accounts,
        "rows": {k: sum(a[k] for a in accounts) for k in ("read", "accepted", "quarantined")},
        "reasons": report.reasons(connection),
        "inferred": _notices(connection, fmt.inferred) + _customers_notice(inferred_customers) + _conventions(readings),
        "noticed": _notices(connection, fmt.noticed) + _general_notices(connection, fmt, existing),
        "tables": {name: vars(change) for name, change in changes.items()},
        "totals": report.control(connection, fmt, _after(connection, fmt, folder, not existing)),
        "ledger_totals": _ledger_totals(connection, folder),
    }
    _write_json(folder / REPORT, result)
    conventions = {"day_first": _told(readings, "day_first"), "decimal": _told(readings, "decimal")}
    _write_json(
        folder / LOG,
        [
            *log,
            {"conventions": conventions}
            | {k: result[k] for k in ("import", "format", "known_on", "rows", "tables")}
            | {"files": [{k: a[k] for k in ("file", "sha256", "read", "accepted", "quarantined")} for a in accounts]},
        ],
    )
    return result


def _read_all(
    connection: duckdb.DuckDBPyConnection, fmt: Format, files: list[Path], scratch: Path, usual: Usual
) -> list[Reading]:
    readings = []
    for number, path in enumerate(files, start=1):
        source = open_source(path, fmt, scratch)
        readings.append(read(connection, source, fmt.files[source.role], number, usual))
    present = {r.source.role for r in readings}
    missing = [role for role, file in fmt.files.items() if not file.optional and role not in present]
    if missing:
        needed = "; ".join(
            f"{role} (columns {', '.join(f.names[0] for f in fmt.files[role].fields.values() if f.required)})"
            for role in missing
        )
        raise SourceError(
            f"format {fmt.name} also needs the file of {needed}; found "
            f"{', '.join(f'{r.source.path.name} ({r.source.role})' for r in readings)}."
        )
    return readings


def _usual(fmt: Format, log: list[dict[str, Any]]) -> Usual:
    """What earlier imports of the format into this ledger learned of its dates and decimals, the latest first."""
    known: dict[str, Any] = {"day_first": fmt.day_first}
    for entry in log:
        if entry["format"] == fmt.name:
            known |= {key: value for key, value in entry.get("conventions", {}).items() if value is not None}
    return Usual(**known)


def _told(readings: list[Reading], name: str) -> Any:
    """What the clear values of all columns agree on; None where there are none, or they do not agree."""
    told = {getattr(c, name) for r in readings for c in r.conventions.values() if c.clear} - {None}
    return told.pop() if len(told) == 1 else None


def _make_roles(connection: duckdb.DuckDBPyConnection, fmt: Format, readings: list[Reading]) -> None:
    from features.importers.values import SQL_TYPE

    for role, file in fmt.files.items():
        parts = [f"SELECT * FROM typed_{r.number}" for r in readings if r.source.role == role]
        columns = ", ".join(f"NULL::{SQL_TYPE[f.type]} AS {name}" for name, f in file.fields.items())
        empty = (
            f"SELECT NULL::INTEGER AS source, NULL::BIGINT AS line, {columns}, NULL::VARCHAR[] AS reasons WHERE false"
        )
        connection.execute(f"CREATE VIEW {role} AS " + (" UNION ALL ".join(parts) or empty))


def _accounts(connection: duckdb.DuckDBPyConnection, fmt: Format, readings: list[Reading]) -> list[dict[str, Any]]:
    """One entry a file. Raises RuntimeError where a row is neither accepted nor quarantined."""
    lost = dict(connection.execute("SELECT source, count(DISTINCT line) FROM bad GROUP BY source").fetchall())
    accounts = []
    for reading in readings:
        source, number = reading.source, reading.number
        accepted = connection.execute(
            f"SELECT count(*) FROM typed_{number} ANTI JOIN bad USING (source, line)"
        ).fetchall()[0][0]
        quarantined = lost.get(number, 0)
        if reading.rows != accepted + quarantined:
            raise RuntimeError(
                f"{source.path}: {reading.rows} rows read, {accepted} accepted, {quarantined} quarantined"
            )
        accounts.append(
            {
                "file": source.path.name,
                "role": source.role,
                "sha256": source.sha256,
                "encoding": source.encoding,
                "separator": source.delimiter,
                "header_line": source.header_line,
                "lines": source.lines,
                "blank_lines": reading.blank_lines,
                "read": reading.rows,
                "accepted": accepted,
                "quarantined": quarantined,
                "columns": {name: source.header[at] for name, at in source.columns.items()},
                "columns_not_used": [n for i, n in enumerate(source.header) if i not in set(source.columns.values())],
                "notes": list(source.notes),
            }
        )
    return accounts


def _notices(connection: duckdb.DuckDBPyConnection, notices: Iterable[Any]) -> list[dict[str, Any]]:
    found = []
    for notice in notices:
        count, example = connection.execute(
            f"SELECT count(*), min(example) FROM ({notice.sql}) AS cases(example)"
        ).fetchall()[0]
        if count:
            found.append({"what": notice.words, "rows": count, "example": example})
    return found


def _customers_notice(count: int) -> list[dict[str, Any]]:
    return (
        [{"what": "customers that no customer list names, taken from the rows that refer to them", "rows": count}]
        if count
        else []
    )


def _conventions(readings: list[Reading]) -> list[dict[str, Any]]:
    """What was inferred about dates and decimals, one entry a file and way of reading."""
    grouped: dict[tuple[str, str], list[tuple[str, int, int, int]]] = {}
    for reading in readings:
        for name, c in reading.conventions.items():
            if c.doubtful:
                how = WAYS.get((c.day_first, c.decimal), "in no way: the column contradicts itself")
                header = reading.source.header[reading.source.columns[name]]
                grouped.setdefault((reading.source.path.name, how), []).append((header, c.clear, c.against, c.doubtful))
    found = []
    for (file, how), columns in grouped.items():
        names, clear, against, doubtful = zip(*columns, strict=True)
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more columns" if len(names) > 6 else "")
        evidence = f"{sum(clear):,} values can be read in no other way" if sum(clear) else "no value tells; assumed"
        if sum(against):
            evidence += f", {sum(against):,} only in the other"
        found.append({"what": f"{file}: {shown} read {how} ({evidence})", "rows": sum(doubtful)})
    return found


def _general_notices(
    connection: duckdb.DuckDBPyConnection, fmt: Format, existing: dict[str, str]
) -> list[dict[str, Any]]:
    """Things that are right to import and good to know: overpaid invoices, large credit notes, cash on account."""
    if "invoices" not in fmt.tables or "payments" not in fmt.tables:
        return []
    accepted = {
        name: f"(SELECT * FROM draft_{name} ANTI JOIN bad USING (source, line))" for name in ("invoices", "payments")
    }
    if fmt.whole_invoices:  # at most one payment an invoice, on its own row
        both = f"{accepted['payments']} p JOIN draft_invoices i USING (source, line)"
        sql = f"SELECT i.invoice_id FROM {both} WHERE p.paid_on < i.issued_on"
        return _notices(connection, (Notice(words=IN_ADVANCE, sql=sql),))
    signed = "CASE WHEN kind IN ('reversal', 'refund') THEN -amount ELSE amount END"
    sums = f"invoice_id, sum({signed}) AS paid, min(paid_on) AS first_paid_on"
    paid = f"(SELECT {sums} FROM {accepted['payments']} GROUP BY invoice_id)"
    return _notices(
        connection,
        (
            Notice(
                words="invoices paid more than their amount (the excess stays visible as an overpayment)",
                sql=f"SELECT invoice_id FROM {accepted['invoices']} JOIN {paid} USING (invoice_id) WHERE kind = "
                f"'invoice' AND paid > amount + 0.01",
            ),
            Notice(
                words=IN_ADVANCE,
                sql=f"SELECT invoice_id FROM {accepted['invoices']} JOIN {paid} USING (invoice_id) WHERE kind = "
                f"'invoice' AND first_paid_on < issued_on",
            ),
            Notice(
                words="payments without an invoice (unapplied cash)",
                sql=f"SELECT payment_id FROM {accepted['payments']} WHERE invoice_id IS NULL",
            ),
            Notice(
                words="credit notes larger than their invoice",
                sql=f"SELECT c.invoice_id FROM {accepted['invoices']} c JOIN {accepted['invoices']} i ON c.applies_to "
                f"= "
                f"i.invoice_id WHERE c.kind = 'credit_note' AND c.amount > i.amount + 0.005",
            ),
            Notice(
                words="credit notes whose invoice is not in the source",
                sql=f"SELECT invoice_id FROM {accepted['invoices']} WHERE kind = 'credit_note' AND applies_to IS NOT "
                f"NULL AND applies_to NOT IN (SELECT invoice_id FROM {accepted['invoices']})",
            ),
        ),
    )


def _empty_table(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    columns = ", ".join(f"CAST(NULL AS {SQL_TYPES[c.type]}) AS {n}" for n, c in TABLES[name].columns.items())
    for prefix in ("new", "old"):
        connection.execute(f"CREATE TABLE {prefix}_{name} AS SELECT {columns} WHERE false")


def _quarantine(connection: duckdb.DuckDBPyConnection, readings: list[Reading], number: int) -> str:
    """Make the relation of quarantined rows: source file, line, original text, every reason; return its name."""
    connection.execute(
        "CREATE TABLE quarantined (source_file VARCHAR, sha256 VARCHAR, import INTEGER, line BIGINT, original VARCHAR, "
        "reasons VARCHAR[])"
    )
    for reading in readings:
        all_reasons = "list(DISTINCT reason ORDER BY reason) AS reasons"
        of_file = f"(SELECT line, {all_reasons} FROM bad WHERE source = {reading.number} GROUP BY line)"
        kept = f"(SELECT rowid + 1 AS number, original AS line FROM fast_{reading.number} WHERE is_odd)"
        # rows that read well and fell later (a copy, an unknown invoice) are looked up in the file
        lines = f"(SELECT row_number() OVER () AS number, line FROM {lines_of(reading.source)})"
        rest = f"{of_file} b ANTI JOIN {kept} k ON k.number = b.line"
        for where, texts in ((f"{of_file} b", kept), (rest, lines)):
            if connection.execute(f"SELECT count(*) FROM {where}").fetchall()[0][0]:
                connection.execute(
                    f"INSERT INTO quarantined SELECT ?, ?, {number}, b.line, replace(l.line, chr(30), chr(10)), "
                    f"b.reasons "
                    f"FROM (SELECT b.* FROM {where}) b JOIN {texts} l ON l.number = b.line ORDER BY b.line",
                    [reading.source.path.name, reading.source.sha256],
                )
    return "quarantined"


def _write_quarantine(connection: duckdb.DuckDBPyConnection, folder: Path, readings: list[Reading], name: str) -> None:
    """The quarantine of the ledger: for each source file the rows that its last import left out."""
    path = folder / QUARANTINE
    sql = f"SELECT * FROM {name}"
    if path.exists():
        files = ", ".join(quoted(r.source.path.name) for r in readings)
        sql = f"SELECT * FROM read_parquet({quoted(str(path))}) WHERE source_file NOT IN ({files}) UNION ALL {sql}"
    unfinished = path.with_suffix(".unfinished")
    connection.execute(f"COPY ({sql}) TO {quoted(str(unfinished))} (FORMAT parquet)")
    os.replace(unfinished, path)


def _after(
    connection: duckdb.DuckDBPyConnection, fmt: Format, folder: Path, is_new: bool
) -> dict[tuple[str, str], int]:
    """The totals, read back from the ledger's files, of the rows that this import accepted."""
    tables = {}
    for name in ("invoices", "payments"):
        if name in fmt.tables:
            key = TABLES[name].key[0]
            accepted = f"SELECT {key} FROM draft_{name} ANTI JOIN bad USING (source, line)"
            only = "" if is_new else f" AND {key} IN ({accepted})"
            tables[name] = f"(SELECT * FROM {source_of(folder, name)} WHERE superseded_on IS NULL{only})"
    return report.totals(connection, tables)


def _ledger_totals(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, dict[str, str]]:
    """Currency -> measure -> amount over all current rows of the ledger."""
    tables = {
        name: f"(SELECT * FROM {source_of(folder, name)} WHERE superseded_on IS NULL)"
        for name in ("invoices", "payments")
    }
    found: dict[str, dict[str, str]] = {}
    for (currency, measure), cents in report.totals(connection, tables).items():
        found.setdefault(currency, {})[measure] = report._money(cents)
    return found


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

"""Tables that come in a container (Excel, Parquet, ARFF, SAF-T) written out as CSV text; packed files are refused."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from importing.engine.format import SourceError

OTHER_SPREADSHEETS = (".ods", ".numbers", ".xlsb", ".xls")


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """One sheet of a workbook as CSV text, with what it holds: rows, and the sum of each column of numbers."""

    name: str
    text: Path
    rows: int
    sums: dict[str, float]


def is_workbook(path: Path) -> bool:
    """Return whether a file is an Excel workbook. Raises SourceError for another archive."""
    with path.open("rb") as stream:
        if not stream.read(4).startswith(b"PK\x03\x04"):
            return False
    if path.suffix.lower() in OTHER_SPREADSHEETS:
        raise SourceError(f"{path}: a spreadsheet of another kind ({path.suffix}); save it as .xlsx or CSV.")
    if path.suffix.lower() not in {".xlsx", ".xlsm"}:
        raise SourceError(f"{path}: a zip archive; unpack it and import the tables inside.")
    return True


def as_text_table(path: Path, scratch: Path) -> Path:
    """Return the file itself, or a Parquet table or the data of an ARFF file written as CSV."""
    with path.open("rb") as stream:
        start = stream.read(4)
    out = scratch / (hashlib.sha256(str(path).encode()).hexdigest()[:16] + ".csv")
    if start == b"PAR1":
        import duckdb

        try:
            duckdb.connect().execute(
                "COPY (SELECT CAST(COLUMNS(*) AS VARCHAR) FROM read_parquet(?)) TO '"
                + str(out).replace("'", "''")
                + "' (HEADER)",
                [str(path)],
            )
        except duckdb.Error as error:
            raise SourceError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]}).") from error
        return out
    if start.startswith(b"\x1f\x8b"):
        raise SourceError(f"{path}: a gzip archive; unpack it first (gunzip {path.name}).")
    if start == b"\xd0\xcf\x11\xe0":
        raise SourceError(
            f"{path}: an old Excel workbook (.xls), or one protected by a password; save it as .xlsx or CSV, without one."
        )
    with path.open("rb") as stream:
        begin = stream.read(2048).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if begin.startswith((b"<html", b"<!doctype html", b"<table", b"<head", b"<meta")):
        raise SourceError(
            f"{path}: a web page, whatever its ending; open it in a spreadsheet and save it as .xlsx or CSV."
        )
    if begin.startswith((b"[{", b'{"', b"[\n", b"{\n", b"[ {")):
        raise SourceError(f"{path}: JSON, not a table; export it as CSV, Excel or Parquet.")
    if path.suffix.lower() == ".arff":
        return _arff(path, out)
    if path.suffix.lower() == ".xml":
        from importing.engine.saft import write_records

        return write_records(path, out)
    return path


def sheets_of(path: Path, scratch: Path) -> list[Sheet]:
    """Return the sheets of a workbook that hold anything. Raises SourceError where it cannot be read."""
    import zipfile

    import openpyxl

    made = []
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        written = openpyxl.load_workbook(path, read_only=True) if _has_formulas(path) else None
        for number, sheet in enumerate(book.worksheets, start=1):
            out = scratch / f"{hashlib.sha256(str(path).encode()).hexdigest()[:16]}.{number}.csv"
            rows = [list(row) for row in sheet.iter_rows(values_only=True)]
            if written is not None:
                _show_formulas(rows, [list(row) for row in written[sheet.title].iter_rows(values_only=True)])
            with out.open("w", newline="", encoding="utf-8") as stream:
                writer = csv.writer(stream, lineterminator="\n")
                writer.writerows([_cell_text(cell) for cell in row] for row in rows)
            filled = [row for row in rows if any(cell is not None for cell in row)]
            if filled:
                made.append(Sheet(name=sheet.title, text=out, rows=len(filled) - 1, sums=_sums(filled)))
        book.close()
        if written is not None:
            written.close()
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise SourceError(f"{path}: not a readable Excel workbook ({error}); save it again, or as CSV.") from error
    return made


def _cell_text(cell: Any) -> str:
    """Return a cell as text on one line: a line break in a cell, often in a header, is a blank."""
    return "" if cell is None else " ".join(str(cell).splitlines())


def _has_formulas(path: Path) -> bool:
    """Return whether a workbook holds formulas."""
    import zipfile

    with zipfile.ZipFile(path) as archive:
        return any(
            b"<f>" in (content := archive.read(name)) or b"<f " in content
            for name in archive.namelist()
            if name.startswith("xl/worksheets/") and name.endswith(".xml")
        )


def _show_formulas(rows: list[list[Any]], written: list[list[Any]]) -> None:
    """Put a formula's own text where the workbook does not store its value, so that its row says why it is unread."""
    for row, formulas in zip(rows, written, strict=False):
        for at, (value, formula) in enumerate(zip(row, formulas, strict=False)):
            if value is None and isinstance(formula, str) and formula.startswith("="):
                row[at] = f"{formula} (formula without a stored value: open the workbook, save it, import again)"


def _sums(rows: list[list[Any]]) -> dict[str, float]:
    """Return the sum of each column that holds numbers, by the name in the first row with most cells."""
    widest = max(rows, key=lambda row: sum(cell is not None for cell in row))
    header = next(row for row in rows if sum(c is not None for c in row) >= 0.8 * sum(c is not None for c in widest))
    sums = {}
    for at, name in enumerate(header):
        numbers = [row[at] for row in rows if at < len(row) and isinstance(row[at], int | float)]
        numbers = [n for n in numbers if not isinstance(n, bool)]
        if numbers and name is not None:
            sums[str(name)] = round(sum(numbers), 2)
    return sums


def chosen_sheet(path: Path, sheets: list[Sheet], stated: str | int | None) -> list[Sheet]:
    """Return the sheets to look at: the stated one, else all. Raises SourceError where there is no such sheet."""
    if not sheets:
        raise SourceError(f"{path}: the workbook is empty; expected a table.")
    if stated is None:
        return sheets
    found = [s for n, s in enumerate(sheets, start=1) if stated in (n, str(n), s.name)]
    if not found:
        raise SourceError(f"{path}: no sheet is called '{stated}'; there are {_names(s.name for s in sheets)}.")
    return found


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


def _arff(path: Path, out: Path) -> Path:
    """Return an ARFF file as CSV: the attributes' names as header (plus `row`, the data line's number), '?' as empty."""
    names, is_data, number = ["row"], False, 0
    with (
        path.open(encoding="utf-8", errors="surrogateescape") as lines,
        out.open("w", encoding="utf-8", errors="replace") as stream,
    ):
        for line in lines:
            line = line.strip()
            if is_data and line and not line.startswith("%"):
                number += 1
                stream.write(
                    f"{number}," + ",".join("" if value.strip() == "?" else value for value in line.split(",")) + "\n"
                )
            elif line.lower().startswith("@attribute") and len(line.split()) > 1:
                names.append(line.split()[1].strip("'\""))
            elif line.lower().startswith("@data"):
                is_data = True
                stream.write(",".join(names) + "\n")
    return out

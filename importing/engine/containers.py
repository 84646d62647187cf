"""Tables that come in a container (Excel, Parquet, ARFF) written out as CSV text; packed files are refused."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path

from importing.engine.format import SourceError


def as_text_table(path: Path, scratch: Path) -> Path:
    """The file itself, or the first sheet of a workbook, a Parquet table or the data of an ARFF file written as CSV."""
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
    if start.startswith(b"PK\x03\x04"):
        if path.suffix.lower() not in {".xlsx", ".xlsm"}:
            raise SourceError(f"{path}: a zip archive; unpack it and import the tables inside.")
        return _sheet(path, out)
    if start.startswith(b"\x1f\x8b"):
        raise SourceError(f"{path}: a gzip archive; unpack it first (gunzip {path.name}).")
    if start == b"\xd0\xcf\x11\xe0":
        raise SourceError(f"{path}: an old Excel workbook (.xls); save it as .xlsx or CSV.")
    if path.suffix.lower() == ".arff":
        return _arff(path, out)
    return path


def _sheet(path: Path, out: Path) -> Path:
    import zipfile

    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        with out.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            for row in book.worksheets[0].iter_rows(values_only=True):
                writer.writerow(["" if cell is None else str(cell) for cell in row])
        book.close()
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, EOFError) as error:
        raise SourceError(f"{path}: not a readable Excel workbook ({error}); save it again, or as CSV.") from error
    return out


def _arff(path: Path, out: Path) -> Path:
    """An ARFF file as CSV: the attributes' names as header (plus `row`, the data line's number), '?' as empty."""
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

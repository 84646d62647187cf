"""Golden ledgers: a format's sample export imported, as text that a test compares and a person reads.

`python -m tests.golden.importing FORMAT…` writes the expected files anew; read the difference before you commit it.
"""

from __future__ import annotations

import sys
import tempfile
from datetime import date
from pathlib import Path

from importing.engine.run import Options, import_files
from importing.formats import format_named
from importing.formats.table import read_mapping
from ledger.contract import TABLES
from ledger.ledger import source_of
from ledger.validation import connect

FOLDER = Path(__file__).parent / "importers"
KNOWN_ON = date(2024, 6, 30)


def names() -> list[str]:
    """The formats that have a sample."""
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def imported(name: str) -> dict[str, str]:
    """Table name -> CSV text of the ledger that the sample gives, sorted, every column; and `quarantine`, `report`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "ledger"
        sources = sorted(p for p in (FOLDER / name).iterdir() if p.is_file() and p.suffix != ".toml")
        mapping = FOLDER / name / "mapping.toml"
        fmt = read_mapping(mapping) if mapping.exists() else format_named(name)
        report = import_files(fmt, sources, out, Options(known_on=KNOWN_ON))
        connection, texts = connect(), {}
        for table, declared in TABLES.items():
            if (source := source_of(out, table)) is not None:
                columns = ", ".join(declared.columns)
                rows = connection.execute(f"SELECT {columns} FROM {source} ORDER BY ALL").fetchall()
                texts[table] = _csv([list(declared.columns), *rows]) if rows else ""
        rows = connection.execute(
            "SELECT source_file, line, array_to_string(reasons, ' | ') FROM read_parquet(?) ORDER BY ALL",
            [str(out / "quarantine.parquet")],
        ).fetchall()
        texts["quarantine"] = _csv([["source_file", "line", "reasons"], *rows])
        said = [[n["rows"], n["what"]] for n in (*report["inferred"], *report["noticed"])]
        texts["inferred"] = _csv([["rows", "what"], *said])
    return {table: text for table, text in texts.items() if text}


def _csv(rows: list[list[object]]) -> str:
    return "\n".join("\t".join("" if cell is None else str(cell) for cell in row) for row in rows) + "\n"


def expected(name: str) -> dict[str, str]:
    """Table name -> the text that the sample must give."""
    return {path.stem: path.read_text(encoding="utf-8") for path in (FOLDER / name / "expected").glob("*.tsv")}


if __name__ == "__main__":
    for name in sys.argv[1:] or names():
        folder = FOLDER / name / "expected"
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.tsv"):
            path.unlink()
        for table, text in imported(name).items():
            (folder / f"{table}.tsv").write_text(text, encoding="utf-8")

"""The quick reading of plain rows and the careful reading of odd ones are one: any row read either way is the same."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import duckdb
import pytest

from importing.engine import cells
from importing.engine.run import import_files
from ledger.errors import InputError
from tests.property.test_import_fuzz import OPTIONS, PLAIN

DAYS = ("2023/02/06", "05.03.2023", "20230405", "2023-1-7", "1900-01-01", "", "2023-02-30", "Jan 5 2023", "45000",
        "2023-05-06 00:00:00", "2023-05-06T10:00:00", "0000-00-00", "9999-12-31", "31.12.2023", "NULL")  # fmt: skip
AMOUNTS = ("1,5", "1.234", "1234", "1e3", "1E-2", "1_000", "(5.00)", "5-", "-7.5", "$9.99", "nan", "inf", "+3.25", ".5",
           "5.", "12.3456", "0.1234567890123", "99999999999999", "9e14", "1 234,50", "", "n/a", "EUR 5")  # fmt: skip
NAMES = ("", "None", "N/A", "grand total", "customer", "Société", "1.0", "2.5E+3", "x+y", "a b", "SUM", "nan")
QUOTED = ('c"q', '"c, d"', '"x ""y"" z"', '" pad "', '"2023-03-01"', '"open')


def table(seed: int) -> bytes:
    """Sixty rows, of which many have something unusual: spellings, blanks, quotes, too few or too many cells."""
    dice = random.Random(seed)

    def some(usual: str, others: tuple[str, ...], share: float) -> str:
        value = dice.choice(others) if dice.random() < share else usual
        return (
            dice.choice(("", " ", "\t", "\u00a0")) + value + dice.choice(("", "  ")) if dice.random() < 0.05 else value
        )

    lines = ["invoice,customer,issued,due,amount,paid,note"]
    for i in range(60):
        name = QUOTED if seed % 3 == 0 and dice.random() < 0.1 else NAMES
        row = [
            some(f"I{i}", NAMES[6:], 0.05) + (str(i) if dice.random() < 0.05 else ""),
            some(f"C{i % 5}", name, 0.1),
            some(f"2023-0{dice.randrange(1, 10)}-1{dice.randrange(10)}", DAYS, 0.2),
            some("2024-01-01", DAYS, 0.05),
            some(f"{dice.randrange(1, 99999) / 100:.2f}", AMOUNTS, 0.25),
            some("2023-12-01", DAYS, 0.3),
            "n",
        ]
        lines.append(",".join(row) + ("," if dice.random() < 0.03 else ""))
    newline = "\r\n" if seed % 5 == 1 else "\n"
    text = newline.join(lines) + (newline if seed % 4 else "")
    return text.encode("utf-8" if seed % 7 else "cp1252", "replace")


def outcome(folder: Path, content: bytes) -> Any:
    """The rows of the ledger and of the quarantine, or the refusal."""
    folder.mkdir()
    (folder / "export.csv").write_bytes(content)
    try:
        import_files(PLAIN, [folder / "export.csv"], folder / "ledger", OPTIONS)
    except InputError as error:
        return str(error).replace(str(folder), "")
    tables = ("invoices.parquet/*.parquet", "payments.parquet/*.parquet", "quarantine.parquet")
    return [
        duckdb.connect().execute(f"SELECT * FROM read_parquet('{folder}/ledger/{name}') ORDER BY ALL").fetchall()
        for name in tables
    ]


@pytest.mark.parametrize("seed", range(16))
def test_either_way_reads_the_same(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = table(seed)
    as_usual = outcome(tmp_path / "usual", content)
    monkeypatch.setattr(cells, "_padding", lambda source: ["true"])
    assert outcome(tmp_path / "careful", content) == as_usual
    assert len(as_usual[0]) > 10, "rows are left to compare"

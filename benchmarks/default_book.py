"""What the default benchmarks share: samples in memory, their histories, and a table printed for a document."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from importing.engine.run import Options as ImportOptions
from importing.engine.run import import_files
from importing.formats import format_named
from ledger.default_status import PRIMARY
from ledger.ledger import Ledger, read_ledger
from sample.generator import write_sample
from training.default.data import Histories, histories

SHARED = Path(__file__).parents[1].parent / "shared" / "data"


def sample_histories(
    seed: int, *, customers: int, months: int, columns: Sequence[str]
) -> tuple[Histories, pd.DataFrame]:
    """The histories of a sample ledger on its last day, and its truth."""
    with tempfile.TemporaryDirectory() as place:
        write_sample(Path(place), customers=customers, months=months, seed=seed)
        ledger = read_ledger(place)
        truth = pd.read_parquet(Path(place) / "truth.parquet")
    return histories(ledger, ledger.last_known_on, PRIMARY, columns), truth


def print_table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> None:
    """A Markdown table on standard output."""
    print("| " + " | ".join(header) + " |")
    print("|" + "|".join("---" for _ in header) + "|")
    for row in rows:
        print("| " + " | ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in row) + " |", flush=True)
    print()


def imported(name: str, *paths: Path) -> Ledger:
    """A real export as a ledger, through its importer."""
    with tempfile.TemporaryDirectory() as place:
        import_files(format_named(name), paths, place, ImportOptions(known_on=date(2026, 1, 1)))
        return read_ledger(place)

"""`tradecredit monitor`: whether the customers of today still look like those that the model learned from."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import pandas as pd

from cli.output import json_option, print_json, table
from cli.train import as_of_day

TRAINED = "trained"


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option(
    "--as-of", "as_of", default="latest", show_default=True, help="The day looked at, YYYY-MM-DD, or 'latest'."
)
@click.option(
    "--reference", default=TRAINED, show_default=True,
    help="The day compared with; 'trained': the day that the serving default model learned from.",
)  # fmt: skip
@click.option("--most", default=20, show_default=True, help="How many columns are printed, the most moved first.")
@json_option
def command(ledger: Path, as_of: str, reference: str, most: int, as_json: bool) -> None:
    """Compare every declared column of LEDGER's customers on a day with the reference day; exit 1 where one has moved.

    Example: tradecredit monitor build/ledger --as-of 2024-06-30 --reference 2023-06-30
    """
    from features.engine.prepared import prepare
    from ledger.ledger import read_ledger
    from models import registry
    from training.lifecycle.monitor import Observed, drift

    tables = read_ledger(ledger)
    now = as_of_day(as_of, tables.last_known_on)
    if reference == TRAINED:
        served = registry.load(registry.Settings.from_environment(), registry.DEFAULT_MODEL)
        reference = served.tags[registry.AS_OF_TAG]
    before = as_of_day(reference, tables.last_known_on)
    prepared = prepare(tables)
    days = [Observed.on(prepared, pd.Timestamp(day)) for day in (before, now)]
    found = drift(*days)
    moved = int(found["is_moved"].sum())
    if as_json:
        print_json({
            "reference": before.isoformat(), "as_of": now.isoformat(), "customers": [len(day.matrix) for day in days],
            "moved": moved, "columns": found.to_dict("records"),
        })  # fmt: skip
    else:
        rows = [
            (r["column"], r["family"], f"{r['psi']:.4f}", f"{r['limit']:.4f}", "moved" if r["is_moved"] else "",
             f"{100 * r['missing_before']:.1f} %", f"{100 * r['missing_now']:.1f} %")
            for r in found.head(most).to_dict("records")
        ]  # fmt: skip
        click.echo(table(rows, ["column", "family", "PSI", "by chance", "", "missing then", "missing now"]))
        click.echo(
            f"{before} -> {now}: {moved} of {len(found)} columns moved more than chance alone would "
            f"({len(days[0].matrix):,} and {len(days[1].matrix):,} customers)."
        )
    sys.exit(1 if moved else 0)

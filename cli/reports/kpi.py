"""`tradecredit report kpi`: the figures that a credit department is measured by."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from cli.output import json_option, print_json, table
from cli.reports.writing import checked_out, write

WORDS = {
    "credit_sales": "credit sales of the period",
    "opening_receivables": "opening receivables",
    "closing_receivables": "closing receivables",
    "closing_current": "closing receivables not past due",
    "dso": "DSO, days",
    "best_possible_dso": "best possible DSO, days",
    "average_days_delinquent": "ADD (DSO less best possible), days",
    "collection_effectiveness": "CEI, of 100",
    "receivables_turnover": "receivables turnover in the period",
}


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option("--as-of", default="latest", show_default=True, help="The last day of the period.")
@click.option(
    "--days", type=click.IntRange(1, 3660), default=90, show_default=True, help="How many days the period has."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the table to a .csv, .xlsx or .html file, too.")
@json_option
def kpi(ledger: Path, as_of: str, days: int, out: Path | None, as_json: bool) -> None:
    """DSO, best possible DSO, ADD, CEI and turnover of a period, in the reporting currency.

    Example: tradecredit report kpi build/ledger --as-of 2024-06-30 --days 90
    """
    import pandas as pd

    from cli.train import as_of_day
    from ledger.currency import reporting_currency
    from ledger.ledger import read_ledger
    from ledger.receivables import figures

    checked_out(out)
    prepared = read_ledger(ledger)
    day = as_of_day(as_of, prepared.last_known_on)
    found = asdict(figures(prepared, day, days))
    summary = {"as_of": str(day), "days": days, "currency": reporting_currency(prepared)}
    if out is not None:
        write(
            pd.DataFrame({"figure": list(WORDS.values()), "value": [found[n] for n in WORDS]}),
            summary,
            out,
            "Receivables",
        )
    if as_json:
        print_json(summary | {name: found[name] for name in WORDS})
        return
    rows = [(words, "–" if found[name] is None else f"{found[name]:,.2f}") for name, words in WORDS.items()]
    click.echo(f"{days} days up to {day}, in {summary['currency']}\n\n{table(rows, ('figure', 'value'))}")
    if out is not None:
        click.echo(f"written: {out}")

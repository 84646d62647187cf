"""`tradecredit timeline`: one invoice's life, as the books learned it."""

from __future__ import annotations

from pathlib import Path

import click
import pandas as pd

from cli.ledger_reading import quarantine_option, read
from cli.output import json_option, print_json, table


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path))
@click.argument("invoice_id", metavar="INVOICE")
@quarantine_option
@json_option
def command(ledger: Path, invoice_id: str, quarantine: bool, as_json: bool) -> None:
    """Show what happened to one invoice, when the books knew it, and what was open after it. INVOICE#NUMBER is an instalment.

    Example: tradecredit timeline build/ledger INV-000017
    """
    from ledger.timeline import timeline

    life = timeline(read(ledger, quarantine=quarantine), invoice_id)
    for column in life.columns:
        if str(life[column].dtype).startswith("datetime"):
            life[column] = life[column].dt.strftime("%Y-%m-%d")
    rows = life.astype(object).where(life.notna(), None).to_dict("records")
    if as_json:
        print_json(rows)
        return
    click.echo(
        table(
            [["" if value is None or value is pd.NaT else _shown(value) for value in row.values()] for row in rows],
            list(life.columns),
        )
    )


def _shown(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else str(value)

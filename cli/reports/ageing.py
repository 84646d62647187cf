"""`tradecredit report ageing`: what is open on a day, by days past due."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import json_option, print_json, table
from cli.reports.writing import checked_out, write


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option("--as-of", default="latest", show_default=True, help="The day whose open book is asked about.")
@click.option("--by", type=click.Choice(["currency", "customer"]), default="currency", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Write the table to a .csv, .xlsx or .html file, too.")
@json_option
def ageing(ledger: Path, as_of: str, by: str, out: Path | None, as_json: bool) -> None:
    """The open balance by days past due in document currencies; unapplied cash and overpayments stand apart.

    Example: tradecredit report ageing build/ledger --as-of 2024-06-30 --by customer --out build/ageing.xlsx
    """
    from cli.train import as_of_day
    from ledger.ledger import read_ledger
    from ledger.receivables import ageing as found_on

    checked_out(out)
    prepared = read_ledger(ledger)
    day = as_of_day(as_of, prepared.last_known_on)
    frame = found_on(prepared, day, by_customer=by == "customer")
    summary = {"as_of": str(day), "by": by}
    if out is not None:
        write(frame, summary, out, "Ageing")
    if as_json:
        print_json(summary | {"rows": frame.to_dict("records")})
        return
    rows = [[f"{v:,.2f}" if isinstance(v, float) else v for v in row] for row in frame.itertuples(index=False)]
    click.echo(f"Open on {day}, as known on that day\n\n{table(rows, list(frame.columns))}")
    if out is not None:
        click.echo(f"written: {out}")

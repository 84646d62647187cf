"""`tradecredit report kpi`: the figures that a credit department is measured by, over months."""

from __future__ import annotations

from pathlib import Path

import click

from cli.reports.writing import checked_out, command_line, finish, language_option, opened, report_options

PARTS = ("portfolio", "segment", "country", "industry", "customer")


@click.command()
@report_options
@language_option
@click.option("--by", type=click.Choice(PARTS), default="portfolio", show_default=True, help="Of what the figures are.")
@click.option("--months", type=click.IntRange(1, 120), default=12, show_default=True, help="How many month ends.")
@click.option("--days", type=click.IntRange(1, 3660), default=90, show_default=True, help="Days of each period.")
def kpi(ledger: Path, as_of: str, by: str, months: int, days: int, out: Path | None, as_json: bool) -> None:
    """DSO (by balance and count-back), best possible DSO, ADD, CEI, DBT, turnover, overdue share and concentration.

    Example: tradecredit report kpi build/ledger --as-of 2024-06-30 --by segment --months 24 --out build/kpi.html
    """
    from decisions.monthly.kpi import kpi_report

    checked_out(out)
    read, day = opened(ledger, as_of)
    command = command_line("report", "kpi", ledger, as_of=day, by=by, months=months, days=days)
    finish(kpi_report(read, day, command=command, by=by, months=months, days=days), out=out, as_json=as_json)

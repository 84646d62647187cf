"""`tradecredit check`: data quality and control totals of a ledger."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cli.output import json_option, print_json, table, waiting
from cli.reports.writing import read_without


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), help="Write the report as one HTML file, too.")
@click.option("--quarantine", is_flag=True, help="Read without the rows that break a rule, and say how many.")
@json_option
def command(ledger: Path, html: Path | None, quarantine: bool, as_json: bool) -> None:
    """Report a ledger's quality: coverage, reconciliation, doubtful rows, and what no model can learn from it.

    Exit code 1 where there is a problem that makes figures wrong.

    Example: tradecredit check build/ledger --html build/quality.html
    """
    from ledger.ledger import read_ledger
    from ledger.quality.page import page, tables
    from ledger.quality.report import quality

    with waiting("reading and checking the ledger"):
        found = quality(read_without(ledger) if quarantine else read_ledger(ledger))
    report = found.as_json()
    if html:
        html.write_text(page(found, ledger.name), encoding="utf-8")
    if as_json:
        print_json(report)
    else:
        for title, rows in tables(report):
            click.echo(f"{title}\n{table([list(row.values()) for row in rows], list(rows[0]))}\n")
        click.echo("Findings")
        for finding in found.findings:
            click.echo(
                f"  {finding.level:<8} {finding.what}" + (f"\n           {finding.meaning}" if finding.meaning else "")
            )
    if not found.is_sound:
        sys.exit(1)

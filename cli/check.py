"""`tradecredit check`: data quality and control totals of a ledger."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cli.ledger_reading import quarantine_option, read
from cli.output import json_option, print_json, table, waiting


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), help="Write the report as one HTML file, too.")
@quarantine_option
@json_option
def command(ledger: Path, html: Path | None, quarantine: bool, as_json: bool) -> None:
    """Report a ledger's quality: coverage, reconciliation, doubtful rows, and what no model can learn from it.

    Exit code 1 where there is a problem that makes figures wrong.

    Example: tradecredit check build/ledger --html build/quality.html
    """
    from ledger.quality.page import page, tables
    from ledger.quality.report import quality

    with waiting("reading and checking the ledger"):
        found = quality(read(ledger, quarantine=quarantine))
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

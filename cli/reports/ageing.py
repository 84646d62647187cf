"""`tradecredit report ageing`: what is open on a day, by days past due."""

from __future__ import annotations

from pathlib import Path

import click

from cli.reports.writing import checked_out, command_line, finish, language_option, opened, report_options

GROUPINGS = ("customer", "group", "country", "segment", "industry", "currency")


@click.command()
@report_options
@language_option
@click.option("--by", type=click.Choice(GROUPINGS), default="currency", show_default=True, help="What the rows are.")
@click.option(
    "--in", "unit", type=click.Choice(["document", "reporting"]), default="document", show_default=True,
    help="Amounts in document currencies (one row a group and currency) or in the reporting currency.",
)  # fmt: skip
@click.option("--items", "with_items", is_flag=True, help="Add the open items.")
@click.option("--only", help="Only this row (its key, e.g. a customer_id or a country), with its open items.")
def ageing(
    ledger: Path, as_of: str, by: str, unit: str, with_items: bool, only: str | None, out: Path | None, as_json: bool
) -> None:
    """The open balance by days past due, gross and net of credits; disputed items stand apart.

    Example: tradecredit report ageing build/ledger --as-of 2024-06-30 --by customer --out build/ageing.xlsx
    """
    from decisions.monthly.ageing import ageing_report

    checked_out(out)
    read, day = opened(ledger, as_of)
    report = ageing_report(
        read, day, by=by, in_reporting=unit == "reporting", with_items=with_items, only=only,
        command=command_line(
            "report", "ageing", ledger, as_of=day, by=by, **{"in": unit}, items=with_items, only=only
        ),
    )  # fmt: skip
    finish(report, out=out, as_json=as_json)

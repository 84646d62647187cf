"""`tradecredit report`: receivables figures of a ledger on a day. One subcommand a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import json_option, print_json, table
from cli.reports.ageing import ageing
from cli.reports.kpi import kpi
from cli.reports.writing import checked_out, write
from ledger.errors import InputError

if TYPE_CHECKING:
    from models.delay.model import DelayModel


@click.group()
def command() -> None:
    """Receivables figures of a ledger on a day, as a table or a file.

    Example: tradecredit report cash build/ledger --as-of 2024-06-30
    """


@command.command()
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option("--as-of", default="latest", show_default=True, help="The day whose open book is asked about.")
@click.option("--by", type=click.Choice(["week", "month"]), default="week", show_default=True)
@click.option("--periods", type=click.IntRange(1, 53), default=13, show_default=True, help="How many weeks or months.")
@click.option("--fit", is_flag=True, help="Fit a delay model on what was known on the day, in place of the champion.")
@click.option(
    "--paths", type=click.IntRange(100, 100_000), default=1000, show_default=True, help="Simulated paths of the band."
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the table to a .csv, .xlsx or .html file, too.")
@json_option
def cash(
    ledger: Path, as_of: str, by: str, periods: int, fit: bool, paths: int, out: Path | None, as_json: bool
) -> None:
    """Expected inflow of the open book by week or month, with an 80 % band; plain rules and new invoices beside it.

    Example: tradecredit report cash build/ledger --as-of 2024-06-30 --by month --periods 6 --out build/cash.xlsx
    """
    import pandas as pd

    from cli.train import as_of_day
    from decisions.cash_forecast import forecast
    from decisions.inflow import month_ends_after, week_ends
    from features.engine.prepared import prepare
    from ledger.currency import reporting_currency
    from ledger.ledger import read_ledger

    checked_out(out)
    prepared = prepare(read_ledger(ledger))
    day = pd.Timestamp(as_of_day(as_of, prepared.ledger.last_known_on))
    model, whose = _fitted(prepared, day) if fit else _champion(day)
    ends, names = week_ends(day, periods) if by == "week" else month_ends_after(day, periods)
    found = forecast(prepared, model, day, ends, paths=paths)
    frame = found.periods.drop(columns="days")
    frame.insert(0, f"{by}_to", names)
    summary = {
        "as_of": str(day.date()),
        "currency": reporting_currency(prepared.ledger),
        "open_items": found.open_items,
        "open_amount": round(found.open_amount, 2),
        "expected_later_or_never": round(found.later, 2),
        "model": whose,
    }
    if out is not None:
        write(frame, summary, out, "Expected cash")
    if as_json:
        print_json(summary | {"periods": frame.round(2).to_dict("records")})
        return
    click.echo(
        f"Open on {summary['as_of']}: {found.open_items:,} items, "
        f"{found.open_amount:,.2f} {summary['currency'] or ''}. {whose}.\n"
    )
    header = [f"{by} to", "expected", "80 % from", "to", "by due date", "by customer's mean", "new invoices"]
    click.echo(
        table([[row[0], *(f"{value:,.0f}" for value in row[1:])] for row in frame.itertuples(index=False)], header)
    )
    click.echo(
        f"\nlater or never: {found.later:,.0f}. New invoices are not in the other columns: what invoices issued after "
        f"{summary['as_of']} may bring if each customer is invoiced as in the last 90 days."
    )
    if out is not None:
        click.echo(f"written: {out}")


def _champion(day: Any) -> tuple[DelayModel, str]:
    """The served delay model and a sentence about it. Raises InputError where it knows more than the day did."""
    from models import registry
    from models.delay.model import DelayModel

    served = registry.load(registry.Settings.from_environment(), registry.DELAY_MODEL, registry.CHAMPION)
    known = served.tags.get(registry.AS_OF_TAG, "")
    if known > str(day.date()):
        raise InputError(
            f"--as-of {day.date()}: the champion ({served.name} version {served.version}) was fitted on what was known "
            f"on {known} "
            "and would be told its own answers; use a later day, or --fit for a model of that day."
        )
    return DelayModel.load(served.folder), f"{served.name} version {served.version}, fitted on {known}"


def _fitted(prepared: Any, day: Any) -> tuple[DelayModel, str]:
    from training.delay.fit import fit_recipe

    click.echo(f"fitting a delay model on what was known on {day.date()} …", err=True)
    return fit_recipe(
        prepared.ledger, prepared, day, 1, explain=False
    ).model, f"Delay model fitted on {day.date()} for this report"


command.add_command(ageing)
command.add_command(kpi)

"""`tradecredit report`: receivables figures of a ledger on a day. One subcommand a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import waiting
from cli.reports.ageing import ageing
from cli.reports.committee import committee
from cli.reports.country import country
from cli.reports.cover import cover
from cli.reports.kpi import kpi
from cli.reports.liquidity import liquidity
from cli.reports.provisions import provisions
from cli.reports.stress import stress
from cli.reports.terms import terms
from cli.reports.watchlist import watchlist
from cli.reports.worklist import worklist
from cli.reports.writing import checked_out, command_line, finish, opened, report_options
from ledger.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    from decisions.report import Report
    from models.delay.model import DelayModel


@click.group()
def command() -> None:
    """Receivables figures of a ledger on a day, as a table or a file.

    Example: tradecredit report cash build/ledger --as-of 2024-06-30
    """


@command.command()
@report_options
@click.option("--by", type=click.Choice(["week", "month"]), default="week", show_default=True)
@click.option("--periods", type=click.IntRange(1, 53), default=13, show_default=True, help="How many weeks or months.")
@click.option("--fit", is_flag=True, help="Fit a delay model on what was known on the day, in place of the champion.")
@click.option(
    "--paths", type=click.IntRange(100, 100_000), default=1000, show_default=True, help="Simulated paths of the band."
)
def cash(
    ledger: Path, as_of: str, by: str, periods: int, fit: bool, paths: int, out: Path | None, as_json: bool
) -> None:
    """Expected inflow of the open items by week or month, with an 80 % band; plain rules and new invoices apart.

    Example: tradecredit report cash build/ledger --as-of 2024-06-30 --by month --periods 6 --out build/cash.xlsx
    """
    import pandas as pd

    from decisions.cash_forecast import forecast
    from decisions.inflow import month_ends_after, week_ends
    from features.engine.prepared import prepare
    from ledger.currency import reporting_currency

    checked_out(out)
    read, on = opened(ledger, as_of)
    prepared, day = prepare(read), pd.Timestamp(on)
    model, whose = delay_model(prepared, day, fit=fit)
    ends, names = week_ends(day, periods) if by == "week" else month_ends_after(day, periods)
    with waiting("simulating the inflow"):
        expected = forecast(prepared, model, day, ends, paths=paths)
    frame = expected.periods.drop(columns="days")
    frame.insert(0, f"{by}_to", names)
    facts = {
        "open_items": expected.open_items, "open_amount": round(expected.open_amount, 2),
        "expected_later_or_never": round(expected.later, 2), "model": whose,
    }  # fmt: skip
    finish(
        _cash_report(frame, facts, by, read, on, reporting_currency(read), command_line(
            "report", "cash", ledger, as_of=on, by=by, periods=periods, fit=fit, paths=paths)),
        out=out, as_json=as_json,
    )  # fmt: skip


def _cash_report(
    frame: Any, facts: dict[str, Any], by: str, ledger: Any, on: date, currency: str | None, command: str
) -> Report:
    """Return the forecast as a report: one row a period, and a chart of the expected inflow with its band."""
    from decisions.report import Chart, Report, Table, money, text

    labels = ["expected", "80 % from", "to", "by due date", "by customer's mean", "new invoices"]
    amounts = [
        money(name, label, is_summed=label not in ("80 % from", "to"))
        for name, label in zip(frame.columns[1:], labels, strict=True)
    ]
    drawn = {
        label: [float(v) for v in frame[name]] for name, label in zip(frame.columns[1:], labels, strict=True)
    }  # fmt: skip
    chart = Chart(
        name="inflow", kind="line", unit=currency or "", categories=[str(v)[:10] for v in frame[f"{by}_to"]],
        title=f"Expected inflow by {by}", series={k: drawn[k] for k in labels[:4]},
    )  # fmt: skip
    table = Table(name="periods", title=f"Expected inflow by {by}",
                  columns=[text(f"{by}_to", f"{by} to"), *amounts], frame=frame)  # fmt: skip
    return Report(
        name="cash", title="Expected cash", as_of=on, known_to=ledger.last_known_on, command=command, currency=currency,
        facts=facts, tables=[table], charts=[chart], notes=[
            "New invoices are not in the other columns: what invoices issued after the day may bring if each customer is "
            "invoiced as in the last 90 days."
        ],
    )  # fmt: skip


def delay_model(prepared: Any, day: Any, *, fit: bool) -> tuple[DelayModel, str]:
    """Return the champion, or with `fit` a model of what was known on `day`, and words about it."""
    return _fitted(prepared, day) if fit else _champion(day)


def _champion(day: Any) -> tuple[DelayModel, str]:
    """Return the served delay model and a sentence about it. Raises InputError where it knows more than the day did."""
    from models import registry
    from models.delay.model import DelayModel

    served = registry.load(registry.Settings.from_environment(), registry.DELAY_MODEL, registry.CHAMPION)
    known = served.tags.get(registry.AS_OF_TAG, "")
    if known > str(day.date()):
        raise InputError(
            f"--as-of {day.date()}: the champion ({served.name} version {served.version}) was fitted on what was known "
            f"on {known} "
            "and would see its own answers; use a later day, or --fit for a model of that day."
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
command.add_command(cover)
command.add_command(committee)
command.add_command(provisions)
command.add_command(worklist)
command.add_command(liquidity)
command.add_command(watchlist)
command.add_command(stress)
command.add_command(terms)
command.add_command(country)

"""`tradecredit report committee`: one page for the credit committee, every table with the command that gives it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import click

from cli.reports.scores import customer_scores, score_option
from cli.reports.writing import checked_out, command_line, finish, language_option, opened, report_options
from ledger.errors import InputError


@click.command()
@report_options
@click.option(
    "--monitor",
    type=click.Path(path_type=Path),
    help="Result of `tradecredit monitor LEDGER --json` [default: the newest in MLflow's experiment monitoring].",
)
@language_option
@click.option("--since", help="The day compared with, YYYY-MM-DD [default: the end of the month before].")
@score_option
@click.option("--scores-before", type=click.Path(path_type=Path), help="PDs of the day compared with, likewise.")
@click.option(
    "--scores-year-ago",
    type=click.Path(path_type=Path),
    help="PDs of a year before, for expected against realised losses, likewise.",
)
def committee(
    ledger: Path, as_of: str, since: str | None, scores: Path | None, scores_before: Path | None, scores_year_ago: Path | None,
    monitor: Path | None, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Portfolio, migration between grades, losses against expectation, limits and breaches, overrides, models, monitor results, policies.

    Example: tradecredit report committee build/ledger --as-of 2024-06-30 --out build/committee.html
    """
    import pandas as pd

    from decisions.monthly.committee import CommitteeScores, committee_report
    from ledger.lgd import lgd_table
    from ledger.settlement import settle
    from models.rating_scale import MASTER_SCALE
    from models.registry import Settings
    from serving.governance import governance

    checked_out(out)
    read, day = opened(ledger, as_of)
    before = _before(since, day)
    year_ago = (pd.Timestamp(day) - pd.DateOffset(years=1)).date()
    settlement = settle(read)
    found = CommitteeScores(
        now=customer_scores(read, day, scores), before=customer_scores(read, before, scores_before),
        year_ago=customer_scores(read, year_ago, scores_year_ago),
    )  # fmt: skip
    definition = found.now.definition
    report = committee_report(
        read, settlement, day, before, found, lgd_table(read, definition, until=day, settlement=settlement, with_interval=False), definition,
        governance(Settings.from_environment(), before, day, monitor=monitor), MASTER_SCALE.names, place=str(ledger),
        command=command_line("report", "committee", ledger, as_of=day, since=before, scores=scores, scores_before=scores_before,
                             scores_year_ago=scores_year_ago, monitor=monitor),
    )  # fmt: skip
    finish(report, out=out, as_json=as_json)


def _before(since: str | None, day: date) -> date:
    if since is None:
        return day.replace(day=1) - timedelta(days=1)
    try:
        before = date.fromisoformat(since)
    except ValueError as unreadable:
        raise InputError(f"--since must be a date like 2024-05-31. Got '{since}' instead.") from unreadable
    if before >= day:
        raise InputError(f"--since must lie before the day of the report, {day}. Got {before} instead.")
    return before

"""`tradecredit report watchlist`: customers whose risk changed, each with what changed in words."""

from __future__ import annotations

from pathlib import Path

import click

from cli.reports.writing import checked_out, command_line, finish, opened, report_options

MONTH_DAYS = 30


@click.command()
@report_options
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of the report.")
@click.option("--policy", default="watch", show_default=True, help="A bundled policy's name, or a TOML file.")
def watchlist(ledger: Path, as_of: str, language: str, policy: str, out: Path | None, as_json: bool) -> None:
    """The customers with the highest early-warning points, what changed of each, and the list's changes within 30 days.

    Example: tradecredit report watchlist build/ledger --as-of 2024-12-31 --out build/watchlist.html
    """
    from datetime import timedelta

    from cli.reports.scored import champions_scorer
    from decisions.early_warning import WatchPolicy
    from decisions.policy_files import read_policy
    from decisions.steering.watchlist import watched, watchlist_report
    from ledger.currency import reporting_currency

    checked_out(out)
    rules = read_policy(WatchPolicy, policy)
    read, on = opened(ledger, as_of)
    scorer, words = champions_scorer(read, on)
    back, month = timedelta(days=rules.back_days), timedelta(days=MONTH_DAYS)
    days = {"now": on, "before": on - back, "month_ago": on - month, "month_ago_before": on - month - back}
    report = watchlist_report(
        read, on, {name: watched(scorer, day) for name, day in days.items()}, rules, model_words=words, language=language,
        command=command_line("report", "watchlist", ledger, as_of=on, policy=policy, language=language), currency=reporting_currency(read),
    )  # fmt: skip
    finish(report, out=out, as_json=as_json, language=language)

"""`tradecredit report country`: exposure by country and currency against ratings, caps and transfer holds."""

from __future__ import annotations

from pathlib import Path

import click

from cli.reports.writing import checked_out, command_line, finish, opened, report_options


@click.command()
@report_options
@click.option("--policy", default="country", show_default=True, help="A bundled file's name, or a TOML file.")
def country(ledger: Path, as_of: str, policy: str, out: Path | None, as_json: bool) -> None:
    """Exposure and limits by country against caps by rating, transfer holds, open amounts by currency. Exit 1 on a breach.

    Example: tradecredit report country build/ledger --as-of 2024-12-31 --policy my_countries.toml
    """
    from decisions.country_risk import CountryPolicy
    from decisions.policy_files import read_policy
    from decisions.steering.country import country_report

    checked_out(out)
    own = read_policy(CountryPolicy, policy)
    read, on = opened(ledger, as_of)
    finish(
        country_report(read, on, own, command=command_line("report", "country", ledger, as_of=on, policy=policy)),
        out=out,
        as_json=as_json,
    )

"""`tradecredit report liquidity`: whether the cash lasts, what decides it, what a discount or factoring would do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.reports.writing import checked_out, command_line, finish, opened, report_options

if TYPE_CHECKING:
    from decisions.liquidity import LiquidityPlan


@click.command()
@report_options
@click.option(
    "--plan",
    default="liquidity",
    show_default=True,
    help="The cash plan: a TOML file (see decisions/policies/liquidity.toml).",
)
@click.option(
    "--outflows",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A CSV with on, amount, what; in place of the plan's.",
)
@click.option("--opening", type=float, help="Opening cash, in place of the plan's.")
@click.option("--line", type=click.FloatRange(min=0), help="Credit line, in place of the plan's.")
@click.option("--weeks", type=click.IntRange(1, 53), default=13, show_default=True)
@click.option("--paths", type=click.IntRange(200, 100_000), default=2000, show_default=True, help="Simulated paths.")
@click.option("--fit", is_flag=True, help="Fit a delay model on what was known on the day, in place of the champion.")
def liquidity(
    ledger: Path, as_of: str, plan: str, outflows: Path | None, opening: float | None, line: float | None, weeks: int, paths: int,
    fit: bool, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """P(shortfall) by week from the cash forecast, an outflow plan, opening cash and a credit line.

    Example: tradecredit report liquidity build/ledger --outflows plan.csv --opening 50000 --line 100000 --out build/cash.html
    """
    import pandas as pd

    from cli.report import delay_model
    from decisions.inflow import week_ends
    from decisions.steering.liquidity import liquidity_report, open_book
    from features.engine.prepared import prepare

    checked_out(out)
    own = plan_of(plan, outflows, opening, line)
    read, on = opened(ledger, as_of)
    prepared, day = prepare(read), pd.Timestamp(on)
    model, words = delay_model(prepared, day, fit=fit)
    ends, names = week_ends(day, weeks)
    command = command_line(
        "report",
        "liquidity",
        ledger,
        as_of=on,
        plan=plan,
        outflows=outflows,
        opening=opening,
        line=line,
        weeks=weeks,
        paths=paths,
        fit=fit,
    )
    book = open_book(prepared, model, day, ends, paths=paths)
    finish(
        liquidity_report(prepared, book, day, own, names, model_words=words, command=command), out=out, as_json=as_json
    )


def plan_of(plan: str, outflows: Path | None, opening: float | None, line: float | None) -> LiquidityPlan:
    """Return the cash plan of the options: the file, with outflows, opening cash and line replaced where they are given."""
    import pandas as pd

    from decisions.liquidity import LiquidityPlan, outflows_of
    from decisions.policy_files import read_policy

    changes: dict[str, object] = {}
    if outflows is not None:
        changes["outflows"] = outflows_of(pd.read_csv(outflows))
    if opening is not None:
        changes["opening_cash"] = opening
    if line is not None:
        changes["credit_line"] = line
    return read_policy(LiquidityPlan, plan).model_copy(update=changes)

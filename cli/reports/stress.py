"""`tradecredit report stress`: contingency drills, the plan of action, the drill log, reverse stress."""

from __future__ import annotations

from pathlib import Path

import click

from cli.reports.writing import checked_out, command_line, finish, opened, report_options


@click.command()
@report_options
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of the report.")
@click.option(
    "--scenarios", default="stress", show_default=True, help="A bundled file's name, or a TOML file of scenarios."
)
@click.option("--only", help="Drill this scenario alone.")
@click.option("--severity", type=click.FloatRange(min=0), default=1.0, show_default=True)
@click.option("--plan", default="liquidity", show_default=True, help="The cash plan: a TOML file.")
@click.option(
    "--outflows", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A CSV with on, amount, what."
)
@click.option("--opening", type=float, help="Opening cash, in place of the plan's.")
@click.option("--line", type=click.FloatRange(min=0), help="Credit line, in place of the plan's.")
@click.option("--weeks", type=click.IntRange(1, 53), default=13, show_default=True)
@click.option(
    "--log",
    type=click.Path(path_type=Path),
    help="Append the drill to this log, after comparing with the last one in it.",
)
def stress(
    ledger: Path, as_of: str, language: str, scenarios: str, only: str | None, severity: float, plan: str, outflows: Path | None, opening: float | None,
    line: float | None, weeks: int, log: Path | None, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """What each scenario does to expected loss, allowance, cash and limits; the plan; what would exhaust the line.

    Example: tradecredit report stress build/ledger --outflows plan.csv --opening 50000 --line 100000 --log build/drills.jsonl
    """
    from datetime import UTC, datetime

    import pandas as pd

    from cli.reports.liquidity import plan_of
    from cli.reports.scored import champions_scorer
    from decisions.drill_log import drill_of, drills_of, lines_for
    from decisions.inflow import week_ends
    from decisions.policy_files import read_policy
    from decisions.steering.stress import stress_book, stress_report
    from decisions.stress import StressPolicy
    from ledger.currency import reporting_currency

    checked_out(out)
    policy, own = read_policy(StressPolicy, scenarios), plan_of(plan, outflows, opening, line)
    lines = log.read_text(encoding="utf-8").splitlines() if log is not None and log.exists() else []
    past = drills_of(lines)
    read, on = opened(ledger, as_of)
    scorer, words = champions_scorer(read, on)
    ends, names = week_ends(pd.Timestamp(on), weeks)
    command = command_line(
        "report", "stress", ledger, as_of=on, scenarios=scenarios, only=only, severity=severity, plan=plan, outflows=outflows,
        opening=opening, line=line, weeks=weeks,
    )  # fmt: skip
    report, outcomes = stress_report(
        stress_book(scorer, on, own, ends), policy, read, on, severity=severity, only=only, past=past, weeks=names,
        currency=reporting_currency(read), command=command, model_words=words, language=language,
    )  # fmt: skip
    if log is not None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        drills = [
            drill_of(o, as_of=str(on), policy=f"{policy.name} {policy.version}", drilled_at=now) for o in outcomes[1:]
        ]
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.writelines(f"{text}\n" for text in lines_for(drills, lines))
    finish(report, out=out, as_json=as_json, language=language)

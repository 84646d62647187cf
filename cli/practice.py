"""`tradecredit practice`: decide cases of an earlier day, then see what came; and what real overrides came to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli.output import json_option, print_json, table
from ledger.errors import InputError


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path), required=False)
@click.option("--cases", default=20, show_default=True, type=click.IntRange(1, 200))
@click.option("--seed", default=1, show_default=True, help="Which customers are drawn.")
@click.option("--limits", help="Your limits, by commas, in place of being asked case by case.")
@click.option(
    "--overrides", is_flag=True, help="In place of practice: the later outcomes of overrides in the decision log."
)
@json_option
def command(
    ledger: Path | None, cases: int, seed: int, limits: str | None, overrides: bool, as_json: bool
) -> None:  # fmt: skip
    """Practise limits on LEDGER (TRADECREDIT_LEDGER where none is given), whose outcomes are known.

    Each case shows what was known on an earlier day. Your limits are then held against the policy's and the model's, by
    what each has cost: the loss given default of what a defaulter used, the margin of sales that a limit did not serve.

    Example: tradecredit practice build/ledger --cases 5 --limits 5000,0,12000,800,0
    """
    from decisions.practice import practice_cases, totals
    from decisions.scorer import Scorer
    from decisions.scoring_ledger import ScoringLedger
    from models import registry

    settings = registry.Settings.from_environment()
    if overrides:
        _overrides(settings, ledger or settings.ledger, as_json)
        return
    served = ScoringLedger.read(ledger or settings.ledger)
    models = (registry.load(settings, name) for name in (registry.DEFAULT_MODEL, registry.DELAY_MODEL))
    drawn = practice_cases(Scorer.of(served, *models), count=cases, seed=seed)
    given = _given(limits, len(drawn)) if limits is not None else [_asked(k, case) for k, case in enumerate(drawn, 1)]
    costs = totals(drawn, given)
    rows = [
        {
            "customer_id": c.customer_id, "as_of": c.as_of.isoformat(), "need": round(c.need, 2), "grade": c.grade,
            "pd": c.pd, "your_limit": limit, "policy_limit": c.policy_limit, "model_limit": round(c.model_limit, 2),
            "defaulted_on": None if c.defaulted_on is None else c.defaulted_on.isoformat(), "your_cost": round(c.cost(limit), 2),
            "policy_cost": round(c.cost(c.policy_limit), 2),
        }
        for c, limit in zip(drawn, given, strict=True)
    ]  # fmt: skip
    if as_json:
        print_json({"cases": rows, "cost": costs, "currency": served.currency})
        return
    names = ("customer_id", "need", "grade", "your_limit", "policy_limit", "defaulted_on", "your_cost", "policy_cost")
    click.echo(table([[_text(row[name]) for name in names] for row in rows], names))
    click.echo(f"\ncost in {served.currency}: you {costs['you']:,.0f}, policy {costs['policy']:,.0f}, "
               f"model alone {costs['model']:,.0f}")  # fmt: skip
    click.echo("The model has seen these months in its training: its own result here flatters it.")


def _text(value: Any) -> str:
    return "-" if value is None else f"{value:,.0f}" if isinstance(value, float) else str(value)


def _given(limits: str, count: int) -> list[float]:
    try:
        found = [float(part) for part in limits.split(",")]
    except ValueError:
        raise InputError(f"--limits must be numbers by commas, e.g. 5000,0,12000. Got {limits!r} instead.") from None
    if len(found) != count or min(found) < 0:
        raise InputError(f"--limits must be {count} numbers at or above 0, one a case. Got {len(found)} instead.")
    return found


def _asked(number: int, case: Any) -> float:
    click.echo(
        f"\n{number}. {case.customer_id} on {case.as_of}: sales of 12 months {case.sales:,.0f}, needs {case.need:,.0f}, "
        f"grade {case.grade}, PD {100 * case.pd:.2f} %"
    )
    return float(click.prompt("   your limit", type=click.FloatRange(min=0)))


def _overrides(settings: Any, ledger: Path, as_json: bool) -> None:
    """Print how customers fared after decisions that were not the recommendation."""
    from decisions.practice import outcome_after
    from decisions.scoring_ledger import ScoringLedger
    from ledger.default_status import PRIMARY
    from serving.book import of_kinds, recent
    from serving.decision_log import DecisionLog

    log = DecisionLog.existing(settings.store)
    served = ScoringLedger.read(ledger)
    rows = []
    for record in recent(log, of_kinds("decide")):
        answer = record["answer"]
        if answer["status"] == "decided" and answer["is_override"]:
            outcome = outcome_after(served, answer["customer_id"], answer["as_of"], PRIMARY)
            rows.append({
                "customer_id": answer["customer_id"], "as_of": answer["as_of"], "by": answer["by"], "action": answer["action"],
                "limit": answer["limit"], "recommended": answer["recommended"]["action"],
                "recommended_limit": answer["recommended"]["limit"], "outcome": outcome,
            })  # fmt: skip
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("no override in the decision log")
        return
    names = list(rows[0])
    click.echo(table([[_text(row[name]) for name in names] for row in rows], names))
    known = [row for row in rows if row["outcome"] != "not known yet"]
    bad = sum(str(row["outcome"]).startswith("default") for row in known)
    click.echo(f"\n{len(rows)} overrides, {len(known)} with a known year after, {bad} of them defaulted")

"""`tradecredit promote`: the explicit step that makes a registered candidate the served champion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.acting import acting_person
from cli.output import json_option, print_json

if TYPE_CHECKING:
    from training.lifecycle.promotion import Outcome


@click.command()
@click.argument("model", type=click.Choice(["default", "delay", "all"]), default="all")
@click.option("--version", default="newest", show_default=True, help="The registered version's number.")
@click.option("--why", default="", help="The reason; it is written into the journal.")
@click.option(
    "--gates",
    "gates_file",
    type=click.Path(path_type=Path),
    help="Another gates file (models/gates.toml is the one used without).",
)
@click.option(
    "--override",
    default=None,
    help="Promote although a gate refuses, for this reason. Another person must confirm it by the same command.",
)
@click.option("--check", "only_check", is_flag=True, help="Run the gates and promote nothing.")
@click.option(
    "--by",
    default=None,
    help="Who runs this command (account, or subject of the key in TRADECREDIT_KEY); any other name is refused.",
)
@json_option
def command(
    model: str, version: str, why: str, gates_file: Path | None, override: str | None, only_check: bool, by: str | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Make a registered version of MODEL the champion if every gate passes; exit 1 with the reasons if one refuses.

    Gates: evidence, discrimination, calibration (level, slope, by grade), coverage, stability of the score, monotonicity,
    additivity, segments, latency, and the present champion on the same rows.

    Example: tradecredit promote default --version 3 --why "year-end retraining"
    """
    from models import registry
    from training.lifecycle import promotion
    from training.lifecycle.gates_file import read_gates

    person, gates = acting_person(by), read_gates(gates_file)
    settings = registry.Settings.from_environment()
    outcomes = []
    for kind in registry.NAMES if model == "all" else (model,):
        name = registry.NAMES[kind]
        number = registry.newest(settings, name) if version == "newest" else version
        if only_check:
            _, report = promotion.evaluate(settings, name, number, gates, by=person)
            outcomes.append(promotion.Outcome(model=name, version=number, served=None, report=report))
        else:
            outcomes.append(promotion.promote(settings, name, number, gates, by=person, why=why, override=override))
    if as_json:
        print_json([_as_json(outcome) for outcome in outcomes])
    else:
        for outcome in outcomes:
            print_outcome(outcome, only_check=only_check)
    done = all(o.report.is_passed if only_check else o.served is not None for o in outcomes)
    if not done:
        raise SystemExit(1)


def _as_json(outcome: Outcome) -> dict[str, object]:
    served = outcome.served
    return {
        "model": outcome.model, "version": outcome.version, "is_promoted": served is not None,
        "waits_for_second_person": outcome.waits_for_second_person, "gates": outcome.report.to_json(),
        **({} if served is None else {
            "digest": served.digest, "promoted_at": served.promoted_at, "promoted_by": served.promoted_by}),
    }  # fmt: skip


def print_outcome(outcome: Outcome, *, only_check: bool = False, indent: str = "") -> None:
    """Print every gate of a promotion with its figures, and what became of it."""
    report, served = outcome.report, outcome.served
    marks = [("note" if c.is_note else "pass" if c.is_passed else "REFUSED", c.gate, c.text) for c in report.checks]
    click.echo(f"\n{indent}{outcome.model} version {outcome.version}, gates {report.gates} {report.version}")
    width = max(len(gate) for _, gate, _ in marks)
    for mark, gate, text in marks:
        click.echo(f"{indent}  {mark:7}  {gate:{width}}  {text}")
    if served is not None:
        click.echo(
            f"{indent}{served.name} version {served.version} is champion since {served.promoted_at} by {served.promoted_by}"
        )
    elif outcome.waits_for_second_person:
        click.echo(
            "override requested and recorded; it takes effect when another person runs the same command with --override."
        )
    elif not only_check:
        click.echo(
            f"refused: {len(report.reasons)} of {len(marks)} gates. The champion is what it was; the refusal is in the journal."
        )

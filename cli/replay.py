"""`tradecredit replay`: a past answer again, from what was logged."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cli.output import json_option, print_json, table


@click.command()
@click.argument("decision_id")
@click.option("--ledger", type=click.Path(path_type=Path), help="The ledger of then [default: TRADECREDIT_LEDGER].")
@json_option
def command(decision_id: str, ledger: Path | None, as_json: bool) -> None:
    """Compute the answer DECISION_ID again with the model versions of then, and compare every number.

    From the inputs that were logged, and from the ledger too where it is still the same. Exit code 1 where a number
    differs.

    Example: tradecredit replay 2f0c…e1
    """
    from decisions.scoring_ledger import ScoringLedger
    from models.registry import Settings
    from serving.decision_log import DecisionLog
    from serving.replay import replay
    from serving.sent_rows import SentRows, ledger_of_then

    settings = Settings.from_environment()
    log = DecisionLog.existing(settings.store)
    record = log.read(decision_id)
    folder = ledger or settings.ledger
    served = ScoringLedger.read(folder) if folder.exists() else None
    if served is not None:
        served = ledger_of_then(served, str(record.content.get("ledger_fingerprint", "")), SentRows(log.store))
    found = replay(settings, record, served)
    differing = [c for c in (*found.from_inputs, *(found.from_ledger or ())) if not c.is_same]
    content = record.content
    summary = {
        "decision_id": decision_id, "kind": content["kind"], "decided_at": content["decided_at"],
        "from_inputs": f"{len(found.from_inputs)} numbers",
        "from_ledger": found.why_not_ledger if found.from_ledger is None else f"{len(found.from_ledger)} fields",
        "same": found.is_same,
    }  # fmt: skip
    if as_json:
        print_json(summary | {"different": [{"name": c.name, "logged": c.logged, "again": c.again} for c in differing]})
    else:
        click.echo(
            f"decision {decision_id}: {content['kind']} of {content['decided_at']}, as of {content['answer']['as_of']}"
        )
        for name, model in content["models"].items():
            click.echo(f"  {name} version {model['version']}, digest {model['digest'][:16]}")
        click.echo(f"  from the logged inputs: {summary['from_inputs']} computed again by the models")
        click.echo(f"  from the ledger: {summary['from_ledger']}")
        if differing:
            click.echo(table([(c.name, c.logged, c.again) for c in differing], ["different", "logged", "again"]))
        click.echo("the same, every one of them" if found.is_same else f"{len(differing)} differ")
    sys.exit(0 if found.is_same else 1)

"""`tradecredit journal`: every record of the promotion journal, and whether its chain holds."""

from __future__ import annotations

import click

from cli.output import json_option, print_json, table


@click.command()
@click.option("--model", type=click.Choice(["default", "delay", "all"]), default="all", show_default=True)
@json_option
def command(model: str, as_json: bool) -> None:
    """Print who trained, promoted and rolled back which version, when and why; exit 1 where the chain does not hold.

    Aliases that were moved in MLflow's own pages are noticed here too, and recorded as such.

    Example: tradecredit journal --model default
    """
    from dataclasses import asdict

    from models import journal, registry

    settings = registry.Settings.from_environment()
    for name in registry.NAMES.values():
        journal.notice(settings, name)
    log = journal.Journal.of(settings)
    verdict = log.verify()
    entries = log.entries(None if model == "all" else registry.NAMES[model])
    if as_json:
        print_json({
            "records": [asdict(e) | {"at": e.at.isoformat()} for e in entries], "is_whole": verdict.is_whole,
            "head": verdict.head, "broken_at": verdict.broken_at, "why": verdict.why,
        })  # fmt: skip
    else:
        rows = [
            (e.sequence, e.at.isoformat(timespec="seconds"), e.model, e.version, e.action.replace("_", " "),
             e.by or "–", e.trained_by or "–", f"{e.alias_before or '–'} → {e.alias_after or '–'}", e.why or "–")
            for e in entries
        ]  # fmt: skip
        click.echo(table(rows, ["#", "at (UTC)", "model", "version", "action", "by", "trained by", "champion", "why"]))
        click.echo(
            f"{verdict.records} records hold, head {verdict.head[:12]}." if verdict.is_whole
            else f"record {verdict.broken_at} does not hold: {verdict.why}."
        )  # fmt: skip
    if not verdict.is_whole:
        raise SystemExit(1)

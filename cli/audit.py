"""`tradecredit audit verify`: whether the decision log is what was written."""

from __future__ import annotations

import sys

import click

from cli.output import json_option, print_json


@click.group()
def command() -> None:
    """The decision log: its integrity.

    Example: tradecredit audit verify
    """


@command.command()
@click.option("--head", help="A head printed earlier and kept elsewhere: checks that no record was cut off the end.")
@json_option
def verify(head: str | None, as_json: bool) -> None:
    """Recompute every hash of the decision log and every link between records. Exit code 1 where one does not hold.

    Example: tradecredit audit verify --head 9f2c…
    """
    from models.registry import Settings
    from serving.decision_log import DecisionLog

    log = DecisionLog.existing(Settings.from_environment().store)
    verdict = log.verify()
    why = verdict.why if not verdict.is_whole else ""
    if verdict.is_whole and head is not None and not log.has_hash(head):
        why = "no record has the head that was kept: records were cut off the end, or the log is another"
    if as_json:
        print_json(
            {
                "records": verdict.records,
                "head": verdict.head,
                "broken_at": verdict.broken_at,
                "why": why,
                "whole": not why,
            }
        )
    elif why:
        at = f"record {verdict.broken_at}: " if verdict.broken_at else ""
        click.echo(f"the log does not hold: {at}{why}. {verdict.records:,} records before it do.")
    else:
        click.echo(f"{verdict.records:,} records, every one as it was written and chained to the one before.")
        click.echo(f"head {verdict.head}  (keep it elsewhere; verify later with --head)")
    sys.exit(1 if why else 0)

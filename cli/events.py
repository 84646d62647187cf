"""`tradecredit events`: the rows that were sent to the service, as a ledger of their own to train and report on."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import json_option, print_json


@click.group()
def command() -> None:
    """The rows that were sent to the running service.

    Example: tradecredit events export build/ledger --out build/ledger-today
    """


@command.command()
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The folder of the new ledger.")
@json_option
def export(ledger: Path, out: Path, as_json: bool) -> None:
    """Write LEDGER and every row sent to the service since as one ledger: what the service scores from.

    Example: tradecredit events export build/ledger --out build/ledger-today
    """
    from decisions.living_ledger import LivingLedger
    from decisions.scoring_ledger import ScoringLedger
    from ledger.errors import InputError
    from models.settings import Settings
    from serving.sent_rows import SentRows
    from serving.store import Store

    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: holds files already; name a new folder.")
    living = SentRows(Store(Settings.from_environment().store)).applied(LivingLedger.of(ScoringLedger.read(ledger)))
    whole = living.grown.whole()
    whole.write(out)
    if as_json:
        print_json({"out": str(out), "rows_sent": living.position, "data_known_to": living.known_to.isoformat()})
    else:
        click.echo(f"{out}: {living.position:,} rows sent to the service are in it; known to {living.known_to}.")

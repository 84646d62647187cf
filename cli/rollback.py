"""`tradecredit rollback`: make the champion before the present one the champion again."""

from __future__ import annotations

import click

from cli.acting import acting_person
from cli.output import json_option, print_json


@click.command()
@click.argument("model", type=click.Choice(["default", "delay"]))
@click.option("--why", required=True, help="The reason; it is written into the journal.")
@click.option(
    "--to", "version", default=None, help="A version's number (default: the champion before the present one)."
)
@click.option(
    "--by",
    default=None,
    help="Who runs this command (account, or subject of the key in TRADECREDIT_KEY); any other name is refused.",
)
@json_option
def command(model: str, why: str, version: str | None, by: str | None, as_json: bool) -> None:
    """Point the champion alias of MODEL back and record who did it and why. No gates are run: it is a way back.

    Example: tradecredit rollback default --why "expected loss doubled overnight"
    """
    from models import champion_alias, journal, registry

    person = acting_person(by)
    settings = registry.Settings.from_environment()
    name = registry.NAMES[model]
    number = version or champion_alias.before_this(settings, name)
    served = champion_alias.move(settings, name, number, by=person, why=why, action=journal.ROLLED_BACK)
    if as_json:
        print_json(
            {"model": name, "version": served.version, "promoted_at": served.promoted_at, "by": person, "why": why}
        )
        return
    click.echo(f"{name} version {served.version} is champion again since {served.promoted_at}, by {person}: {why}")

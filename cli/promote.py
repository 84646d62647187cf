"""`tradecredit promote`: the explicit step that makes a registered candidate the served champion."""

from __future__ import annotations

import click

from cli.acting import acting_person
from cli.output import json_option, print_json


@click.command()
@click.argument("model", type=click.Choice(["default", "delay", "all"]), default="all")
@click.option("--version", default="newest", show_default=True, help="The registered version's number.")
@click.option("--why", default="", help="The reason; it is written into the journal.")
@click.option("--by", default=None, help="The account that runs this command; any other name is refused.")
@json_option
def command(model: str, version: str, why: str, by: str | None, as_json: bool) -> None:
    """Point the champion alias of MODEL at a version, after its files were checked against their digest.

    Example: tradecredit promote default --version 3 --why "year-end retraining"
    """
    from models import champion_alias, registry

    person = acting_person(by)
    settings = registry.Settings.from_environment()
    promoted = []
    for kind in registry.NAMES if model == "all" else (model,):
        number = registry.newest(settings, registry.NAMES[kind]) if version == "newest" else version
        served = champion_alias.move(settings, registry.NAMES[kind], number, by=person, why=why)
        promoted.append({
            "model": served.name, "version": served.version, "digest": served.digest,
            "promoted_at": served.promoted_at, "promoted_by": served.promoted_by,
        })  # fmt: skip
    if as_json:
        print_json(promoted)
        return
    for one in promoted:
        click.echo(
            f"{one['model']} version {one['version']} is champion since {one['promoted_at']} by {one['promoted_by']}"
        )

"""`tradecredit promote`: the explicit step that makes a registered candidate the served champion."""

from __future__ import annotations

import click

from cli.output import json_option, print_json


@click.command()
@click.argument("model", type=click.Choice(["default", "delay", "all"]), default="all")
@click.option("--version", default="newest", show_default=True, help="The registered version's number.")
@click.option("--by", default=None, help="Who promotes (default: the user name of this session).")
@json_option
def command(model: str, version: str, by: str | None, as_json: bool) -> None:
    """Point the champion alias of MODEL at a version, after its files were checked against their digest.

    Example: tradecredit promote default --version 3 --by "A. Analyst"
    """
    from models import registry

    settings = registry.Settings.from_environment()
    names = {"default": registry.DEFAULT_MODEL, "delay": registry.DELAY_MODEL}
    promoted = []
    for kind in names if model == "all" else (model,):
        number = registry.newest(settings, names[kind]) if version == "newest" else version
        served = registry.promote(settings, names[kind], number, by=by)
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

"""`tradecredit openapi`: the document that the service serves."""

from __future__ import annotations

import json

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The same: the document is JSON.")
def command(as_json: bool) -> None:
    """Print the service's OpenAPI document, as GET /openapi.json gives it.

    Example: tradecredit openapi > openapi.json
    """
    from serving.openapi import document

    click.echo(json.dumps(document(), ensure_ascii=False, indent=2))

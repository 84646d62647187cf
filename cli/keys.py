"""`tradecredit keys`: who may ask and decide; keys are shown once and kept as hashes."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from cli.output import json_option, print_json, table

if TYPE_CHECKING:
    from serving.identity import Key, Keys

SCOPES = ("score", "explain", "review", "decide", "events", "admin")


@click.group()
def command() -> None:
    """Make, list, rotate and end the API keys of the service.

    Example: tradecredit keys create --subject "ann@example.com" --scope review --scope decide --days 90
    """


@command.command()
@click.option("--subject", required=True, help="The person or system that acts with the key.")
@click.option(
    "--scope", "scopes", required=True, multiple=True, type=click.Choice(SCOPES), help="What it may do; repeat it."
)
@click.option("--days", type=float, help="Days until it expires [default: never].")
@json_option
def create(subject: str, scopes: tuple[str, ...], days: float | None, as_json: bool) -> None:
    """Make a key and print it: it is shown this once only.

    Example: tradecredit keys create --subject erp --scope score --scope events --days 365
    """
    secret, key = _keys().create(subject, scopes, days=days)
    _show(secret, key, as_json)


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List every key that was ever made, without its secret.

    Example: tradecredit keys list
    """
    found, now = _keys().all(), datetime.now(UTC)
    if as_json:
        print_json([{**dataclasses.asdict(key), "state": key.state(now)} for key in found])
    elif not found:
        click.echo("no keys: the service answers this machine only, and checks nobody.")
    else:
        rows = [
            (k.key_id, k.subject, " ".join(k.scopes), k.state(now), (k.expires_at or "never")[:10], k.created_at[:10])
            for k in found
        ]
        click.echo(table(rows, ["key", "subject", "scopes", "state", "expires", "made"]))


@command.command()
@click.argument("key_id")
@json_option
def revoke(key_id: str, as_json: bool) -> None:
    """End a key now. A running service knows it two seconds later.

    Example: tradecredit keys revoke 3f0c12ab90de
    """
    key = _keys().revoke(key_id)
    if as_json:
        print_json(dataclasses.asdict(key))
    else:
        click.echo(f"{key.key_id} of {key.subject} is revoked.")


@command.command()
@click.argument("key_id")
@click.option("--overlap-hours", default=24.0, show_default=True, help="Hours for which the first key stays valid.")
@click.option("--days", type=float, help="Days until the new one expires [default: when the first one does].")
@json_option
def rotate(key_id: str, overlap_hours: float, days: float | None, as_json: bool) -> None:
    """Make a second key of the same subject, scopes and expiry; the first one ends after the overlap.

    Example: tradecredit keys rotate 3f0c12ab90de --overlap-hours 48
    """
    secret, key = _keys().rotate(key_id, overlap_hours=overlap_hours, days=days)
    _show(secret, key, as_json)


def _keys() -> Keys:
    from models.settings import Settings
    from serving.identity import Keys
    from serving.store import Store

    return Keys(Store(Settings.from_environment().store))


def _show(secret: str, key: Key, as_json: bool) -> None:
    if as_json:
        print_json({"key": secret, **dataclasses.asdict(key)})
    else:
        click.echo(secret)
        click.echo(
            f"key {key.key_id} of {key.subject}, scopes {' '.join(key.scopes)}, expires {(key.expires_at or 'never')[:10]}. "
            "It is not shown again.",
            err=True,
        )

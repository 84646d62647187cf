"""`tradecredit served-at`: which model versions were champion at an instant."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import click

from cli.output import json_option, print_json
from ledger.errors import InputError


def instant_of(text: str) -> datetime:
    """Return an instant in UTC from ISO text; without an offset it is taken as UTC, a day as its end.

    >>> instant_of("2026-03-01T12:00:00+01:00").isoformat()
    '2026-03-01T11:00:00+00:00'
    """
    try:
        if len(text) == len("2026-03-01"):
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), UTC) - timedelta(
                microseconds=1
            )
        found = datetime.fromisoformat(text)
    except ValueError as unreadable:
        raise InputError(
            f"TIME must be an instant like 2026-03-01T12:00:00+00:00, or a day (its end, UTC). Got '{text}' instead."
        ) from unreadable
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


@click.command()
@click.argument("time")
@click.option("--model", type=click.Choice(["default", "delay", "all"]), default="all", show_default=True)
@json_option
def command(time: str, model: str, as_json: bool) -> None:
    """Print which version of each model was champion at TIME, since when, by whom and why, from the promotion journal.

    TIME is an instant like 2026-03-01T12:00:00+00:00 (UTC where it has no offset), or a day, which means its end.
    Exit 1 where no model was champion then, or the journal does not hold.

    Example: tradecredit served-at 2026-03-01T12:00:00+00:00
    """
    from models import journal, registry

    at = instant_of(time)
    settings = registry.Settings.from_environment()
    log = journal.Journal.of(settings)
    verdict = log.verify()
    names = list(registry.NAMES.values()) if model == "all" else [registry.NAMES[model]]
    champions = [journal.served_at(log, name, at) for name in names]
    if as_json:
        print_json({
            "at": at.isoformat(), "journal_is_whole": verdict.is_whole,
            "models": [
                {"model": c.model, "version": c.version, **({} if c.since is None else {
                    "since": c.since.at.isoformat(), "action": c.since.action, "by": c.since.by, "why": c.since.why,
                    "trained_by": c.since.trained_by, "digest": c.since.digest, "run_id": c.since.run_id,
                    "not_before": c.since.not_before})}
                for c in champions
            ],
        })  # fmt: skip
    else:
        for c in champions:
            click.echo(_line(c))
        if not verdict.is_whole:
            click.echo(f"the journal does not hold: record {verdict.broken_at}: {verdict.why}", err=True)
    if not verdict.is_whole or all(c.version is None for c in champions):
        raise SystemExit(1)


def _line(champion: object) -> str:
    from models.journal import MOVED_BY_HAND, Champion

    assert isinstance(champion, Champion)
    since = champion.since
    if champion.version is None or since is None:
        return f"{champion.model}: no champion then"
    head = f"{champion.model}: version {champion.version}, digest {since.digest[:12] or 'not the registered one'}"
    if since.action == MOVED_BY_HAND:
        earliest = f", changed after {since.not_before}" if since.not_before else ""
        return f"{head}; moved by hand, noticed at {since.at.isoformat(timespec='seconds')}{earliest}"
    why = f": {since.why}" if since.why else ""
    trained = f"; trained by {since.trained_by}" if since.trained_by else ""
    return f"{head}; {since.action.replace('_', ' ')} at {since.at.isoformat(timespec='seconds')} by {since.by}{why}{trained}"

"""`tradecredit monitor`: compare a ledger with its own past, and the champions' predictions with what came."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import pandas as pd

from cli.output import json_option, print_json
from cli.train import as_of_day

if TYPE_CHECKING:
    from models.registry import Settings
    from training.lifecycle.monitor_report import MonitorReport

TRAINED = "trained"
DECISION_DAYS = 30


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option(
    "--as-of", "as_of", default="latest", show_default=True, help="The day looked at, YYYY-MM-DD, or 'latest'."
)
@click.option(
    "--reference", default=TRAINED, show_default=True,
    help="The day that the champion's inputs are compared with; 'trained': the day that it learned from.",
)  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help="Also write the page with pictures to this .html file.")
@click.option(
    "--log/--no-log",
    "to_mlflow",
    default=True,
    show_default=True,
    help="Log the figures to MLflow's experiment monitoring.",
)
@json_option
def command(ledger: Path, as_of: str, reference: str, out: Path | None, to_mlflow: bool, as_json: bool) -> None:
    """Compare LEDGER on a day with its own past, and the champions' predictions with outcomes; exit 1 on an alarm only.

    Looks at feed volumes, invoice data, ratings, lateness, the champion's scores, expected loss, matured outcomes and delay
    errors. An alarm is larger than chance in the ledger's own past and large in effect; its most likely cause comes first.

    Example: tradecredit monitor build/ledger --as-of 2024-12-31 --out build/monitor.html
    """
    from ledger.ledger import read_ledger
    from models import registry
    from models.pyfunc import load_model
    from training.lifecycle import monitor_log
    from training.lifecycle.monitor_report import Champion, monitor

    settings = registry.Settings.from_environment()
    tables = read_ledger(ledger)
    day = pd.Timestamp(as_of_day(as_of, tables.last_known_on))
    champions: dict[str, Champion] = {}
    missing: registry.NoModel | None = None
    for kind, name in registry.NAMES.items():
        try:
            served = registry.load(settings, name)
        except registry.NoModel as absent:
            left_out = "scores, inputs and defaults" if kind == "default" else "delay errors"
            click.echo(f"no champion of {name}: {left_out} are left out.", err=True)
            missing = absent
            continue
        trained = pd.Timestamp(served.tags[registry.AS_OF_TAG])
        champions[kind] = Champion(model=load_model(served.folder), version=served.version, trained_on=trained)
    if missing is not None and not champions:
        raise missing
    before = None if reference == TRAINED else pd.Timestamp(as_of_day(reference, tables.last_known_on))
    report = monitor(
        tables,
        day,
        champions.get("default"),
        champions.get("delay"),
        reference=before,
        decisions=decision_counts(settings),
    )
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(report.to_html(), encoding="utf-8")
    if to_mlflow:
        kind = "default" if "default" in champions else "delay"
        version = champions[kind].version
        monitor_log.log(
            settings, tables, report, place=str(ledger), version=version if kind == "default" else f"delay {version}",
            trained_on=champions[kind].trained_on,
        )  # fmt: skip
    if as_json:
        print_json(report.to_json())
    else:
        _print(report, out)
    if report.alarms:
        raise SystemExit(1)


def _print(report: MonitorReport, out: Path | None) -> None:
    click.echo(
        f"{report.as_of}: {report.customers:,} customers, {len(report.alarms)} alarms, {len(report.notes)} notes"
    )
    for title, texts in (("ALARM", report.alarms), ("note", report.notes)):
        for text in texts:
            click.echo(f"  {title:5}  {text}")
    click.echo("matured outcomes")
    for rung in report.rungs:
        click.echo(f"         {rung.text}")
    if report.delay is not None:
        click.echo(f"         {report.delay.text}")
    if out is not None:
        click.echo(f"written: {out}")


def decision_counts(settings: Settings) -> dict[str, int]:
    """Return how many records of each kind the decision log holds of the last 30 days; {} where there is no log."""
    from datetime import UTC, datetime, timedelta

    from ledger.errors import InputError
    from serving.decision_log import DecisionLog

    try:
        log = DecisionLog.existing(settings.store)
    except InputError:  # nothing was served from here yet
        return {}
    try:
        return log.counts_since((datetime.now(UTC) - timedelta(days=DECISION_DAYS)).isoformat())
    finally:
        log.close()

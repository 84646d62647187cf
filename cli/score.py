"""`tradecredit score`: score a whole ledger offline, with the same scorer as the service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pandas as pd

from cli.ledger_reading import quarantine_option, read
from cli.output import json_option, print_json, progress, table, waiting
from cli.train import as_of_day
from ledger.errors import InputError

if TYPE_CHECKING:
    from models.registry import Served, Settings


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option("--as-of", "as_of", required=True, help="The as-of date, YYYY-MM-DD, or 'latest'.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A .parquet or .csv file, one row a customer."
)
@click.option(
    "--explain", "with_reasons", is_flag=True, help="Add every contribution in log-odds and the reasons (en, zh)."
)
@quarantine_option
@json_option
def command(ledger: Path, as_of: str, out: Path, with_reasons: bool, quarantine: bool, as_json: bool) -> None:
    """Score every customer of LEDGER on a day with the registry's champions; the numbers equal the service's.

    Example: tradecredit score build/ledger --as-of 2024-06-30 --out build/scores.parquet --explain
    """
    from decisions.scorer import NO_HISTORY, Scorer
    from decisions.scoring_ledger import ScoringLedger
    from decisions.whole_ledger import AT_ONCE, count_parts, scored_parts
    from models import registry

    if out.suffix not in (".parquet", ".csv"):
        raise InputError(f"--out must end in .parquet or .csv. Got '{out.name}' instead.")
    settings = registry.Settings.from_environment()
    default, delay = (_champion(settings, name) for name in (registry.DEFAULT_MODEL, registry.DELAY_MODEL))
    if default is None and delay is None:
        registry.load(settings, registry.DEFAULT_MODEL)  # raises NoModel, which says what to do
    with waiting("reading the ledger and loading the models"):
        served = ScoringLedger.of(read(ledger, quarantine=quarantine))
        scorer = Scorer.of(served, default, delay)
    at = as_of_day(as_of, served.data_known_to)
    ids = [str(i) for i in served.ledger.customers["customer_id"]]
    parts = scored_parts([(scorer, ids)], at, with_reasons=with_reasons)
    frame = pd.concat(progress(parts, what=f"customers, by {AT_ONCE:,}", total=count_parts(len(ids))))
    stamps: dict[str, Any] = {
        "as_of": at.isoformat(), "data_known_to": served.data_known_to.isoformat(), "currency": served.currency,
        "model": default and default.name, "model_version": default and default.version,
        "run_id": default and default.run_id, "delay_model_version": delay and delay.version,
    }  # fmt: skip
    frame = frame.assign(**stamps).reset_index()
    out.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(out, index=False) if out.suffix == ".parquet" else frame.to_csv(out, index=False)
    scored = frame["pd"].notna()
    special = {str(kind): int(count) for kind, count in frame["special"].value_counts().items()}
    unscored = {str(kind): int(count) for kind, count in frame["special"][~scored].value_counts().items()}
    result = {
        "out": str(out), "as_of": at.isoformat(), "customers": len(frame), "with_pd": int(scored.sum()),
        "special": special, "without_history": int((scored & (frame["special"] == NO_HISTORY)).sum()),
        "expected_loss": None if default is None else round(float(frame["expected_loss"].sum()), 2), "currency": served.currency,
    }  # fmt: skip
    missing = [name for name, model in (("default", default), ("delay", delay)) if model is None]
    result["no_champion"] = missing
    if as_json:
        print_json(result)
        return
    for name in missing:
        click.echo(f"no {name} model is the champion: its columns are empty.", err=True)
    grades = frame.groupby("grade").agg(customers=("pd", "size"), pd=("pd", "mean"), exposure=("exposure", "sum"))
    rows = [
        (g, f"{n:,.0f}", "–" if pd.isna(p) else f"{100 * p:.2f} %", f"{e:,.2f}")
        for g, n, p, e in grades.itertuples(name=None)
    ]
    click.echo(table(rows, ["grade", "customers", "mean PD", f"exposure {served.currency}"]))
    without = ", ".join(f"{n:,} {kind}" for kind, n in unscored.items()) or "none"
    click.echo(f"{out}: {len(frame):,} customers on {at}; without a PD of the model: {without}.")
    if result["without_history"]:
        click.echo(
            f"{result['without_history']:,} without history have a PD of what is known at application (no_history)."
        )
    if default is not None:
        click.echo(f"expected loss {result['expected_loss']:,.2f} {served.currency}")


def _champion(settings: Settings, name: str) -> Served | None:
    """Return the champion of a model; None where it has none."""
    from models import registry

    try:
        return registry.load(settings, name)
    except registry.NoModel:
        return None

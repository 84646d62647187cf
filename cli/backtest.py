"""`tradecredit backtest`: at each origin fit on what was known then, and score what came after."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cli.output import json_option, print_json, progress, table
from ledger.errors import InputError

FIGURES = {
    "auc_late_5": "AUC >=5",
    "average_precision_late_5": "AP >=5",
    "brier_late_5": "Brier",
    "mae_days": "MAE",
    "within_3_days_share": "within 3",
    "within_3_days_of_likely_share": "of likely",
    "pinball_mean": "pinball",
    "crps_days": "CRPS",
    "coverage_80": "cover 80",
    "coverage_80_levels": "by level",
}
BASELINES = {
    "always on the day": "baseline_on_the_day_",
    "customer's mean": "baseline_customer_mean_",
    "customer's median": "baseline_customer_median_",
    "customer's late rate": "baseline_customer_late_rate_",
    "customer's distribution": "baseline_customer_distribution_",
    "Kaplan-Meier": "baseline_kaplan_meier_",
}


def months_of(step: str) -> int:
    """Return the number of months in a step such as 3M. Raises InputError for anything but a whole number of months."""
    found = re.fullmatch(r"([1-9]\d?)M", step.strip().upper())
    if found is None:
        raise InputError(f"--step must be a number of months like 3M. Got '{step}' instead.")
    return int(found[1])


def day_of(name: str, text: str) -> Any:
    """Return the date of an ISO text. Raises InputError naming the option."""
    import pandas as pd

    try:
        return pd.Timestamp(datetime.strptime(text, "%Y-%m-%d"))
    except ValueError as unreadable:
        raise InputError(f"{name} must be a date like 2024-06-30. Got '{text}' instead.") from unreadable


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option(
    "--from", "first", required=True, help="First day scored; the first model knows what was known the day before."
)
@click.option("--to", "last", required=True, help="Last day scored.")
@click.option("--step", default="3M", show_default=True, help="Months between origins.")
@click.option("--model", type=click.Choice(["default", "delay", "all"]), default="all", show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for invoices.parquet, customers.parquet, metrics.json.",
)
@json_option
def command(ledger: Path, first: str, last: str, step: str, model: str, seed: int, out: Path, as_json: bool) -> None:
    """At each origin fit on what was known then, score what came after, and compare with plain rules.

    Writes invoices.parquet and customers.parquet (predictions with what came of them) and metrics.json to --out, and
    logs them as a run of the MLflow experiment `backtest`.

    Example: tradecredit backtest build/datarisk --from 2019-08-01 --to 2020-01-31 --step 6M --out build/backtest
    """
    from ledger.ledger import read_ledger
    from models.registry import Settings
    from training.evaluation.backtest import backtest
    from training.lifecycle.backtest_log import log_backtest

    months = months_of(step)
    start, end = day_of("--from", first), day_of("--to", last)
    prepared = read_ledger(ledger)
    result = backtest(
        prepared,
        start,
        end,
        step_months=months,
        models=("default", "delay") if model == "all" else (model,),
        seed=seed,
        watch=lambda planned: progress(planned, what="origins", total=len(list(planned))),
    )
    out.mkdir(parents=True, exist_ok=True)
    for name, frame in (("invoices", result.invoices), ("customers", result.customers)):
        if len(frame):
            frame.to_parquet(out / f"{name}.parquet", index=False)
    figures = finite(result.figures)
    (out / "metrics.json").write_text(json.dumps(figures, indent=2, allow_nan=False), encoding="utf-8")
    asked = {"from": first, "to": last, "step": step, "model": model, "seed": seed}
    run_id = log_backtest(Settings.from_environment(), prepared, figures, out, asked, str(ledger))
    if as_json:
        print_json(figures)
        return
    if "delay" in figures:
        print_delay(figures["delay"])
    if "default" in figures:
        print_default(figures["default"])
    click.echo(f"\nwritten: {out}; logged as run {run_id}")


def finite(value: Any) -> Any:
    """Return the figures with null in place of NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, list):
        return [finite(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def print_delay(figures: dict[str, Any]) -> None:
    """One table over all windows, model and plain rules, and one line a window."""
    titles = {
        "known_outcome": "invoices whose outcome is known",
        "mature": "invoices due 30 days before the ledger ends, or earlier",
    }
    for kind, title in titles.items():
        found = figures.get(kind)
        if not found:
            continue
        click.echo(
            f"\nDelay, predicted on the day before issue: {title} "
            f"({found['items']:,.0f} of {found['customers']:,.0f} customers)"
        )
        rows = [["model", *(shown(found.get(f)) for f in FIGURES)]]
        if "auc_late_5_low" in found:
            low_high = [
                f"{found[f'{f}_low']:.3f}-{found[f'{f}_high']:.3f}" if f"{f}_low" in found else "" for f in FIGURES
            ]
            rows.append(["  95 % over customers", *low_high])
        rows += [[name, *(shown(found.get(prefix + f)) for f in FIGURES)] for name, prefix in BASELINES.items()]
        click.echo(table(rows, ["", *FIGURES.values()]))
    if len(figures["windows"]) > 1:
        click.echo("\nEach window, known outcomes")
        rows = [
            [
                f"{w['from']} to {w['to']}",
                f"{w['known_outcome'].get('items', 0):,.0f}",
                *(shown(w["known_outcome"].get(f)) for f in FIGURES),
                shown(w["known_outcome"].get("baseline_customer_median_mae_days")),
            ]
            for w in figures["windows"]
        ]
        click.echo(table(rows, ["", "items", *FIGURES.values(), "median's MAE"]))


def print_default(figures: dict[str, Any]) -> None:
    """The default model's figures and those of days past due, or why there are none."""
    for skipped in figures.get("not_fitted", []):
        click.echo(f"\nno default model on {skipped['origin']}: {skipped['why']}")
    if "auc" in figures:
        click.echo(f"\nDefault: {figures['mature_snapshots']:,} mature snapshots, {figures['defaults']:,} defaults")
        rows = [
            [
                "model",
                shown(figures["auc"]),
                f"{figures['auc_low']:.3f}-{figures['auc_high']:.3f}",
                shown(figures["ks"]),
                shown(figures["brier"]),
            ],
            ["days past due", shown(figures["baseline_days_past_due_auc"]), "", "", ""],
            ["over 30 days past due", shown(figures["baseline_over_30_days_past_due_auc"]), "", "", ""],
        ]
        click.echo(table(rows, ["", "AUC", "95 % over customers", "KS", "Brier"]))
    elif figures.get("snapshots"):
        click.echo(f"\nDefault: {figures['snapshots']:,} snapshots scored; too few mature outcomes for figures.")

"""Log a backtest to MLflow: a run with its headline figures and a nested run per origin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.ledger import Ledger
from models import registry
from models.registry import Settings
from training.lifecycle.headline import HEADLINE
from training.lifecycle.runs import log_ledger_input, started


def log_backtest(
    settings: Settings, ledger: Ledger, figures: Mapping[str, Any], folder: Path, parameters: Mapping[str, Any],
    place: str = "ledger",
) -> str:  # fmt: skip
    """Log a backtest as a run of the experiment `backtest` with a nested run per origin; return the parent's run id.

    figures : nested; a headline figure that is in no list becomes a metric named by its place (`delay.mature.mae_days`);
    the entries of its lists, each with the day `origin`, become a nested run per origin. folder : the files that the backtest wrote, kept as artifacts.
    """
    import mlflow

    store = registry.client(settings)
    span, source = f"{figures['from']} to {figures['to']}", Path(place).name or "ledger"
    tags = {registry.FINGERPRINT_TAG: ledger.fingerprint, "tradecredit.kind": "backtest"}
    whole, origins = _numbers(figures)
    with started(store, settings, "backtest", f"backtest {span} {source}", tags) as run_id:
        mlflow.log_params({"ledger_fingerprint": ledger.fingerprint, **parameters})
        mlflow.log_metrics(_headline_of_backtest(whole))
        log_ledger_input(ledger, place=place, context="evaluation")
        mlflow.log_artifacts(str(folder))
        for name, numbers in origins:
            with started(store, settings, "backtest", name, {"tradecredit.kind": "origin"}, run_id):
                mlflow.log_metrics(_headline_of_backtest(numbers))
    return run_id


def _headline_of_backtest(named: Mapping[str, float]) -> dict[str, float]:
    """Return a backtest's headline metrics; all of them are in its metrics.json."""
    prefixes = {
        "default.": HEADLINE["default"],
        "default.windows.": HEADLINE["default"],
        "delay.mature.": HEADLINE["delay"],
        "delay.windows.mature.": HEADLINE["delay"],
    }
    return {
        name.replace("windows.", ""): value
        for name, value in named.items()
        for prefix, wanted in prefixes.items()
        if name.startswith(prefix) and name.removeprefix(prefix) in wanted
    }


def _numbers(figures: Mapping[str, Any]) -> tuple[dict[str, float], list[tuple[str, dict[str, float]]]]:
    """Return (name -> number outside of lists, per origin in the order of their days its run's name and its name -> number).

    The entries of lists belong to the origin that they name, so that both models' figures of one origin are in one run.
    """
    whole: dict[str, float] = {}
    days: dict[str, dict[str, str]] = {}
    parts: dict[str, dict[str, float]] = {}

    def visit(value: Any, name: str, numbers: dict[str, float]) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                visit(inner, f"{name}.{key}" if name else str(key), numbers)
        elif isinstance(value, list):
            for inner in value:
                origin = str(inner["origin"])
                days.setdefault(origin, {}).update({k: str(inner[k]) for k in ("from", "to") if k in inner})
                visit(inner, name, parts.setdefault(origin, {}))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            numbers[name] = float(value)

    visit(figures, "", whole)
    return whole, [(" ".join(["origin", day, *days[day].values()]), parts[day]) for day in sorted(parts)]

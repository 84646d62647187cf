"""`tradecredit train`: fit, evaluate, log to MLflow, register candidates."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.ledger_reading import quarantine_option, read
from cli.output import json_option, print_json, table
from cli.train_in_parts import fit_of_parts, read_book, refuse_with_parts
from ledger.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from ledger.default_status import DefaultPolicy
    from ledger.ledger import Ledger
    from training.default.ensembles import Shape
    from training.default.partitioned import LedgerParts
    from training.default.stages import Options
    from training.result import Fitted

LATEST = "latest"


def as_of_day(text: str, latest: date, *, days_after: int | None = 0) -> date:
    """Return the day that a user typed: an ISO date, or `latest` for the ledger's last known day.

    days_after : how many days after the last known day are allowed; None: any.
    """
    if text == LATEST:
        return latest
    try:
        day = datetime.strptime(text, "%Y-%m-%d").date()
    except ValueError as unreadable:
        raise InputError(f"--as-of must be a date like 2024-06-30, or 'latest'. Got '{text}' instead.") from unreadable
    if days_after is not None and day > latest + timedelta(days=days_after):
        if days_after:
            raise InputError(
                f"--as-of {day} lies {(day - latest).days} days after the ledger's last known day, {latest}; reports go up to "
                f"{days_after} days beyond it. Load newer bookings, or add --beyond to report what is known all the same."
            )
        raise InputError(f"--as-of {day} lies after the ledger's last known day, {latest}: nothing is known then.")
    return day


@click.command()
@click.argument("ledger", type=click.Path(path_type=Path), required=False)
@click.option("--as-of", default=LATEST, show_default=True, help="The day whose knowledge the models may use.")
@click.option("--model", type=click.Choice(["default", "delay", "all"]), default="all", show_default=True)
@click.option("--sample", is_flag=True, help="Train on the sample ledger, written first where it is not there yet.")
@click.option("--customers", default=3000, show_default=True, help="With --sample.")
@click.option("--months", default=48, show_default=True, help="With --sample.")
@click.option("--seed", default=1, show_default=True, help="Of the sample and of the fits.")
@click.option(
    "--policy",
    default="auto",
    show_default=True,
    help="Default policy by name; auto: primary, or short_history where the ledger is too short for it.",
)
@click.option(
    "--tune",
    default=0,
    show_default=True,
    help="Trials with which Optuna chooses the default model's shape first, in folds that respect time; 0: as it is.",
)
@click.option("--central-tendency", type=float, help="Through the cycle: the long-run default rate that PDs average.")
@click.option("--conservatism", type=float, default=0.0, show_default=True, help="Margin of conservatism, in log-odds.")
@click.option(
    "--without-evidence",
    is_flag=True,
    help="Register a delay model also where nothing could be evaluated out of time; it is tagged without_evidence.",
)
@click.option(
    "--histories",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="With --model default: read the ledger part by part and the matrix from this folder, which tradecredit features "
    "--engine dask or in-turn wrote. The model is the same to the last bit.",
)
@click.option(
    "--sample-goods",
    type=click.FloatRange(0.0, 1.0, min_open=True),
    metavar="SHARE",
    help="With --model default: read the ledger part by part and keep this share of the rows without a default, each with "
    "the weight 1 / SHARE; the draw's seed is --seed.",
)
@quarantine_option
@json_option
def command(
    ledger: Path | None, as_of: str, model: str, sample: bool, customers: int, months: int, seed: int, policy: str,
    tune: int, central_tendency: float | None, conservatism: float, histories: Path | None, sample_goods: float | None,
    quarantine: bool, as_json: bool, without_evidence: bool,
) -> None:  # fmt: skip
    """Fit the models on what LEDGER knew on a day, evaluate them out of time, log to MLflow, register candidates.

    Nothing is served by this: `tradecredit promote` sets the champion.

    Example: tradecredit train build/ledger --as-of 2024-06-30
    """
    import pandas as pd

    from models.registry import FINGERPRINT_TAG, Settings, client
    from training.lifecycle import tracking
    from training.lifecycle.headline import headline
    from training.lifecycle.registering import register
    from training.lifecycle.runs import started

    settings = Settings.from_environment()
    if sample and ledger is None:
        ledger = settings.ledger
        if not ledger.exists():
            from sample.generator import write_sample

            click.echo(f"writing the sample ledger to {ledger} …", err=True)
            write_sample(ledger, customers=customers, months=months, seed=seed)
    if ledger is None:
        raise InputError("a LEDGER is needed, or --sample: tradecredit train build/ledger.")
    book: LedgerParts | None = None
    prepared: Ledger
    if histories is not None or sample_goods is not None:
        refuse_with_parts(model, tune=tune, quarantine=quarantine)
        day, book = read_book(ledger, as_of)
        prepared, truth = book.ledger(), None
    else:
        prepared = read(ledger, quarantine=quarantine)
        day = as_of_day(as_of, prepared.last_known_on)
        truth_file = ledger / "truth.parquet"
        truth = pd.read_parquet(truth_file) if ledger.is_dir() and truth_file.exists() else None
    kinds = ("default", "delay") if model == "all" else (model,)
    store = client(settings)
    tags = {"tradecredit.kind": "train", FINGERPRINT_TAG: prepared.fingerprint}
    with started(store, settings, "train", f"train {day} {ledger.name}", tags) as parent:
        runs = []
        for kind in kinds:
            click.echo(f"training the {kind} model as of {day} …", err=True)
            if kind == "default":
                from training.default.stages import Options

                options = Options(central_tendency=central_tendency, conservatism=conservatism)
                if book is not None:
                    fitted = by_policy(fit_of_parts(book, seed, options, histories, sample_goods), policy)
                else:
                    shape = partial(_tuned, prepared, day, seed, tune, str(ledger), parent) if tune else None
                    fitted = _fit_default(prepared, day, seed, truth, policy, shape, options)
            else:
                from training.delay import fit as delay_fit

                fitted = delay_fit.fit(prepared, as_of=day, seed=seed, without_evidence=without_evidence)
            runs.append(
                tracking.log_run(
                    settings, fitted, kind=kind, ledger=prepared, as_of=day, place=str(ledger), parent=parent
                )
            )
        registered = register(settings, runs)  # all of them or none
    results: dict[str, Any] = {
        kind: {"model": made.name, "version": made.version, "run_id": made.run_id, "metrics": made.metrics}
        for kind, made in zip(kinds, registered, strict=True)
    }
    if as_json:
        print_json({"as_of": day.isoformat(), "ledger_fingerprint": prepared.fingerprint, "models": results})
        return
    for kind, result in results.items():
        click.echo(f"\n{result['model']} version {result['version']} (run {result['run_id']}), not yet served")
        shown = headline(kind, result["metrics"]).items()
        click.echo(table(((k, f"{v:.4f}") for k, v in shown), ["out of time", "value"]))
    click.echo(f"\nnext: tradecredit promote {model}, then tradecredit serve; tradecredit ui shows the runs.")


def _fit_default(
    prepared: Ledger, day: date, seed: int, truth: pd.DataFrame | None, policy: str,
    tuned: Callable[[DefaultPolicy], Shape] | None, options: Options,
) -> Fitted:  # fmt: skip
    """Return the default model under a policy, as `by_policy` chooses it.

    tuned : policy -> the shape to fit with; None: the shape as it is.
    """
    from training.default import fit as default_fit

    def fit(chosen: DefaultPolicy) -> Fitted:
        return default_fit.fit(
            prepared,
            as_of=day,
            policy=chosen,
            seed=seed,
            truth=truth,
            shape=None if tuned is None else tuned(chosen),
            options=options,
            with_challengers=True,
        )

    return by_policy(fit, policy)


def by_policy(fit: Callable[[DefaultPolicy], Fitted], policy: str) -> Fitted:
    """Return the default model under a policy; `auto` prints a line when it takes the policy for short ledgers."""
    from ledger.default_status import PRIMARY, SHORT_HISTORY, policy_named
    from training.default import fit as default_fit

    if policy != "auto":
        return fit(policy_named(policy))
    try:
        return fit(PRIMARY)
    except default_fit.TooShort as short:
        if not short.short_history_helps:
            raise
        click.echo(f"{short}", err=True)
        click.echo(
            f"taking policy {SHORT_HISTORY.name}: {SHORT_HISTORY.days_past_due} days, "
            f"{SHORT_HISTORY.horizon_months} months. The horizon stands in every answer.",
            err=True,
        )
        return fit(SHORT_HISTORY)


def _tuned(
    prepared: Ledger, day: date, seed: int, trials: int, place: str, parent: str, policy: DefaultPolicy
) -> Shape:
    """Return the shape that Optuna finds best on later months; its trials are logged under the training run."""
    from models.registry import Settings
    from training.default import tuning as default_tuning
    from training.default.columns import SELECTED
    from training.default.data import histories
    from training.lifecycle.tuning_log import log_tuning

    best = default_tuning.tune(histories(prepared, day, policy, SELECTED), trials=trials, seed=seed)
    run = log_tuning(Settings.from_environment(), best, seed=seed, as_of=day, place=place, parent=parent)
    click.echo(
        f"tuned in {trials} trials (run {run}): log loss {best.loss:.5f} on later months. These months are among those "
        "that evaluate the model below: read its figures as somewhat optimistic.",
        err=True,
    )
    return best.shape

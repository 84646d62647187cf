"""Time attributions, a whole book scored and explained, and the cash report, on the ledger and the champions of the environment.

    python -m benchmarks.scoring_speed [--customers 3000]

Processor seconds stand beside those of the clock, since a machine that does other work blurs the clock.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from typing import Any, TypeVar

import click
import lightgbm as lgb
import numpy as np
import pandas as pd

from cli.output import table
from decisions.cash_forecast import forecast
from decisions.inflow import week_ends
from decisions.scorer import Scorer
from decisions.scoring_ledger import ScoringLedger
from decisions.whole_ledger import scored_parts
from models import registry
from models.default.model import DefaultModel
from models.delay.model import DelayModel
from models.tree_shap import mean_shap_values
from serving import answers
from serving.champions import Champions
from serving.decision_log import DecisionLog
from serving.messages import LedgerRequest, parsed
from serving.store import Store

T = TypeVar("T")

WEEKS = 13
SENT = 355  # invoices in a body


@click.command()
@click.option("--customers", default=1_000_000, help="At most so many customers of the ledger.")
def command(customers: int) -> None:
    """Print the tables."""
    settings = registry.Settings.from_environment()
    try:
        default, delay = (registry.load(settings, name) for name in (registry.DEFAULT_MODEL, registry.DELAY_MODEL))
    except registry.NoModel as missing:
        raise click.ClickException(f"run `make demo` first. {missing}") from missing
    served, reading = timed(lambda: ScoringLedger.read(settings.ledger))
    scorer = Scorer.of(served, default, delay)
    ids = [str(i) for i in served.ledger.customers["customer_id"]][:customers]
    assert isinstance(scorer.default, DefaultModel)
    assert isinstance(scorer.delay, DelayModel)
    some = scorer.score(ids[:100])
    click.echo(
        table(
            _one_row(scorer.default, scorer.delay, some.X, some.X_next),
            ["one row", "processor ms", "furthest from LightGBM's"],
        )
    )
    scorer.contributions(some)
    _, book = timed(lambda: list(scored_parts([(scorer, ids)], served.data_known_to, with_reasons=True)))
    day = pd.Timestamp(served.data_known_to)
    model = scorer.delay
    _, cash = timed(lambda: forecast(served.prepared, model, day, week_ends(day, WEEKS)[0]))
    rows = [
        ("ledger read and prepared", reading), (f"{len(ids):,} customers scored and explained", book),
        (f"cash of {WEEKS} weeks from the open items", cash),
    ]  # fmt: skip
    click.echo(_sent_ledger(scorer, default, delay))
    click.echo(f"{len(served.ledger.customers):,} customers, {len(served.ledger.invoices):,} invoices")
    click.echo(table([(name, f"{a:.1f}", f"{b:.1f}") for name, (a, b) in rows], ["offline", "processor s", "seconds"]))


def _one_row(default: DefaultModel, delay: DelayModel, X: pd.DataFrame, X_next: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return lines of the attributions of one row: by LightGBM, by shap, and ours; how far sums of values are apart."""
    import shap

    bags = [default.history, *([default.cold.door] if default.cold is not None else [])]
    rows = [bag.matrix(X.iloc[[0]]) for bag in bags]
    explainers = [[shap.TreeExplainer(member) for member in bag.members] for bag in bags]

    def own() -> None:
        for bag, row in zip(bags, rows, strict=True):
            for member in bag.members:
                member.predict(row, pred_contrib=True, num_threads=1)

    def by_shap() -> None:
        for explainer, row in zip(explainers, rows, strict=True):
            for one in explainer:
                one.shap_values(row, check_additivity=False)

    def compiled() -> None:
        for bag, row in zip(bags, rows, strict=True):
            mean_shap_values(bag.members, row)

    apart = max(_apart(bag.members, bag.matrix(X)) for bag in bags)
    found = [
        ("default: LightGBM's own, a call a member", own, None), ("default: shap, a call a member", by_shap, None),
        ("default: compiled over all trees", compiled, apart),
        ("default: contributions as a frame, checked", lambda: default.contributions(X.iloc[[0]]), None),
        ("delay: contributions of one item", lambda: delay.contributions(X_next.iloc[[0]]), None),
        ("delay: an item of fifty", lambda: delay.contributions(X_next.iloc[:50]), None),
    ]  # fmt: skip
    lines = []
    for name, call, error in found:
        milliseconds = _median(call) / (50 if "fifty" in name else 1)
        lines.append((name, f"{milliseconds:.2f}", "–" if error is None else f"{error:.0e}"))
    return lines


def _sent_ledger(scorer: Scorer, default: registry.Served, delay: registry.Served) -> str:
    """Return what `/score_ledger` costs beside parsing the same body, for the customers of the ledger up to SENT invoices."""
    served_models = Champions(default=default, delay=delay, scorer=scorer, served_since="")
    ledger, sent, count = scorer.served.ledger, [], 0
    for customer, invoices in ledger.invoices.groupby("customer_id", sort=True):
        if count + len(invoices) <= SENT:
            sent.append(str(customer))
            count += len(invoices)
    part = ledger.of(sent)
    tables = {name: json.loads(part[name].to_json(orient="records", date_format="iso")) for name in
              ("customers", "invoices", "instalments", "payments", "exchange_rates")}  # fmt: skip
    for row in (row for rows in tables.values() for row in rows):
        row.update({k: v[:10] for k, v in row.items() if k.endswith("_on") and v is not None})
        for name in [k for k, v in row.items() if v is None]:
            del row[name]
    body = json.dumps(tables).encode()
    with tempfile.TemporaryDirectory() as place:
        log = DecisionLog(Store(f"sqlite:///{place}/store.sqlite"))
        whole = _median(lambda: answers.score_ledger(served_models, log, parsed(LedgerRequest, body)), 7)
        log.close()
    parsing = _median(lambda: parsed(LedgerRequest, body))
    return (
        f"/score_ledger of {len(sent)} customers with {count} invoices, {len(body):,} bytes: {whole:.0f} ms of processor time "
        f"with its record, {parsing:.1f} ms to parse the body ({whole / parsing:.0f} times)"
    )


def _apart(members: tuple[lgb.Booster, ...], matrix: np.ndarray) -> float:
    values, _ = mean_shap_values(members, matrix)
    own = np.mean([np.asarray(b.predict(matrix, pred_contrib=True, num_threads=1)) for b in members], axis=0)
    return float(np.abs(values - own[:, :-1]).max())


def _median(call: Callable[[], Any], times: int = 15) -> float:
    """Return the median processor milliseconds of a call."""
    call()
    found = []
    for _ in range(times):
        before = time.process_time()
        call()
        found.append(time.process_time() - before)
    return 1e3 * float(np.median(found))


def timed(call: Callable[[], T]) -> tuple[T, tuple[float, float]]:
    """Return a call's result, and (processor seconds, seconds) that it took."""
    processor, clock = time.process_time(), time.perf_counter()
    result = call()
    return result, (time.process_time() - processor, time.perf_counter() - clock)


if __name__ == "__main__":
    command()

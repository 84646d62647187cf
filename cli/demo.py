"""`tradecredit demo`: the whole way once, on a sample ledger, and what to open next."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import table
from ledger.errors import InputError

if TYPE_CHECKING:
    from models.registry import Settings

ROOT = Path(__file__).parents[1]


@click.command()
@click.option("--customers", default=3000, show_default=True)
@click.option("--months", default=48, show_default=True)
@click.option("--seed", default=1, show_default=True)
def command(customers: int, months: int, seed: int) -> None:
    """Write a sample ledger, train both models through the MLproject, promote through the gates, serve, ask, and explain one score.

    Example: tradecredit demo --customers 1000
    """
    from models.registry import NAMES, Settings, load, newest
    from sample.generator import write_sample

    settings = Settings.from_environment()
    _say(f"1  A sample ledger: {customers:,} customers, {months} months → {settings.ledger}")
    shutil.rmtree(settings.ledger, ignore_errors=True)
    written = write_sample(settings.ledger, customers=customers, months=months, seed=seed)
    click.echo("   " + ", ".join(f"{count:,} {name}" for name, count in written.items() if count))

    _say("2  Two models, trained and tracked: mlflow run . --env-manager local")
    _train(settings.home, settings.tracking_uri, settings.ledger, seed)
    _say("3  How good they are: out of time, on data that neither they nor their features could have seen")
    candidates = {kind: load(settings, name, newest(settings, name)) for kind, name in NAMES.items()}
    _print_default(candidates["default"].metrics)
    _print_delay(candidates["delay"].metrics)

    _say("4  Promotion: the gates of models/gates.toml decide which version is served")
    _promote(settings)

    _say("5  The service, called as a client does")
    with _service(settings.home / "service.log") as address:
        _ask(address, settings.ledger)
    _say("Next")
    click.echo("   make serve   the service and the reviewers' page, http://127.0.0.1:3000")
    click.echo("   make ui      the runs, plots and registered models in MLflow, http://127.0.0.1:5000")
    click.echo("   README.md    your own ledger: tradecredit import, train, promote, serve")


def _say(text: str) -> None:
    click.echo("\n" + click.style(text, bold=True))


def _train(home: Path, tracking_uri: str, ledger: Path, seed: int) -> None:
    """Run the MLproject as a user would; its whole output goes to a file and its end is shown where it fails."""
    log = home / "train.log"
    command = [sys.executable, "-m", "mlflow", "run", str(ROOT), "--env-manager", "local", "--experiment-name",
               "tradecredit/project", "-P", f"ledger={ledger}", "-P", f"seed={seed}"]  # fmt: skip
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": tracking_uri,
        "TRADECREDIT_HOME": str(home),
        "PATH": str(Path(sys.executable).parent) + os.pathsep + os.environ.get("PATH", ""),
    }
    started = time.monotonic()
    with log.open("w") as output:
        done = subprocess.run(command, env=environment, stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        end = "\n".join(log.read_text().splitlines()[-15:])
        raise InputError(f"training failed (exit {done.returncode}); the end of {log}:\n{end}")
    click.echo(f"   done in {time.monotonic() - started:.0f} s; what it printed: {log}")


def _promote(settings: Settings) -> None:
    """Promote both candidates through the gates and print each gate; exit 1 where a gate refuses one."""
    from cli.promote import print_outcome
    from models.journal import system_user
    from models.registry import NAMES, NoModel, newest, version_at
    from training.lifecycle.gates_file import read_gates
    from training.lifecycle.promotion import promote

    for name in NAMES.values():
        try:
            version_at(settings, name)
        except NoModel:
            click.echo(f"   {name} has no champion yet to be compared with; the gates that need none run.")
        version = newest(settings, name)
        outcome = promote(settings, name, version, read_gates(), by=system_user(), why="tradecredit demo")
        print_outcome(outcome, indent="   ")
        if outcome.served is None:
            click.echo(
                f"\n{name} version {version} was refused, so the demo ends here. A small sample has too few defaulters: use more "
                "--customers. A champion of an earlier ledger is compared too: name an empty folder in TRADECREDIT_HOME.",
                err=True,
            )
            raise SystemExit(1)


def _cells(metrics: dict[str, float], *names: str) -> list[str]:
    """Return each named figure with its bootstrap interval where the run has one; a dash where a row has no such
    figure.
    """
    cells = []
    for name in names:
        low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
        value = f"{metrics[name]:.3f}" if name in metrics else "–"
        cells.append(value if low is None or high is None else f"{value} [{low:.2f}, {high:.2f}]")
    return cells


def _print_default(metrics: dict[str, float]) -> None:
    """The default model and its baselines and the ceiling."""
    rows = [
        ["LightGBM default model", *_cells(metrics, "auc", "gini", "gini_share_of_truth")],
        ["rule: days past due of the oldest item", *_cells(metrics, *_baseline("days_past_due"))],
        ["rule: days beyond terms (DBT)", *_cells(metrics, *_baseline("dbt"))],
        ["rule: an item is > 30 days past due", *_cells(metrics, *_baseline("past_due_30"))],
        ["ceiling: the sample's true PD", *_cells(metrics, "truth_auc", "truth_gini"), "1.000"],
    ]
    click.echo(table(rows, ["default in 12 months", "AUC", "Gini", "share of the true PD's Gini"]))
    click.echo(
        f"   {metrics['snapshots']:,.0f} snapshots of {metrics['customers']:,.0f} customers, "
        f"{metrics['defaulters']:,.0f} of whom default; mean PD {metrics['pd_mean']:.2%}, observed "
        f"{metrics['default_rate']:.2%}, Brier {metrics['brier']:.4f}, ECE {metrics['ece']:.4f}. "
        "Brackets: 95 % bootstrap over customers.\n"
    )


def _baseline(rule: str) -> tuple[str, str, str]:
    return f"baseline_{rule}_auc", f"baseline_{rule}_gini", f"baseline_{rule}_gini_share_of_truth"


def _print_delay(metrics: dict[str, float]) -> None:
    """The delay model and its baselines."""
    days = ("mae_days", "within_3_days_share")
    late = ("auc_late_5", "auc_late_30")
    rows = [["LightGBM delay model", *_cells(metrics, *days, *late)]]
    for rule, words in (
        ("on_the_day", "always on the day"),
        ("customer_mean", "customer's mean"),
        ("customer_median", "customer's median"),
        ("customer_late_rate", "customer's late rate"),
    ):
        rows.append([words, *_cells(metrics, *(f"baseline_{rule}_{name}" for name in (*days, *late)))])
    header = [
        "days late, predicted on issue",
        "MAE, days",
        "within 3 days",
        "AUC, ≥ 5 days late",
        "AUC, ≥ 30 days late",
    ]
    click.echo(table(rows, header))
    click.echo(
        f"   {metrics['items']:,.0f} invoices of {metrics['customers']:,.0f} customers; the 80 % interval covers "
        f"{metrics['coverage_80']:.1%} and is {metrics['interval_days']:.1f} days wide on average.\n"
    )


@contextmanager
def _service(log: Path) -> Iterator[str]:
    """Start the server on a free port, write its output to `log`, and stop it by its process id at the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with log.open("w") as output:
        words = [sys.executable, "-m", "cli.main", "serve", "--port", str(port)]
        server = subprocess.Popen(words, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        _wait(address, server, log)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise InputError(f"the service ended at once; the end of {log}:\n{log.read_text()[-800:]}")
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise InputError("the service was not ready within two minutes.")


def post(address: str, route: str, body: dict[str, Any]) -> Any:
    """Send one JSON request as a client does; return the parsed answer."""
    request = urllib.request.Request(address + route, json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def _ask(address: str, ledger: Path) -> None:
    """Score some customers, then explain and review one whose risk is high but not the highest."""
    import duckdb

    found = duckdb.execute(
        "SELECT customer_id FROM read_parquet(?) ORDER BY 1 LIMIT 200", [str(ledger / "customers.parquet")]
    )
    answer = post(address, "/score", {"customer_ids": [row[0] for row in found.fetchall()]})
    scored = sorted((s for s in answer["scores"] if s["pd"] is not None), key=lambda s: -s["pd"])
    click.echo(f"   POST /score: {len(answer['scores'])} customers as of {answer['as_of']}; five of them:")
    places = [0, len(scored) // 20, len(scored) // 4, len(scored) // 2, len(scored) - 1]
    rows = [
        [s["customer_id"], s["grade"], f"{s['pd']:.2%}", f"{s['pd_low']:.2%} – {s['pd_high']:.2%}",
         f"{s['exposure']:,.0f}", f"{s['expected_loss']:,.0f}", f"{s['delay']['p_late_30']:.1%}" if s["delay"] else "–"]
        for s in (scored[i] for i in places)
    ]  # fmt: skip
    header = [
        "customer",
        "grade",
        "PD 12 months",
        "fit error, 90 %",
        f"exposure, {answer['currency']}",
        "expected loss",
        "P(next ≥ 30 d late)",
    ]
    click.echo(table(rows, header))
    one = scored[len(scored) // 20]
    why = post(address, "/explain", {"customer_id": one["customer_id"], "language": "en"})
    click.echo(f"\n   POST /explain: why {one['customer_id']} has PD {one['pd']:.2%} (grade {one['grade']})")
    for reason in why["reasons"]:
        click.echo(f"     {reason['log_odds']:+.2f}  {reason['text']}")
    click.echo(
        f"     base value {why['base_value']:+.2f} and all contributions add up to the score "
        f"within {abs(why['additivity_residual']):.0e} log-odds"
    )
    zh = post(address, "/explain", {"customer_id": one["customer_id"], "language": "zh"})
    click.echo(f"     中文: {zh['reasons'][0]['text']}")
    wanted = max(1000.0, round(2 * one["exposure"], -3))
    asked = {"customer_id": one["customer_id"], "requested_limit": wanted, "currency": answer["currency"]}
    review = post(address, "/review", asked)
    click.echo(
        f"\n   POST /review: a limit of {wanted:,.0f} {answer['currency']} is requested → {review['recommendation']}, "
        f"{review['recommended_limit']:,.0f}, until {review['valid_until']}"
    )
    for step in review["arithmetic"]:
        click.echo(f"     {step['step']}: {step['formula']} = {step['result']:,.2f}")
    click.echo(f"   decision {review['decision_id']}, model version {one['model']['version']}: "
               f"tradecredit replay {review['decision_id']} gives it again")  # fmt: skip

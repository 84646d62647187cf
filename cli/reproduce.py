"""`tradecredit reproduce`: fit a run again and compare it with what was logged."""

from __future__ import annotations

from pathlib import Path

import click

from cli.output import json_option, print_json


@click.command()
@click.argument("run")
@click.option(
    "--ledger", type=click.Path(path_type=Path), help="The ledger's folder, where it is not where the run found it."
)
@json_option
def command(run: str, ledger: Path | None, as_json: bool) -> None:
    """Fit RUN again (a run id, or default or delay for the champion's) from its ledger, parameters and seed.

    Exit 0 where the model's digest and every metric are the same; else 1, and everything that differs is named: ledger,
    commit, policy, libraries, then the digest and the metrics.

    Example: tradecredit reproduce default
    """
    import json

    import pandas as pd

    from ledger.ledger import read_ledger
    from models import registry
    from training.lifecycle.reporting import version_of_run
    from training.lifecycle.reproduce import reproduce

    settings = registry.Settings.from_environment()
    served = version_of_run(settings, run)
    folder = registry.run_artifacts(settings, served.run_id)
    place = ledger or Path(json.loads((folder / "run.json").read_text(encoding="utf-8"))["ledger"])
    truth_file = place / "truth.parquet"
    truth = pd.read_parquet(truth_file) if place.is_dir() and truth_file.exists() else None
    found = reproduce(served.run_id, folder, served.digest, read_ledger(place), truth)
    if as_json:
        print_json({
            "run_id": found.run_id, "is_same": found.is_same, "metrics": found.metrics, "digest": found.digest,
            "differences": [{"name": d.name, "logged": d.logged, "now": d.now} for d in found.differences],
        })  # fmt: skip
    else:
        for d in found.differences:
            click.echo(f"  {d.name}: logged {d.logged}, now {d.now}")
        same = f"the same: digest {found.digest[:12]}, {found.metrics} metrics" if found.is_same else "not the same"
        click.echo(f"{served.name} version {served.version}, run {found.run_id}: {same}")
    if not found.is_same:
        raise SystemExit(1)

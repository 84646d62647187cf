"""`tradecredit validate`: the validation report of a run, as one HTML page and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import click

from cli.output import json_option, print_json


@click.command()
@click.argument("run")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("validation"),
    show_default=True,
    help="Folder for validation.html and validation.json.",
)
@click.option("--gates", "gates_file", type=click.Path(path_type=Path), help="Another gates file.")
@json_option
def command(run: str, out: Path, gates_file: Path | None, as_json: bool) -> None:
    """Write the validation report of RUN (a run id, or default or delay for the champion's) from its logged artifacts.

    Purpose, data, outcome, population, discrimination, calibration, stability, sensitivity, benchmark, explanations, limits,
    weaknesses, sign-off. Every figure names its artifact. Exit 1 where a gate refuses the model.

    Example: tradecredit validate default --out build/validation
    """
    from models import registry
    from training.lifecycle import reporting
    from training.lifecycle.gates_file import read_gates

    settings = registry.Settings.from_environment()
    report, gates = reporting.validation(settings, run, read_gates(gates_file))
    out.mkdir(parents=True, exist_ok=True)
    (out / "validation.html").write_text(report.to_html(), encoding="utf-8")
    content = report.to_json()
    (out / "validation.json").write_text(
        json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8"
    )
    if as_json:
        print_json(content)
    else:
        weaknesses = next(s for s in report.sections if s.title == "Weaknesses found")
        click.echo(
            f"{report.title}: {len(report.figures())} figures, {len(report.sections)} sections → {out / 'validation.html'}"
        )
        for sentence in weaknesses.text:
            click.echo(f"  {sentence}")
    if not gates.is_passed:
        raise SystemExit(1)

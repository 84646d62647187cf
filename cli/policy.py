"""`tradecredit policy`: show a limit policy, compare two over the past book, review one strategy by quarter."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.output import json_option, print_json, progress
from cli.reports.writing import checked_out, command_line, finish, opened
from ledger.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    from decisions.policy_review import Cases
    from ledger.ledger import Ledger

BUNDLED_NAME = "limits"


@click.group()
def command() -> None:
    """Limit policies as files: what one says, what another would have done.

    Example: tradecredit policy compare limits mine.toml build/ledger --from 2024-01-31 --to 2024-12-31
    """


@command.command()
@click.argument("policy", default=BUNDLED_NAME)
@json_option
def show(policy: str, as_json: bool) -> None:
    """Print a limit policy, checked: the bundled one, or a TOML file.

    Example: tradecredit policy show mine.toml
    """
    from decisions.limit_policy import BUNDLED, read_limit_policy_file

    path = BUNDLED if policy == BUNDLED_NAME else Path(policy)
    found = read_limit_policy_file(path)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    click.echo(path.read_text(encoding="utf-8").rstrip())


def span_options(function: Any) -> Any:
    """Add the options that compare and review share."""
    for option in (
        json_option,
        click.option("--out", type=click.Path(path_type=Path), help="Also write the report to a .html, .csv, .xlsx or .json file."),
        click.option("--step", type=click.IntRange(1, 12), default=1, show_default=True, help="Months between two decisions."),
        click.option("--fit", is_flag=True, help="Fit both models on what was known on the first day, in place of the champions."),
        click.option("--to", "last", required=True, help="The last day, YYYY-MM-DD."),
        click.option("--from", "first", required=True, help="The first day, YYYY-MM-DD."),
    ):  # fmt: skip
        function = option(function)
    return function


@command.command()
@click.argument("a")
@click.argument("b")
@click.argument("ledger", type=click.Path(path_type=Path))
@span_options
def compare(
    a: str, b: str, ledger: Path, first: str, last: str, fit: bool, step: int, out: Path | None, as_json: bool
) -> None:
    """What policy B would have done to the past book against policy A: limits, holds, losses avoided, sales refused.

    Example: tradecredit policy compare limits mine.toml build/ledger --from 2024-01-31 --to 2024-12-31 --fit
    """
    from decisions.policy_review import reviewed
    from decisions.steering.policy import comparison_report

    checked_out(out)
    first_policy, second_policy = _policy(a), _policy(b)
    read, cases, words = _cases(ledger, first, last, step, fit=fit)
    on = cases.frame["as_of"].max().date()
    line = command_line("policy", "compare", a, b, ledger, **{"from": first}, to=last, step=step, fit=fit)
    report = comparison_report(
        read,
        on,
        first_policy,
        second_policy,
        reviewed(cases, first_policy),
        reviewed(cases, second_policy),
        model_words=words,
        command=line,
    )
    finish(report, out=out, as_json=as_json)


@command.command()
@click.argument("policy")
@click.argument("ledger", type=click.Path(path_type=Path))
@span_options
def review(
    policy: str, ledger: Path, first: str, last: str, fit: bool, step: int, out: Path | None, as_json: bool
) -> None:
    """The yearly review of a strategy: by quarter and segment what a policy held, refused, lost and avoided.

    Example: tradecredit policy review limits build/ledger --from 2024-01-31 --to 2024-12-31 --fit --out build/review.html
    """
    from decisions.policy_review import reviewed
    from decisions.steering.policy import review_report

    checked_out(out)
    own = _policy(policy)
    read, cases, words = _cases(ledger, first, last, step, fit=fit)
    on = cases.frame["as_of"].max().date()
    line = command_line("policy", "review", policy, ledger, **{"from": first}, to=last, step=step, fit=fit)
    finish(
        review_report(read, on, own, reviewed(cases, own), model_words=words, command=line), out=out, as_json=as_json
    )


def _policy(name: str) -> Any:
    from decisions.limit_policy import read_limit_policy

    return read_limit_policy(None if name == BUNDLED_NAME else Path(name))


def _cases(ledger: Path, first: str, last: str, step: int, *, fit: bool) -> tuple[Ledger, Cases, str]:
    """The past book's decisions at month ends from the first day to the last, every `step` months."""
    import pandas as pd

    from cli.reports.scored import champions_scorer
    from decisions.scorer import Scorer
    from decisions.scoring_ledger import ScoringLedger
    from decisions.steering.policy_cases import policy_cases

    read, until = opened(ledger, last)
    start = pd.Timestamp(first).date()
    if start >= until:
        raise InputError(f"--from {start} must come before --to {until}.")
    days = [d.date() for d in pd.date_range(start, until, freq="ME")][::step]
    if not days:
        raise InputError(f"no month end lies between {start} and {until}: a decision is taken at month ends.")
    if fit:
        scorer = Scorer.with_models(ScoringLedger.of(read), *_fitted(read, days[0]))
        words = f"models fitted on {days[0]} for this report"
    else:
        scorer, words = champions_scorer(read, days[0])

    def watched(items: Iterable[Any]) -> Iterable[Any]:
        return progress(items, what="month ends", total=len(days))

    return read, policy_cases(scorer, days, watch=watched), words


def _fitted(ledger: Ledger, on: date) -> tuple[Any, Any]:
    """Both models fitted on what was known on a day; the default model by the policy for short ledgers where needed."""
    import pandas as pd

    from features.engine.prepared import prepare
    from ledger.default_status import PRIMARY, SHORT_HISTORY
    from training.default import fit as default_fit
    from training.delay.fit import fit_recipe

    click.echo(f"fitting both models on what was known on {on} …", err=True)
    day = pd.Timestamp(on)
    try:
        default = default_fit.fit(ledger, as_of=day, policy=PRIMARY, seed=1).model
    except default_fit.TooShort:
        default = default_fit.fit(ledger, as_of=day, policy=SHORT_HISTORY, seed=1).model
        click.echo(f"the ledger is too short for a 12-month PD: default policy {SHORT_HISTORY.name}", err=True)
    return default, fit_recipe(ledger, prepare(ledger), day, 1, explain=False).model

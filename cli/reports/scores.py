"""PDs for a report: from a file that `tradecredit score` wrote, or from the champion where one is registered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.errors import InputError

if TYPE_CHECKING:
    from decisions.customer_scores import CustomerScores
    from ledger.ledger import Ledger

AT_ONCE = 1_000
score_option: Callable[..., Any] = click.option(
    "--scores", type=click.Path(path_type=Path),
    help="PDs: a file of `tradecredit score` for the same day, or 'none' [default: the champion's, where there is one].",
)  # fmt: skip


def customer_scores(ledger: Ledger, as_of: date, scores: Path | None) -> CustomerScores:
    """Return the PDs of a day. Without a file and without a champion there are none, and the result says so.

    Raises InputError for a file of another day or without the columns of `tradecredit score`.
    """
    from decisions.customer_scores import CustomerScores

    if scores is not None and str(scores) == "none":
        return CustomerScores.none("no PDs: --scores none")
    return _from_file(scores, as_of) if scores is not None else _of_champion(ledger, as_of)


def _from_file(path: Path, as_of: date) -> CustomerScores:
    import pandas as pd

    from decisions.customer_scores import CustomerScores

    if not path.exists():
        raise InputError(
            f"--scores {path}: no such file; `tradecredit score LEDGER --as-of {as_of} --out FILE` writes one."
        )
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    lacking = [c for c in ("customer_id", "pd", "grade", "special", "as_of") if c not in frame]
    if lacking:
        raise InputError(f"--scores {path}: lacks the columns {', '.join(lacking)} that `tradecredit score` writes.")
    others = sorted({str(day)[:10] for day in frame["as_of"]} - {as_of.isoformat()})
    if others:
        raise InputError(f"--scores {path}: is of {', '.join(others[:3])}, the report is of {as_of}; score that day.")
    named = (
        f"{frame['model'].iloc[0]} version {frame['model_version'].iloc[0]}"
        if "model" in frame and len(frame)
        else path.name
    )
    return CustomerScores.of(frame.assign(customer_id=frame["customer_id"].astype(str)).set_index("customer_id"), named)


def _of_champion(ledger: Ledger, as_of: date) -> CustomerScores:
    import pandas as pd

    from cli.output import progress
    from decisions.customer_scores import CustomerScores
    from decisions.scorer import Scorer
    from decisions.scoring_ledger import ScoringLedger
    from models import registry

    settings = registry.Settings.from_environment()
    try:
        default = registry.load(settings, registry.DEFAULT_MODEL)
        delay = registry.load(settings, registry.DELAY_MODEL)
    except registry.NoModel as absent:
        return CustomerScores.none(f"no PDs: {absent}")
    fitted_on = default.tags.get(registry.AS_OF_TAG, "")
    if fitted_on > as_of.isoformat():
        return CustomerScores.none(
            f"no PDs: {default.name} version {default.version} was fitted on what was known on {fitted_on}, after {as_of}"
        )
    scorer = Scorer.of(ScoringLedger.of(ledger), default, delay)
    ids = [str(i) for i in scorer.served.prepared.owners.ids]
    if scorer.served.first_day is not None and as_of < scorer.served.first_day:
        return CustomerScores.none(
            f"no PDs: the ledger holds no invoice on {as_of}, the first is of {scorer.served.first_day}"
        )
    parts = [
        scorer.brief(ids[start : start + AT_ONCE], as_of)
        for start in progress(range(0, len(ids), AT_ONCE), what="customers", total=-(-len(ids) // AT_ONCE))
    ]
    return CustomerScores.of(
        pd.concat(parts), f"{default.name} version {default.version}, fitted on {fitted_on}", scorer.default.policy
    )

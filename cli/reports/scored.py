"""The scores of a whole book for a report, from the registry's champions, or the sentence that says why there are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from ledger.errors import InputError

if TYPE_CHECKING:
    from datetime import date

    from decisions.scorer import Scorer
    from ledger.ledger import Ledger

AT_ONCE = 1_000


def champions_scorer(ledger: Ledger, on: date) -> tuple[Scorer, str]:
    """Return the scorer of both champions on a ledger, and words about the default model.

    Raises NoModel where none is served, InputError where a champion was fitted on days after `on`: it would know outcomes.
    """
    from decisions.scorer import Scorer
    from decisions.scoring_ledger import ScoringLedger
    from models import registry

    settings = registry.Settings.from_environment()
    served = [registry.load(settings, name) for name in (registry.DEFAULT_MODEL, registry.DELAY_MODEL)]
    for one in served:
        known = one.tags.get(registry.AS_OF_TAG, "")
        if known > str(on):
            raise InputError(
                f"--as-of {on}: the champion {one.name} version {one.version} was fitted on what was known on {known}; "
                "use a later day, or promote a model of that day."
            )
    words = f"{served[0].name} version {served[0].version}"
    return Scorer.of(ScoringLedger.of(ledger), served[0], served[1]), words


def book_scores(scorer: Scorer, on: date) -> pd.DataFrame:
    """Return every customer's row of scores on a day (see `Scores.customers`), scored AT_ONCE customers at a time."""
    ids = [str(i) for i in scorer.served.ledger.customers["customer_id"]]
    return pd.concat([scorer.score(ids[k : k + AT_ONCE], on).customers for k in range(0, len(ids), AT_ONCE)])

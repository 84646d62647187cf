"""Fit the default model on a ledger folder larger than memory, read part by part, with histories from Parquet where given."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from features.engine.peer_reference import PeerReference
from ledger.default_status import PRIMARY, DefaultPolicy
from ledger.lgd import lgd_table_of
from models.lineage import LearnedFrom
from training.default import cold_start
from training.default.columns import SELECTED
from training.default.ensembles import Shape
from training.default.fit import FromLedger, checked_origin, fit_histories, outcome_days
from training.default.partitioned import CLOSED_DEFAULTS, Goods, LedgerParts, Watch, histories_of_parts
from training.default.stages import Options
from training.result import Fitted


def fit_in_parts(
    book: LedgerParts, *, policy: DefaultPolicy = PRIMARY, seed: int = 1, histories: Path | None = None,
    sample_goods: float | None = None, truth: pd.DataFrame | None = None, shape: Shape | None = None,
    options: Options | None = None, columns: Sequence[str] | None = None, with_challengers: bool = False,
    watch: Watch = iter,
) -> Fitted:  # fmt: skip
    """Return the default model of a ledger read in parts: to the last bit `training.default.fit.fit` of the whole ledger.

    Parameters
    ----------
    book : what `read_parts` read.
    histories : a folder of the ledger's histories at every month end (`tradecredit features --engine dask`); None: computed
        part by part.
    sample_goods : share of the rows without a default that are kept, with weight 1 / share each; None: all rows. Rows
        that evaluate the model are all kept, so that its figures need no weights. The seed of the draw is `seed`.
    policy, seed, truth, shape, options, columns, with_challengers : as in `fit`.

    Raises
    ------
    TooShort, InputError : as `fit` does, and for histories of another ledger.
    """
    chosen = SELECTED if columns is None else tuple(columns)
    origin = checked_origin(book.days[0], book.as_of, policy)
    goods = None if sample_goods is None else Goods(share=sample_goods, seed=seed, unsampled_after=origin)
    whole = histories_of_parts(
        book, policy, cold_start.with_door(chosen), outcome_days(book.as_of, policy), histories=histories, goods=goods,
        watch=watch,
    )  # fmt: skip
    from_ledger = FromLedger(
        lgd=lgd_table_of(whole.computed[CLOSED_DEFAULTS], policy, until=book.as_of),
        learned_from=LearnedFrom.of_sample(book.fingerprint, book.smallest, book.as_of),
        peers=PeerReference.of_peers(book.peers, book.as_of),
    )  # fmt: skip
    return fit_histories(
        whole, from_ledger, chosen, seed=seed, truth=truth, shape=shape, options=options,
        with_challengers=with_challengers,
    )  # fmt: skip

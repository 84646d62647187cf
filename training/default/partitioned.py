"""Read a ledger folder part by part into the histories that the default model is fitted on.

One part's rows of the ledger are in memory at a time; what stays is the matrix of the columns that are asked for, who is
in default when, and the outcomes on the days that a fit asks about. The rows, their order and every number are those of
`training.default.data.histories` on the whole ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.engine.histories import build
from features.engine.partitioned import part_members, part_peers, span_of
from features.engine.peers import Peers
from features.engine.prepared import prepare
from features.engine.snapshots import active, month_ends
from ledger.default_status import DefaultPolicy
from ledger.known import known_on
from ledger.ledger import Ledger, read_ledger
from training.default.data import BOOK_COLUMNS, FIRST_AFTER_DAYS, Histories, Outcomes
from training.default.milder_outcome import near_policy


def histories_of_parts(
    folder: Path,
    as_of: date | str | pd.Timestamp,
    policy: DefaultPolicy,
    columns: Sequence[str],
    outcome_days: Sequence[pd.Timestamp],
    *,
    parts: int | None = None,
) -> Histories:
    """Return the histories of a ledger folder, read in parts of customers.

    Parameters
    ----------
    folder : a ledger folder of Parquet tables.
    as_of, policy, columns : as in `training.default.data.histories`.
    outcome_days : the days on which outcomes will be asked about; others are not known afterwards.
    parts : how many parts of customers; None: one for each 20,000, and at least two.

    Returns
    -------
    Histories whose ledger holds the customers table only. `outcomes` answers for `outcome_days` and `as_of`, by the policy
    and by its milder outcome; memory is that of the matrix and of one part.

    Raises
    ------
    InputError : the folder is not one of Parquet tables.
    """
    members, groups = part_members(folder, parts)
    span = span_of(folder)
    whole: Peers | None = None
    for ids in members if any(groups.values()) else members[:1]:
        found = part_peers(folder, ids, groups, span)
        whole = found if whole is None else whole + found
    first = _first_issue(folder, as_of, members) + pd.Timedelta(days=FIRST_AFTER_DAYS)
    read = [_part(folder, ids, whole, first, as_of, policy, columns, outcome_days) for ids in members]
    return _joined([part for part in read if len(part.snapshots)])


def _first_issue(folder: Path, as_of: date | str | pd.Timestamp, members: Sequence[Sequence[str]]) -> pd.Timestamp:
    days = [known_on(read_ledger(folder, customers=ids), as_of).invoices["issued_on"].min() for ids in members]
    return pd.Timestamp(min(day for day in days if not pd.isna(day)))


def _part(
    folder: Path, ids: Sequence[str], whole: Peers | None, first: pd.Timestamp, as_of: date | str | pd.Timestamp,
    policy: DefaultPolicy, columns: Sequence[str], outcome_days: Sequence[pd.Timestamp],
) -> Histories:  # fmt: skip
    """Return one part's histories, with its outcomes computed and its ledger let go."""
    known = known_on(read_ledger(folder, customers=ids), as_of)
    prepared = prepare(known, whole_peers=whole)
    snapshots = active(prepared, month_ends(first, as_of))
    names = tuple(dict.fromkeys((*columns, *BOOK_COLUMNS)))
    matrix = build(prepared, snapshots, names).to_numpy()
    part = Histories(
        ledger=known, prepared=prepared, as_of=pd.Timestamp(as_of), policy=policy, snapshots=snapshots, columns=names,
        matrix=matrix,
    )  # fmt: skip
    for day in {pd.Timestamp(as_of), *outcome_days}:
        for chosen in (policy, near_policy(policy)):
            part.outcomes(day, chosen)
    empty = {name: frame.iloc[:0] for name, frame in known.tables.items() if name != "customers"}
    return replace(part, ledger=Ledger(tables={**empty, "customers": known.customers}), prepared=None)


def _joined(parts: Sequence[Histories]) -> Histories:
    """Return the parts' rows as one, sorted by day and customer as `active` sorts them."""
    snapshots = pd.concat([part.snapshots for part in parts], ignore_index=True)
    order = np.lexsort([pd.factorize(snapshots["customer_id"], sort=True)[0], snapshots["as_of"].to_numpy()])
    matrix = np.concatenate([part.matrix for part in parts])[order]
    computed: dict[Any, Any] = {}
    for key in parts[0].computed:
        values = [part.computed[key] for part in parts]
        if isinstance(values[0], Outcomes):
            computed[key] = Outcomes(**{
                name: np.concatenate([getattr(value, name) for value in values])[order]
                for name in ("in_default", "mature_months", "default_month")
            })  # fmt: skip
        else:
            computed[key] = np.concatenate(values)[order]
    first = parts[0]
    for name in BOOK_COLUMNS:
        computed["book", name] = matrix[:, first.columns.index(name)]
    customers = pd.concat([part.ledger.customers for part in parts], ignore_index=True)
    return replace(
        first, ledger=Ledger(tables={**first.ledger.tables, "customers": customers}),
        snapshots=snapshots.iloc[order].reset_index(drop=True), matrix=matrix, computed=computed,
    )  # fmt: skip

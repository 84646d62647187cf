"""Read a ledger folder part by part into the histories that the default model is fitted on.

One part's rows of the ledger are in memory at a time; what stays is the matrix of the columns that are asked for, who is
in default when, and the outcomes on the days that a fit asks about. The rows, their order and every number are those of
`training.default.data.histories` on the whole ledger. Rows without a default may be drawn by lot with weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.engine.histories import build
from features.engine.partitioned import added_sums, part_members, part_peers_of, read_rows, row_sums_of, span_of
from features.engine.peers import Peers
from features.engine.prepared import prepare
from features.engine.snapshots import active, month_ends
from ledger.default_status import DefaultPolicy
from ledger.errors import InputError
from ledger.known import known_by
from ledger.ledger import Ledger, fingerprint_of, read_ledger
from ledger.lgd import LgdPolicy, closed_defaults
from models.lineage import SAMPLE, smallest_fingerprints
from training.default.data import BOOK_COLUMNS, FIRST_AFTER_DAYS, Histories, Outcomes, Sampling
from training.default.milder_outcome import near_policy

Floats = NDArray[np.float64]
Watch = Callable[[Iterable[Any]], Iterable[Any]]

NARROW_FROM = (
    200_000  # snapshots of a part from which compiling a loop for its columns alone costs less than all columns
)
CLOSED_DEFAULTS = "closed defaults"  # the key of `Histories.computed` under which a fit in parts keeps them for its LGD


@dataclass(frozen=True, kw_only=True)
class LedgerOfParts(Ledger):
    """A ledger whose rows are not in memory: its customers, the number of rows of its other tables, its fingerprint."""

    row_sums_of_parts: dict[str, tuple[int, int]]

    @cached_property
    def row_sums(self) -> dict[str, tuple[int, int]]:
        return self.row_sums_of_parts


@dataclass(frozen=True, kw_only=True)
class LedgerParts:
    """A ledger folder divided into parts of customers, and what was added up over them.

    members : the customers of each part. peers : of all customers. first : the first day of issue known on `as_of`.
    row_sums : as `Ledger.row_sums` of the whole. smallest : the smallest fingerprints of its invoices.
    """

    folder: Path
    as_of: pd.Timestamp
    members: tuple[tuple[str, ...], ...] = field(repr=False)
    peers: Peers = field(repr=False)
    first: pd.Timestamp
    row_sums: dict[str, tuple[int, int]] = field(repr=False)
    smallest: NDArray[np.uint64] = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint of the whole ledger."""
        return fingerprint_of(self.row_sums)

    @property
    def days(self) -> pd.DatetimeIndex:
        """Return the month ends on which a model of `as_of` has snapshots."""
        return month_ends(self.first + pd.Timedelta(days=FIRST_AFTER_DAYS), self.as_of)

    def ledger(self, customers: pd.DataFrame | None = None) -> LedgerOfParts:
        """Return what stands in for the whole ledger in a run's records; customers : its table, where it is known."""
        tables = {name: pd.DataFrame(index=pd.RangeIndex(count)) for name, (count, _) in self.row_sums.items()}
        if customers is not None:
            tables["customers"] = customers
        return LedgerOfParts(tables=tables, row_sums_of_parts=self.row_sums)


def read_parts(
    folder: Path, as_of: date | str | pd.Timestamp, *, parts: int | None = None, watch: Watch = iter
) -> LedgerParts:
    """Read a ledger folder once, part by part, and return its division with what is added up over all customers.

    Parameters
    ----------
    folder : a ledger folder of Parquet tables. parts : how many parts of customers; None: one for each 20,000, and at
        least two. watch : is given the parts and gives them back one by one, e.g. under a progress bar.

    Raises
    ------
    InputError : the folder is not one of Parquet tables, or no invoice is known on `as_of`, or it begins too late.
    """
    members, groups = part_members(folder, parts)
    span = span_of(folder)
    peers: Peers | None = None
    sums: dict[str, tuple[int, int]] = {}
    firsts, smallest = [], [np.zeros(0, dtype=np.uint64)]
    for number, ids in enumerate(watch(members)):
        part = read_ledger(folder, customers=ids)
        found = part_peers_of(part, groups, span)
        peers = found if peers is None else peers + found
        sums = added_sums(sums, part.row_sums, number)
        firsts.append(known_by(part, as_of).invoices["issued_on"].min())
        smallest = [np.sort(np.concatenate([*smallest, smallest_fingerprints(part, as_of)]))[:SAMPLE]]
    known = [day for day in firsts if not pd.isna(day)]
    if not known or peers is None:
        raise InputError(f"the ledger has no invoice known on {pd.Timestamp(as_of).date()}: nothing can be learned.")
    if min(known) + pd.Timedelta(days=FIRST_AFTER_DAYS) + pd.offsets.MonthEnd(0) > pd.Timestamp(as_of):
        raise InputError(
            f"the ledger begins on {min(known).date()}: {pd.Timestamp(as_of).date()} is too early to train, "
            f"{FIRST_AFTER_DAYS} days of history are the least."
        )
    return LedgerParts(
        folder=folder, as_of=pd.Timestamp(as_of), members=tuple(tuple(ids) for ids in members), peers=peers,
        first=pd.Timestamp(min(known)), row_sums=sums, smallest=smallest[0],
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Goods:
    """How rows without a default are drawn. share : kept of them. seed : of the draw.

    unsampled_after : rows after this day with a mature outcome are all kept, since they evaluate the model.
    """

    share: float
    seed: int
    unsampled_after: pd.Timestamp

    def __post_init__(self) -> None:
        if not 0.0 < self.share <= 1.0:
            raise InputError(
                f"The share of good rows to sample must be above 0 and at most 1. Got {self.share} instead."
            )


def histories_of_parts(
    book: LedgerParts, policy: DefaultPolicy, columns: Sequence[str], outcome_days: Sequence[pd.Timestamp], *,
    histories: Path | None = None, goods: Goods | None = None, watch: Watch = iter,
) -> Histories:  # fmt: skip
    """Return the histories of a ledger folder, read in parts of customers.

    Parameters
    ----------
    book : the divided ledger. policy, columns : as in `training.default.data.histories`.
    outcome_days : the days on which outcomes will be asked about; others are not known afterwards.
    histories : a folder of histories of this ledger, from which the matrix is read; None: it is computed.
    goods : how rows without a default are drawn; None: all rows are kept.

    Returns
    -------
    Histories whose ledger holds the customers table only. `outcomes` answers for `outcome_days` and `as_of`, by the policy
    and by its milder outcome; memory is that of the matrix and of one part. `computed[CLOSED_DEFAULTS]` has the closed
    defaults of all parts.

    Raises
    ------
    InputError : the histories are of another ledger, or lack a column or a snapshot.
    """
    if histories is not None:
        _refuse_other_ledger(histories, book)
    read = []
    for ids in watch(book.members):
        part = _part(book, ids, policy, columns, outcome_days, histories)
        if len(part.snapshots):
            read.append(part if goods is None else _sampled(part, goods, book.days[-1]))
    return _joined(read, book, goods)


def _refuse_other_ledger(histories: Path, book: LedgerParts) -> None:
    theirs = row_sums_of(histories)
    for name in sorted({*theirs, *book.row_sums}):
        if theirs.get(name) != book.row_sums.get(name):
            there, here = theirs.get(name, (0, 0))[0], book.row_sums.get(name, (0, 0))[0]
            raise InputError(
                f"{histories}: made from another ledger than {book.folder}: {name} had {there:,} rows and has {here:,}"
                f"{', with other content' if there == here else ''}. Build the histories again."
            )


def _part(
    book: LedgerParts, ids: Sequence[str], policy: DefaultPolicy, columns: Sequence[str],
    outcome_days: Sequence[pd.Timestamp], histories: Path | None,
) -> Histories:  # fmt: skip
    """Return one part's histories, with its outcomes computed and its ledger let go."""
    known = known_by(read_ledger(book.folder, customers=ids), book.as_of)
    prepared = prepare(known, whole_peers=book.peers)
    snapshots = active(prepared, book.days)
    names = tuple(dict.fromkeys((*columns, *BOOK_COLUMNS)))
    if histories is None or not len(snapshots):
        matrix = build(prepared, snapshots, names, is_narrow=len(snapshots) >= NARROW_FROM).to_numpy()
    else:
        matrix = read_rows(histories, snapshots, names)
    part = Histories(
        ledger=known, prepared=prepared, as_of=book.as_of, policy=policy, snapshots=snapshots, columns=names,
        matrix=matrix,
    )  # fmt: skip
    for day in sorted({book.as_of, *outcome_days}):
        for chosen in (policy, near_policy(policy)):
            part.outcomes(day, chosen)
    part.computed[CLOSED_DEFAULTS] = closed_defaults(
        known, policy, LgdPolicy(), until=book.as_of, settlement=prepared.settlement
    )
    empty = {name: frame.iloc[:0] for name, frame in known.tables.items() if name != "customers"}
    return replace(part, ledger=Ledger(tables={**empty, "customers": known.customers}), prepared=None)


def _sampled(part: Histories, goods: Goods, last: pd.Timestamp) -> Histories:
    """Return a part with some of its rows without a default, each standing for 1 / share rows.

    All rows are kept that were or came into default (or the milder outcome) by any of the days asked about, that evaluate the
    model, or that lie on the last month end, whose mean PD sets the level. The draw depends on customer, day and seed alone.
    """
    outcomes = [value for value in part.computed.values() if isinstance(value, Outcomes)]
    is_certain = np.logical_or.reduce([(found.default_month > 0) | found.in_default for found in outcomes])
    final = part.outcomes(part.as_of)
    is_certain |= final.usable(part.policy.horizon_months) & (part.on > np.datetime64(goods.unsampled_after, "D"))
    is_certain |= part.on == np.datetime64(last, "D")
    kept = is_certain | (_drawn(part, goods.seed) < goods.share)
    computed: dict[Any, Any] = {}
    for key, value in part.computed.items():
        if isinstance(value, Outcomes):
            computed[key] = Outcomes(
                in_default=value.in_default[kept], mature_months=value.mature_months[kept],
                default_month=value.default_month[kept],
            )  # fmt: skip
        else:
            computed[key] = value if key == CLOSED_DEFAULTS else value[kept]
    weight = np.where(is_certain, 1.0, 1.0 / goods.share)[kept]
    sampling = Sampling(rate=goods.share, seed=goods.seed, rows=len(kept), kept=int(kept.sum()))
    return replace(
        part, snapshots=part.snapshots[kept].reset_index(drop=True), matrix=part.matrix[kept], row_weight=weight,
        sampling=sampling, computed=computed,
    )  # fmt: skip


def _drawn(part: Histories, seed: int) -> Floats:
    """Return a number from 0 to 1 for each row, from the hash of customer and day; the same in any division into parts."""
    ids = pd.util.hash_array(part.customer, hash_key=f"{seed % 10**16:016d}")
    x = ids ^ (part.on.astype(np.int64).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):  # SplitMix64 (Steele et al. 2014)
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _joined(parts: Sequence[Histories], book: LedgerParts, goods: Goods | None) -> Histories:
    """Return the parts' rows as one, sorted by day and customer as `active` sorts them."""
    snapshots = pd.concat([part.snapshots for part in parts], ignore_index=True)
    order = np.lexsort([pd.factorize(snapshots["customer_id"], sort=True)[0], snapshots["as_of"].to_numpy()])
    matrix = np.concatenate([part.matrix for part in parts])[order]
    computed: dict[Any, Any] = {}
    for key in parts[0].computed:
        values = [part.computed[key] for part in parts]
        if key == CLOSED_DEFAULTS:
            found = pd.concat([value for value in values if len(value)] or values[:1], ignore_index=True)
            computed[key] = found.sort_values(["customer_id", "entered_on"], kind="stable", ignore_index=True)
        elif isinstance(values[0], Outcomes):
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
    sampling, weight = None, None
    if goods is not None:
        sums = [part.sampling for part in parts if part.sampling is not None]
        sampling = Sampling(rate=goods.share, seed=goods.seed, rows=sum(s.rows for s in sums), kept=len(order))
        weight = np.concatenate([part.weight for part in parts])[order]
    return replace(
        first, ledger=book.ledger(customers), snapshots=snapshots.iloc[order].reset_index(drop=True), matrix=matrix,
        row_weight=weight, sampling=sampling, computed=computed,
    )  # fmt: skip

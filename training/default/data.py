"""What the default model is fitted and judged on: histories at month ends, and what was known of outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.catalogue import CATALOGUE
from features.engine.histories import build
from features.engine.prepared import PreparedLedger, prepare
from features.engine.snapshots import active, month_ends
from features.language import Level
from ledger.default_status import DefaultPolicy, in_default
from ledger.errors import InputError
from ledger.known import known_by
from ledger.ledger import Ledger
from models.protected import refuse_protected
from training.labels import default_labels

Floats = NDArray[np.float64]

BOOK_COLUMNS = ("days_past_due_oldest", "dbt_open", "invoices_settled_ever")  # that rules and reports ask for
FIRST_AFTER_DAYS = 90  # a ledger's first months hold no history to learn from


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How rows without a default were drawn. rate : share kept, each with weight 1 / rate. seed : of the draw. rows : before
    it. kept : after it."""

    rate: float
    seed: int
    rows: int
    kept: int


@dataclass(frozen=True, kw_only=True)
class Histories:
    """Snapshots at month ends with their matrix, from a ledger cut on `as_of`.

    matrix : (rows, columns) float64. customer, as_of, month : (rows,); month counts months since year 0.
    row_weight : (rows,) 1 / the probability with which each row was drawn; None: all rows are there. sampling : of the draw.
    """

    ledger: Ledger = field(repr=False)
    prepared: PreparedLedger | None = field(repr=False)  # None: read in parts, whose ledgers are no longer there
    as_of: pd.Timestamp
    policy: DefaultPolicy
    snapshots: pd.DataFrame = field(repr=False)
    columns: tuple[str, ...] = field(repr=False)
    matrix: Floats = field(repr=False)
    row_weight: Floats | None = field(default=None, repr=False)
    sampling: Sampling | None = None
    # kept with the histories, and with each choice of their columns: what is asked for at many places is computed once
    computed: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def customer(self) -> NDArray[np.object_]:
        return self.snapshots["customer_id"].to_numpy(dtype=object)

    @cached_property
    def on(self) -> NDArray[np.datetime64]:
        return self.snapshots["as_of"].to_numpy().astype("datetime64[D]")

    @cached_property
    def month(self) -> NDArray[np.int64]:
        return self.on.astype("datetime64[M]").astype(np.int64)

    @cached_property
    def weight(self) -> Floats:
        """Return what each row stands for: 1, or 1 / the probability with which it was drawn."""
        return np.ones(len(self.snapshots)) if self.row_weight is None else self.row_weight

    @property
    def monotone(self) -> list[int]:
        """The direction of risk of each column, from the catalogue."""
        return [int(CATALOGUE[name].risk) for name in self.columns]

    def column(self, name: str) -> Floats:
        """One column of the matrix by name."""
        return self.matrix[:, self.columns.index(name)]

    def book_column(self, name: str, rows: NDArray[np.int64]) -> Floats:
        """A catalogue column of some rows, computed where the matrix does not hold it (for rules and reports)."""
        if name in self.columns:
            return self.matrix[rows, self.columns.index(name)]
        if ("book", name) in self.computed:
            kept: Floats = self.computed["book", name][rows]
            return kept
        return build(self.prepared_ledger, self.snapshots.iloc[rows], [name])[name].to_numpy()

    @property
    def prepared_ledger(self) -> PreparedLedger:
        """The prepared ledger; raises InputError for histories that were read in parts."""
        if self.prepared is None:
            raise InputError(
                "these histories were read in parts, whose ledgers are no longer in memory: read them with the columns and "
                "outcome days that are needed."
            )
        return self.prepared

    def frame(self, rows: NDArray[Any]) -> pd.DataFrame:
        """Rows of the matrix as a frame with the columns' names."""
        return pd.DataFrame(self.matrix[rows], columns=list(self.columns))

    def outcomes(self, until: pd.Timestamp, policy: DefaultPolicy | None = None) -> Outcomes:
        """Return what was known of each snapshot's outcome on day `until`; by another policy than the data's where given.

        Computed once for each day and policy, whether a snapshot is in default once for each policy.
        """
        chosen, until = policy or self.policy, pd.Timestamp(until)
        if (until, chosen) in self.computed:
            kept: Outcomes = self.computed[until, chosen]
            return kept
        if chosen not in self.computed:
            self.computed[chosen] = in_default(
                self.ledger, self.snapshots, chosen, settlement=self.prepared_ledger.settlement
            ).to_numpy()
        found = default_labels(
            self.ledger, self.snapshots, chosen, until=until, settlement=self.prepared_ledger.settlement,
            standing_in=self.computed[chosen],
        )  # fmt: skip
        self.computed[until, chosen] = Outcomes(
            in_default=found["in_default"].to_numpy(),
            mature_months=np.where(self.on <= np.datetime64(until, "D"), found["mature_months"].to_numpy(), 0),
            default_month=found["default_month"].to_numpy(),
        )
        return self.outcomes(until, chosen)


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """Censored times to default in months: default_month (0: none seen) counts only up to mature_months."""

    in_default: NDArray[np.bool_]
    mature_months: NDArray[np.int64]
    default_month: NDArray[np.int64]

    def within(self, months: NDArray[np.int64] | int) -> Floats:
        """1.0 where a default came within `months`; meaningful only where that many months are mature."""
        return ((self.default_month > 0) & (self.default_month <= months)).astype(np.float64)

    def usable(self, at_least: int) -> NDArray[np.bool_]:
        """Not in default, and at least so many months mature."""
        return ~self.in_default & (self.mature_months >= at_least)


def histories(
    ledger: Ledger, as_of: date | str | pd.Timestamp, policy: DefaultPolicy, columns: Sequence[str] | None = None
) -> Histories:
    """The histories that a model fitted on `as_of` may know, one row a customer and month end.

    columns : catalogue columns of customers (None: all). Raises InputError for a protected column, or a ledger too
    short to have a snapshot.
    """
    names = tuple(c.name for c in CATALOGUE.columns(level=Level.CUSTOMER)) if columns is None else tuple(columns)
    refuse_protected(names)
    known = known_by(ledger, as_of)
    if known.invoices.empty:
        raise InputError(f"the ledger has no invoice known on {pd.Timestamp(as_of).date()}: nothing can be learned.")
    first = known.invoices["issued_on"].min() + pd.Timedelta(days=FIRST_AFTER_DAYS)
    if first + pd.offsets.MonthEnd(0) > pd.Timestamp(as_of):
        raise InputError(
            f"the ledger begins on {known.invoices['issued_on'].min().date()}: {pd.Timestamp(as_of).date()} is too "
            f"early to train, {FIRST_AFTER_DAYS} days of history are the least."
        )
    prepared = prepare(known)
    snapshots = active(prepared, month_ends(first, as_of))
    matrix = build(prepared, snapshots, names).to_numpy()
    return Histories(
        ledger=known,
        prepared=prepared,
        as_of=pd.Timestamp(as_of),
        policy=policy,
        snapshots=snapshots,
        columns=names,
        matrix=matrix,
    )

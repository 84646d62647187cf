"""Loss allowance of trade receivables: provision matrix, overlays, movement between two days, PD · LGD · EAD.

Sources: IFRS 9 5.5.15, 5.5.17 and B5.5.35 (simplified approach, provision matrix), IFRS 7 35H (movement); ASU 2025-05
(practical expedient and the election to consider collections after the balance-sheet day).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from decisions.policy_files import Policy
from ledger.buckets import BUCKETS
from ledger.loss_history import LossHistory

INSURED, UNSEGMENTED = "insured", "not given"
OWN, POOLED, INSURER = "own history", "whole book (too few losses)", "whole book times the insurer's refusals"
DAYS_A_YEAR = 365.0
Share = Annotated[float, Field(ge=0, le=1)]


class Scenario(BaseModel):
    """One scenario: its weight, and the factor by which it multiplies historical loss rates."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    weight: Share
    factor: Annotated[float, Field(ge=0)]


class Overlay(BaseModel):
    """A management overlay: a factor on, or an amount on top of, the allowance of some segments and buckets."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    reason: Annotated[str, Field(min_length=10)]
    expires_on: date
    segments: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    factor: Annotated[float | None, Field(ge=0)] = None
    amount: float | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Overlay:
        if (self.factor is None) == (self.amount is None):
            raise ValueError("give either factor or amount")
        if unknown := sorted(set(self.buckets) - set(BUCKETS)):
            raise ValueError(f"buckets must be among {', '.join(BUCKETS)}, got {', '.join(unknown)}")
        return self


class LossGivenDefault(BaseModel):
    """LGD and where it comes from."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    value: Share
    source: str


class ProvisionPolicy(Policy):
    """How the loss allowance is computed; see decisions/policies/provisions.toml."""

    history_months: Annotated[int, Field(ge=1)]
    outcome_days: Annotated[int, Field(ge=91)]
    fewest_lost_items: Annotated[int, Field(ge=0)]
    insurer_refusal_share: Share
    least_life_days: Annotated[int, Field(ge=0)]
    loss_given_default: LossGivenDefault
    scenarios: Annotated[tuple[Scenario, ...], Field(min_length=1)]
    overlays: tuple[Overlay, ...] = ()

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> ProvisionPolicy:
        total = sum(s.weight for s in self.scenarios)
        if abs(total - 1) > 1e-9:
            raise ValueError(f"scenario weights must sum to 1, got {total:g}")
        return self

    @property
    def forward_factor(self) -> float:
        """The scenarios' factors by their weights."""
        return sum(s.weight * s.factor for s in self.scenarios)


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Historical loss rates by segment and bucket. rates : frame indexed by segment, one column a bucket, 0 to 1.
    source : per segment, whose history the rates are of."""

    rates: pd.DataFrame
    source: pd.Series

    def of(self, segments: pd.Series, buckets: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the rate of each item by its segment and the place of its bucket.

        A segment without a history of its own has the rates of the whole book.
        """
        known = segments.where(segments.isin(self.rates.index), UNSEGMENTED)
        place = self.rates.index.get_indexer(pd.Index(known))
        found: NDArray[np.float64] = self.rates.to_numpy()[place, buckets]
        return found


def matrix_rates(entered: NDArray[np.float64], lost: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return lost / entered by bucket; where nothing ever entered a bucket, the rate of the bucket before it."""
    found = np.zeros(len(entered))
    for place, (amount, loss) in enumerate(zip(entered, lost, strict=True)):
        found[place] = loss / amount if amount > 0 else (found[place - 1] if place else 0.0)
    return found


def loss_rates(history: LossHistory, policy: ProvisionPolicy) -> Rates:
    """Return loss rates by segment: a segment's own where enough of its invoices were lost, else the whole book's.

    The row `insured` holds the whole book's rates times the policy's share of what insurers refuse; the row `not given`
    the whole book's, for segments without a history.
    """
    whole = matrix_rates(history.entered.sum().to_numpy(dtype=float), history.lost.sum().to_numpy(dtype=float))
    rows: dict[str, NDArray[np.float64]] = {}
    source: dict[str, str] = {}
    for segment in history.entered.index:
        is_own = int(history.lost_items[segment]) >= max(policy.fewest_lost_items, 1)
        entered, lost = (frame.loc[segment].to_numpy(dtype=float) for frame in (history.entered, history.lost))
        rows[str(segment)] = matrix_rates(entered, lost) if is_own else whole
        source[str(segment)] = OWN if is_own else POOLED
    if UNSEGMENTED not in rows:
        rows[UNSEGMENTED], source[UNSEGMENTED] = whole, POOLED
    rows[INSURED], source[INSURED] = whole * policy.insurer_refusal_share, INSURER
    return Rates(rates=pd.DataFrame(rows, index=list(BUCKETS)).T, source=pd.Series(source))


def expected_credit_loss(balances: NDArray[np.float64], rates: NDArray[np.float64], factor: float = 1.0) -> float:
    """Return Σ rate · balance · factor over buckets: the provision matrix of one segment."""
    return float((np.asarray(balances) * np.asarray(rates)).sum() * factor)


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """The allowance on a day.

    items : one row an item and part (uninsured, insured): invoice_id, number, customer_id, segment, bucket (place),
        open_cents, rate, allowance_cents (before overlays). overlays : name -> cents that each overlay adds.
    expired : names of overlays that had ended by the day.
    """

    as_of: date
    items: pd.DataFrame
    overlays: Mapping[str, int]
    expired: tuple[str, ...]

    @property
    def total_cents(self) -> int:
        """The whole allowance, overlays included."""
        return int(self.items["allowance_cents"].sum()) + sum(self.overlays.values())


def allowance(
    items: pd.DataFrame, rates: Rates, policy: ProvisionPolicy, as_of: date, *, is_expedient: bool = False
) -> Allowance:
    """Return the allowance of open items by the provision matrix.

    Parameters
    ----------
    items : one row an item: invoice_id, number, customer_id, segment, bucket (place in BUCKETS), open_cents and
        insured_cents (the part of it that an insurer covers), whole cents of the reporting currency. An optional column
        collected_cents is what was collected after the balance-sheet day (ASU 2025-05); it needs no allowance.
    rates : historical loss rates. policy : factor, overlays. as_of : the balance-sheet day.
    is_expedient : ASU 2025-05: current conditions are kept for the remaining life, so the forward factor is 1.

    Returns
    -------
    The allowance; each item's in whole cents, so that sums and movements are exact.
    """
    collected = items.get("collected_cents", 0)
    base = (items["open_cents"] - collected).clip(lower=0)
    # what is collected later is taken off the uninsured part first
    insured = np.minimum(items["insured_cents"], base)
    columns = ["invoice_id", "number", "customer_id", "bucket"]
    own = items[columns].assign(segment=items["segment"], part="own", open_cents=base - insured)
    covered = items[columns].assign(segment=INSURED, part="insured", open_cents=insured)
    both = pd.concat([own, covered[covered["open_cents"] != 0]], ignore_index=True)
    factor = 1.0 if is_expedient else policy.forward_factor
    rate = rates.of(both["segment"], both["bucket"].to_numpy()) * factor
    both = both.assign(
        rate=rate, allowance_cents=np.rint(both["open_cents"].to_numpy() * np.minimum(rate, 1.0)).astype(np.int64)
    )
    added, expired = {}, []
    for overlay in policy.overlays:
        if overlay.expires_on < as_of:
            expired.append(overlay.name)
            continue
        added[overlay.name] = _overlay_cents(overlay, both)
    return Allowance(as_of=as_of, items=both, overlays=added, expired=tuple(expired))


def _overlay_cents(overlay: Overlay, items: pd.DataFrame) -> int:
    if overlay.amount is not None:
        return round(overlay.amount * 100)
    is_in = np.ones(len(items), dtype=bool)
    if overlay.segments:
        is_in &= items["segment"].isin(list(overlay.segments)).to_numpy()
    if overlay.buckets:
        is_in &= np.isin(items["bucket"], [BUCKETS.index(b) for b in overlay.buckets])
    return round(float(items.loc[is_in, "allowance_cents"].sum()) * ((overlay.factor or 0.0) - 1.0))


MOVEMENT = (
    "new", "settled", "written_off", "recovered", "part_paid", "aged", "rates", "model", "overlays",
)  # fmt: skip


def movement(
    before: Allowance, now: Allowance, *, same_rates: Allowance, same_model: Allowance, closed_as: pd.Series
) -> dict[str, int]:
    """Return why the allowance moved from `before` to `now`, in whole cents that sum exactly.

    Parameters
    ----------
    before, now : the allowances of both days.
    same_rates : the items of now under the rates and the policy of before.
    same_model : the items of now under the rates of now and the policy of before.
    closed_as : how each item that is no longer open was closed, by (invoice_id, number) (`written_off` or another word); an
        item open now that was closed as written off before stands as `recovered`.

    Returns
    -------
    opening, the lines of MOVEMENT, closing. new: items not open before; settled, written_off: items not open now;
    part_paid: the change of balance at the old bucket's rate; aged: the change of bucket, segment or insured part;
    rates: historical loss rates; model: scenarios and policy; overlays: the overlays' own change.
    """
    key = ["invoice_id", "number", "part"]
    old, new = before.items.set_index(key), same_rates.items.set_index(key)
    names = ["invoice_id", "number"]
    old_items, new_items = (frame.groupby(names)["allowance_cents"].sum() for frame in (old, new))
    gone = old_items[~old_items.index.isin(new_items.index)]
    is_loss = (closed_as.reindex(gone.index) == "written_off").to_numpy()
    came = new_items[~new_items.index.isin(old_items.index)]
    was_lost = came.index.isin(closed_as.index[closed_as == "recovered"])
    stay = old_items.index.intersection(new_items.index)
    # the balance of now at the rates by which each item was measured before
    balance = new.groupby(names)["open_cents"].sum().reindex(stay) / old.groupby(names)["open_cents"].sum().reindex(
        stay
    )
    at_old_bucket = np.rint(old_items.reindex(stay) * balance.fillna(0.0)).astype(np.int64)
    moved = {
        "opening": before.total_cents,
        "new": int(came[~was_lost].sum()), "settled": -int(gone[~is_loss].sum()), "written_off": -int(gone[is_loss].sum()),
        "recovered": int(came[was_lost].sum()),
        "part_paid": int((at_old_bucket - old_items.reindex(stay)).sum()),
        "aged": int((new_items.reindex(stay) - at_old_bucket).sum()),
        "rates": int(same_model.items["allowance_cents"].sum() - same_rates.items["allowance_cents"].sum()),
        "model": int(now.items["allowance_cents"].sum() - same_model.items["allowance_cents"].sum()),
        "overlays": sum(now.overlays.values()) - sum(before.overlays.values()),
        "closing": now.total_cents,
    }  # fmt: skip
    if moved["opening"] + sum(moved[name] for name in MOVEMENT) != moved["closing"]:
        raise ArithmeticError(f"the movement does not reconcile: {moved}")
    return moved


def lifetime_loss(
    pd_12m: NDArray[np.float64],
    lgd: NDArray[np.float64] | float,
    ead: NDArray[np.float64],
    life_days: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return PD · LGD · EAD over the remaining life: the PD of `life_days` at the constant hazard of the 12-month PD.

    pd_12m : 0 to 1, 1 in default. ead : in currency units. NaN in, NaN out.
    """
    survival = np.power(1.0 - np.asarray(pd_12m, dtype=float), np.asarray(life_days, dtype=float) / DAYS_A_YEAR)
    pd_life = np.where(np.asarray(pd_12m) >= 1.0, 1.0, 1.0 - survival)
    found: NDArray[np.float64] = pd_life * lgd * np.asarray(ead, dtype=float)
    return found

"""Cash safety: inflow paths of the open book against an outflow plan, what decides a shortfall, what remedies would do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from decisions.policy_files import Policy
from ledger.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CANDIDATES = 60  # items whose part in a shortfall is computed, the largest by amount that may come late
DECIDING = 10


class Outflow(BaseModel):
    """One payment that we owe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    on: date
    amount: float = Field(ge=0)
    what: str = ""


class LiquidityPlan(Policy):
    """A cash plan, see decisions/policies/liquidity.toml. inventory, cost_of_sales_a_day and payables give DIO and DPO
    where all three are stated."""

    opening_cash: float
    credit_line: float = Field(ge=0)
    target_probability: float = Field(gt=0, lt=1)
    discount_share: float = Field(ge=0, lt=1)
    discount_uptake: float = Field(ge=0, le=1)
    factoring_advance: float = Field(ge=0, le=1)
    factoring_fee: float = Field(ge=0, lt=1)
    factoring_oldest_days: int = Field(ge=0)
    inventory: float | None = None
    cost_of_sales_a_day: float | None = None
    payables: float | None = None
    outflows: tuple[Outflow, ...] = ()


def outflows_of(table: pd.DataFrame) -> tuple[Outflow, ...]:
    """Return the outflows of a table with the columns on, amount and perhaps what. Raises InputError that names the row."""
    missing = sorted({"on", "amount"} - set(table.columns))
    if missing:
        raise InputError(
            f"outflows: the columns {', '.join(missing)} are missing; a plan has on, amount and perhaps what."
        )
    found = []
    for number, row in enumerate(table.to_dict("records"), start=2):
        try:
            what = row.get("what")
            found.append(
                Outflow(
                    on=pd.Timestamp(row["on"]).date(),
                    amount=float(row["amount"]),
                    what="" if pd.isna(what) else str(what),
                )
            )
        except (ValueError, TypeError):
            raise InputError(
                f"outflows: line {number} is not a day and an amount of 0 or above ('{row['on']}', '{row['amount']}'); "
                "write e.g. 2025-01-31,12000,wages."
            ) from None
    return tuple(found)


def outflow_by_period(outflows: tuple[Outflow, ...], as_of: pd.Timestamp, ends: Ints) -> Floats:
    """Return the outflow of each period that ends so many days after `as_of`; what was due by `as_of` falls in the first."""
    days = np.array([max((pd.Timestamp(o.on) - as_of).days, 1) for o in outflows], dtype=np.float64)
    amounts = np.array([o.amount for o in outflows], dtype=np.float64)
    place = np.searchsorted(ends, days, side="left")
    return np.bincount(place, weights=amounts, minlength=len(ends) + 1)[: len(ends)].astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class Safety:
    """What the paths of the balance say. All arrays have one value a period.

    expected, low, high : the balance at the end of each period, with its 80 % band. below : P(balance below minus the
    credit line at the end of the period). by_then : P(that has happened by then). expected_minimum, low_minimum : mean and
    10 % quantile over paths of the lowest balance.
    """

    expected: Floats
    low: Floats
    high: Floats
    below: Floats
    by_then: Floats
    expected_minimum: float
    low_minimum: float

    @property
    def probability(self) -> float:
        """P(shortfall within the periods)."""
        return float(self.by_then[-1])


def balances(inflow: Floats, outflow: Floats, opening: float) -> Floats:
    """Return (paths, periods): the balance at the end of each period."""
    return opening + np.cumsum(inflow - outflow, axis=1)


def safety(paths: Floats, credit_line: float) -> Safety:
    """Return what the paths of the balance say of a shortfall beyond the credit line."""
    low, high = np.quantile(paths, (0.1, 0.9), axis=0)
    lowest = np.minimum.accumulate(paths, axis=1)
    return Safety(
        expected=paths.mean(axis=0), low=low, high=high, below=(paths < -credit_line).mean(axis=0),
        by_then=(lowest < -credit_line).mean(axis=0), expected_minimum=float(lowest[:, -1].mean()),
        low_minimum=float(np.quantile(lowest[:, -1], 0.1)),
    )  # fmt: skip


def shortfall_probability(paths: Floats, credit_line: float) -> float:
    """Return P(the balance falls below minus the credit line in some period)."""
    return float((paths.min(axis=1) < -credit_line).mean())


def deciding_items(
    amount: Floats, paid: Floats, paths: Floats, credit_line: float, contribution: Callable[[int], Floats]
) -> pd.DataFrame:
    """Return the items that decide a shortfall, the most decisive first.

    Parameters
    ----------
    amount : open amounts. paid : (items, periods) P(paid by then). paths : balances, of which `contribution(row)`, the
        item's own inflow on each path, is a part.

    Returns
    -------
    row, p_if_late (P(shortfall) when nothing of it comes within the periods), p_if_early (when it comes in the first),
    decides (their difference), paid_in_time (P(it comes within the periods)).
    """
    doubt = amount * (1.0 - paid[:, 0]) if len(amount) else amount
    chosen = np.argsort(-doubt, kind="stable")[:CANDIDATES]
    rows = []
    for row in chosen:
        own = np.cumsum(contribution(int(row)), axis=1)
        late = shortfall_probability(paths - own, credit_line)
        early = shortfall_probability(paths - own + amount[row], credit_line)
        rows.append((int(row), late, early, late - early, float(paid[row, -1])))
    found = pd.DataFrame(rows, columns=["row", "p_if_late", "p_if_early", "decides", "paid_in_time"])
    found["amount"] = amount[found["row"].to_numpy(dtype=np.int64)]
    found = found.sort_values(["decides", "amount"], ascending=False, kind="stable", ignore_index=True)
    return found.drop(columns="amount").head(DECIDING)


def remedies(
    rows: Ints, amount: Floats, days_past_due: Ints, is_disputed: NDArray[np.bool_], paths: Floats, plan: LiquidityPlan,
    contribution: Callable[[int], Floats],
) -> pd.DataFrame:  # fmt: skip
    """Return what a discount or factoring of single items would do to P(shortfall), and what it costs, one row an item.

    Discount: with the plan's uptake the item comes in the first period less the discount, else as it would have come.
    Factoring: the advance comes in the first period, the rest less the fee when the customer pays. p_factoring is NaN
    for an item that a factor does not buy (disputed, or past due for longer than the plan says).
    """
    line, base = plan.credit_line, shortfall_probability(paths, plan.credit_line)
    found = []
    for row in rows:
        own = np.cumsum(contribution(int(row)), axis=1)
        without = paths - own
        taken = shortfall_probability(without + amount[row] * (1 - plan.discount_share), line)
        discounted = plan.discount_uptake * taken + (1 - plan.discount_uptake) * base
        bought = bool(~is_disputed[row] & (days_past_due[row] <= plan.factoring_oldest_days))
        rest = 1 - plan.factoring_advance - plan.factoring_fee
        factored = (
            shortfall_probability(without + plan.factoring_advance * amount[row] + rest * own, line)
            if bought
            else np.nan
        )
        found.append((
            int(row), base, discounted, amount[row] * plan.discount_share * plan.discount_uptake, factored,
            amount[row] * plan.factoring_fee if bought else np.nan,
        ))  # fmt: skip
    names = ["row", "p_now", "p_discount", "cost_discount", "p_factoring", "cost_factoring"]
    return pd.DataFrame(found, columns=names)


def factoring_set(
    rows: Ints, amount: Floats, paths: Floats, plan: LiquidityPlan, contribution: Callable[[int], Floats]
) -> tuple[list[int], float, float]:
    """Return the items to factor, in the order given, until P(shortfall) is at most the target: (rows, P after, cost)."""
    chosen, now, cost = [], shortfall_probability(paths, plan.credit_line), 0.0
    rest = 1 - plan.factoring_advance - plan.factoring_fee
    for row in rows:
        if now <= plan.target_probability:
            break
        own = np.cumsum(contribution(int(row)), axis=1)
        paths = paths - own + plan.factoring_advance * amount[row] + rest * own
        chosen.append(int(row))
        cost += float(amount[row] * plan.factoring_fee)
        now = shortfall_probability(paths, plan.credit_line)
    return chosen, now, cost


@dataclass(frozen=True, kw_only=True)
class WorkingCapital:
    """DSO, DIO and DPO in days and the cycle DSO + DIO − DPO; None where the plan lacks what a figure needs."""

    dso: float | None
    dio: float | None
    dpo: float | None

    @property
    def cycle_days(self) -> float | None:
        """The cash conversion cycle, days."""
        if self.dso is None or self.dio is None or self.dpo is None:
            return None
        return self.dso + self.dio - self.dpo


def working_capital(dso: float | None, plan: LiquidityPlan) -> WorkingCapital:
    """Return the working-capital days: DIO = inventory / cost of sales a day, DPO = payables / cost of sales a day."""
    cost = plan.cost_of_sales_a_day
    has_cost = cost is not None and cost > 0
    dio = plan.inventory / cost if has_cost and plan.inventory is not None and cost else None
    dpo = plan.payables / cost if has_cost and plan.payables is not None and cost else None
    return WorkingCapital(dso=dso, dio=dio, dpo=dpo)

"""The liquidity report: P(shortfall) by week, what decides it, what a discount or factoring of which items would do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions.cash_forecast import dependence_of, expected_new_inflow
from decisions.inflow import Dependence, inflow_on, item_inflow, paid_by, simulated_inflow
from decisions.liquidity import (
    LiquidityPlan,
    WorkingCapital,
    balances,
    deciding_items,
    factoring_set,
    outflow_by_period,
    remedies,
    safety,
    shortfall_probability,
    working_capital,
)
from decisions.report import DATE, DAYS, Chart, Column, Report, Table, money, number, share, text
from features.engine.histories import build_items
from features.engine.prepared import PreparedLedger
from ledger.currency import reporting_currency
from ledger.known import is_known
from ledger.open_items import open_items_on
from ledger.receivables import figures
from models.delay.model import DelayModel

Floats = NDArray[np.float64]
NEW_SPREAD_WEEKS = 26  # past weeks whose invoicing says how uncertain new business is


@dataclass(frozen=True, kw_only=True)
class OpenBook:
    """The open book of a day with the chance that each item is paid by each period's end.

    new : (periods,) expected inflow of invoices not issued yet; new_spread : standard deviation of its logarithm.
    """

    items: pd.DataFrame
    paid: Floats
    ends: NDArray[np.int64]
    dependence: Dependence
    new: Floats
    new_spread: float
    paths: int = 2000
    seed: int = 0

    @cached_property
    def amount(self) -> Floats:
        return self.items["open_amount"].to_numpy(np.float64)

    @cached_property
    def inflow(self) -> Floats:
        """(paths, periods): simulated inflow of the open items and of new invoices."""
        drawn = simulated_inflow(
            self.amount,
            self.paid,
            self.items["customer_id"].to_numpy(dtype=object),
            self.dependence,
            paths=self.paths,
            seed=self.seed,
        )
        random = np.random.default_rng([self.seed, 9])
        factor = np.exp(self.new_spread * random.standard_normal(self.paths) - self.new_spread**2 / 2)
        return drawn + factor[:, None] * self.new

    def of_item(self, row: int) -> Floats:
        """(paths, periods): what one item contributes to `inflow`."""
        who = self.items["customer_id"].to_numpy(dtype=object)
        return item_inflow(self.amount, self.paid, who, self.dependence, row, paths=self.paths, seed=self.seed)


def open_book(
    prepared: PreparedLedger, model: DelayModel, as_of: pd.Timestamp, ends: NDArray[np.int64], *, paths: int = 2000, seed: int = 0,
    with_new: bool = True,
) -> OpenBook:  # fmt: skip
    """Return the open book of `as_of` by a delay model. with_new : add what invoices not issued yet may bring."""
    items = open_items_on(prepared.ledger, prepared.settlement, as_of)
    X = build_items(prepared, items, list(model.needed))
    paid = paid_by(model.curves(X), ends) if len(items) else np.zeros((0, len(ends)))
    new = expected_new_inflow(prepared, model, as_of, ends) if with_new else np.zeros(len(ends))
    spread = invoicing_spread(prepared, as_of) if with_new else 0.0
    return OpenBook(
        items=items,
        paid=paid,
        ends=ends,
        dependence=dependence_of(model),
        new=new,
        new_spread=spread,
        paths=paths,
        seed=seed,
    )


def invoicing_spread(prepared: PreparedLedger, as_of: pd.Timestamp) -> float:
    """Return how much the invoicing of 13 weeks varies: the deviation of the logarithm of weekly amounts over √13, from the
    last NEW_SPREAD_WEEKS weeks; 0 where fewer than 8 weeks have any."""
    s, at = prepared.settlement, int(np.datetime64(as_of, "D").astype(np.int64))
    age = (at - s.issued_on) // 7
    inside = (s.issued_on <= at) & (age < NEW_SPREAD_WEEKS) & is_known(s.known_from, s.known_until, at)
    weekly = np.bincount(age[inside], weights=s.amount_cents[inside].astype(np.float64), minlength=NEW_SPREAD_WEEKS)
    weekly = weekly[weekly > 0]
    return float(np.std(np.log(weekly), ddof=1) / np.sqrt(13)) if len(weekly) >= 8 else 0.0


def liquidity_report(
    prepared: PreparedLedger, book: OpenBook, as_of: pd.Timestamp, plan: LiquidityPlan, names: list[str], *, model_words: str,
    command: str,
) -> Report:  # fmt: skip
    """Return the liquidity report of a day; names : the last day of each period."""
    outflow = outflow_by_period(plan.outflows, as_of, book.ends)
    paths = balances(book.inflow, outflow, plan.opening_cash)
    found = safety(paths, plan.credit_line)
    until_due = (book.items["due_on"] - as_of).dt.days.to_numpy()
    by_due = plan.opening_cash + np.cumsum(inflow_on(book.amount, until_due, book.ends) + book.new - outflow)
    weeks = pd.DataFrame({
        "week_to": names, "inflow": book.inflow.mean(axis=0), "outflow": outflow, "expected": found.expected, "low": found.low,
        "high": found.high, "below": found.below, "by_then": found.by_then, "by_due": by_due,
    })  # fmt: skip
    decide = deciding_items(book.amount, book.paid, paths, plan.credit_line, book.of_item)
    rows = decide["row"].to_numpy(dtype=np.int64)
    chosen, after, cost = _factoring(book, rows, paths, plan)
    capital = working_capital(figures(prepared.ledger, as_of.date(), 90).dso, plan)
    facts = {
        "opening_cash": plan.opening_cash, "credit_line": plan.credit_line, "outflows_planned": round(float(outflow.sum()), 2),
        "p_shortfall": round(found.probability, 4), "expected_minimum": round(found.expected_minimum, 2),
        "one_in_ten_minimum": round(found.low_minimum, 2), **_capital_facts(capital), "model": model_words,
    }  # fmt: skip
    return Report(
        name="liquidity", title="Cash safety", as_of=as_of.date(), known_to=prepared.ledger.last_known_on, command=command,
        currency=reporting_currency(prepared.ledger), facts=facts,
        tables=[_weeks_table(weeks), _items_table(book, decide), _remedies_table(book, rows, paths, plan)],
        charts=[_chart(weeks, plan)], notes=_notes(plan, chosen, after, cost, book, found.probability),
        warnings=[] if plan.outflows else ["the plan has no outflows: P(shortfall) says nothing until it has."],
    )  # fmt: skip


def _factoring(
    book: OpenBook, rows: NDArray[np.int64], paths: Floats, plan: LiquidityPlan
) -> tuple[list[int], float, float]:
    """The set of items to factor: those that decide a shortfall, then the largest others that a factor buys."""
    late, disputed = book.items["days_past_due"].to_numpy(), book.items["is_disputed"].to_numpy(dtype=bool)
    buys = (late <= plan.factoring_oldest_days) & ~disputed
    rest = [r for r in np.argsort(-book.amount, kind="stable")[:40] if r not in set(rows)]
    order = np.array([r for r in (*rows, *rest) if buys[r]], dtype=np.int64)
    return factoring_set(order, book.amount, paths, plan, book.of_item)


def _capital_facts(capital: WorkingCapital) -> dict[str, object]:
    if capital.cycle_days is None:
        dso = "not known" if capital.dso is None else f"{capital.dso:.1f}"
        return {
            "working_capital": f"DSO {dso} days; DIO and DPO need inventory, payables and cost_of_sales_a_day in the plan"
        }
    return {
        "working_capital_days": f"DSO {capital.dso:.1f} + DIO {capital.dio:.1f} − DPO {capital.dpo:.1f} = {capital.cycle_days:.1f}"
    }


def _notes(plan: LiquidityPlan, chosen: list[int], after: float, cost: float, book: OpenBook, now: float) -> list[str]:
    notes = [
        "P(shortfall): share of simulated paths on which the balance falls below minus the credit line. Open items are drawn "
        "from the delay model's curves with their dependence; new invoices as each customer is invoiced now, varied as the "
        "ledger's own weekly invoicing varies.",
        "By due date: the balance if every item came on its due date and what is past due came in the first week.",
    ]
    ids = book.items["item_id"].to_numpy(dtype=object)
    if now <= plan.target_probability:
        notes.append(
            f"P(shortfall) {now:.1%} is at most the target of {plan.target_probability:.0%}: nothing needs to be sold."
        )
    elif after <= plan.target_probability:
        notes.append(
            f"Factoring {len(chosen)} items ({', '.join(map(str, ids[chosen]))}) brings P(shortfall) from {now:.1%} to {after:.1%} for {cost:,.2f}."
        )
    else:
        notes.append(f"Factoring {len(chosen)} items (the deciding and the largest that a factor buys) brings P(shortfall) from {now:.1%} to {after:.1%} "
                     f"for {cost:,.2f}: above the target of {plan.target_probability:.0%}; a larger line or later outflows are needed.")  # fmt: skip
    return notes


def _weeks_table(weeks: pd.DataFrame) -> Table:
    columns = [
        text("week_to", "week to"), money("inflow", "expected inflow"), money("outflow", "outflow"),
        money("expected", "expected balance", is_summed=False), money("low", "80 % from", is_summed=False), money("high", "to", is_summed=False),
        money("by_due", "by due date", is_summed=False), share("below", "P(below line)"), share("by_then", "P(shortfall by then)"),
    ]  # fmt: skip
    return Table(name="weeks", title="Balance by week", columns=columns, frame=weeks)


def _items_table(book: OpenBook, decide: pd.DataFrame) -> Table:
    rows = decide["row"].to_numpy(dtype=np.int64)
    own = book.items.iloc[rows].reset_index(drop=True)
    own = own.assign(invoice_id=own["item_id"])
    frame = pd.concat(
        [own[["invoice_id", "customer_id", "due_on", "days_past_due", "open_amount"]], decide.drop(columns="row")],
        axis=1,
    )
    columns = [
        text("invoice_id", "invoice"), text("customer_id", "customer"), Column(name="due_on", label="due on", kind=DATE),
        number("days_past_due", "days past due", DAYS), money("open_amount", "open amount"), share("paid_in_time", "P(paid in these weeks)"),
        share("p_if_late", "P(shortfall) if not"), share("p_if_early", "if in the first week"), share("decides", "difference"),
    ]  # fmt: skip
    return Table(name="deciding items", title="The ten items that decide it", columns=columns, frame=frame)


def _remedies_table(book: OpenBook, rows: NDArray[np.int64], paths: Floats, plan: LiquidityPlan) -> Table:
    late, disputed = book.items["days_past_due"].to_numpy(), book.items["is_disputed"].to_numpy(dtype=bool)
    found = remedies(rows, book.amount, late, disputed, paths, plan, book.of_item)
    own = book.items.iloc[rows][["item_id", "customer_id"]].rename(columns={"item_id": "invoice_id"})
    frame = pd.concat([own.reset_index(drop=True), found], axis=1)
    columns = [
        text("invoice_id", "invoice"), text("customer_id", "customer"), share("p_now", "P(shortfall) now"),
        share("p_discount", "after a discount"), money("cost_discount", "its cost"), share("p_factoring", "after factoring"),
        money("cost_factoring", "its cost"),
    ]  # fmt: skip
    note = f"Discount {plan.discount_share:.1%}, taken by {plan.discount_uptake:.0%}; factoring advance {plan.factoring_advance:.0%}, fee {plan.factoring_fee:.1%}."
    return Table(
        name="remedies",
        title="What a discount or factoring of one item would do",
        columns=columns,
        frame=frame,
        note=note,
    )


def _chart(weeks: pd.DataFrame, plan: LiquidityPlan) -> Chart:
    series = {
        "expected": list(weeks["expected"]), "80 % from": list(weeks["low"]), "80 % to": list(weeks["high"]),
        "by due date": list(weeks["by_due"]), "credit line used up": [-plan.credit_line] * len(weeks),
    }  # fmt: skip
    last = weeks["by_then"].iloc[-1]
    return Chart(
        name="balance", title=f"P(shortfall) within {len(weeks)} weeks is {last:.1%}", kind="line",
        categories=[str(w)[5:] for w in weeks["week_to"]],
        series={k: [round(float(x), 2) for x in v] for k, v in series.items()},
    )  # fmt: skip


__all__ = ["OpenBook", "liquidity_report", "open_book", "shortfall_probability"]

"""The price of terms as a report: the business as it is, other terms, the break-even discount, by segment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from decisions.price_of_terms import TermsPolicy, Trade, break_even_discount, priced, trade_off
from decisions.report import DAYS, Chart, Report, Table, money, number, share, text
from ledger.currency import CENTS, reporting_currency
from ledger.errors import InputError
from ledger.ledger import Ledger
from ledger.settlement import settle


def business(ledger: Ledger, on: date, pds: pd.Series | None) -> pd.DataFrame:
    """Return each customer's business of the last 365 days: turnover, terms_days and days_beyond_terms (weighted by amount;
    NaN where nothing was paid), pd (NaN: none), segment. Only customers with an invoice in those days."""
    state = settle(ledger).at(on)
    at = pd.Timestamp(on)
    recent = state[(state["issued_on"] > at - pd.Timedelta(days=365)) & (state["issued_on"] <= at)]
    amount = recent["amount_cents"] / CENTS
    terms = (recent["due_on"] - recent["issued_on"]).dt.days
    late = recent["days_late"].astype("float64").clip(lower=0.0)
    paid = late.notna()
    frame = pd.DataFrame({
        "customer_id": recent["customer_id"].to_numpy(dtype=object), "turnover": amount.to_numpy(), "terms": (amount * terms).to_numpy(),
        "late": (amount * late).where(paid, 0.0).to_numpy(), "paid": amount.where(paid, 0.0).to_numpy(),
    })  # fmt: skip
    sums = frame.groupby("customer_id").sum()
    segment = ledger.customers.drop_duplicates("customer_id", keep="last").set_index("customer_id")["segment"]
    return pd.DataFrame({
        "turnover": sums["turnover"], "terms_days": sums["terms"] / sums["turnover"],
        "days_beyond_terms": np.where(sums["paid"] > 0, sums["late"] / sums["paid"].where(sums["paid"] > 0), np.nan),
        "pd": np.nan if pds is None else pds.reindex(sums.index).astype("float64"),
        "segment": segment.reindex(sums.index).fillna("not given"),
    })  # fmt: skip


def trade_of(own: pd.DataFrame) -> Trade:
    """Return the business of some customers together: means weighted by turnover; the PD is that of those that have one."""
    weight = own["turnover"]
    late, scored = own["days_beyond_terms"].notna(), own["pd"].notna()
    return Trade(
        turnover=float(weight.sum()), terms_days=float(np.average(own["terms_days"], weights=weight)),
        days_beyond_terms=float(np.average(own["days_beyond_terms"][late], weights=weight[late])) if late.any() else 0.0,
        pd=float(np.average(own["pd"][scored], weights=weight[scored])) if scored.any() else None,
    )  # fmt: skip


def terms_report(
    ledger: Ledger, on: date, policy: TermsPolicy, *, pds: pd.Series | None, model_words: str, segment: str | None, customer: str | None,
    choices: Sequence[int], discount: float, command: str,
) -> Report:  # fmt: skip
    """Return the price of terms of the book, a segment or a customer. Raises InputError where it had no invoice in the year."""
    whole = business(ledger, on, pds)
    own = whole if segment is None else whole[whole["segment"] == segment]
    own = own if customer is None else own[own.index == customer]
    if own.empty:
        raise InputError(
            f"no invoice of the last 365 days before {on} is of {customer or f'segment {segment}' if customer or segment else 'any customer'}."
        )
    trade = trade_of(own)
    now = priced(trade, policy, terms_days=trade.terms_days)
    curve = [now, *trade_off(trade, policy, [float(c) for c in choices], discount=discount)]
    frame = pd.DataFrame([
        {"terms": "as it is" if p is now else f"{p.terms_days:.0f} days" + (f", {discount:.1%} discount" if discount else ""),
         "turnover": p.turnover, "days_outstanding": p.days_outstanding, "financing": p.financing, "discount_cost": p.discount_cost,
         "expected_loss": np.nan if p.expected_loss is None else p.expected_loss, "price": p.price, "margin": p.margin, "change": p.margin - now.margin}
        for p in curve
    ])  # fmt: skip
    return Report(
        name="terms", title="Price of payment terms", as_of=on, known_to=ledger.last_known_on, command=command, currency=reporting_currency(ledger),
        facts={
            "policy": f"{policy.name} {policy.version}", "of": customer or segment or "the whole book", "customers": len(own), "model": model_words,
            "terms_now": f"{trade.terms_days:.1f} days, paid {trade.days_beyond_terms:.1f} days beyond", "pd": "not known" if trade.pd is None else f"{trade.pd:.2%}",
            "break_even_discount": f"{break_even_discount(trade, policy):.2%}",
            "turnover_elasticity": "none given: turnover stays" if policy.turnover_elasticity is None else policy.turnover_elasticity,
        },
        tables=[_curve_table(frame), _segments_table(whole, policy)], charts=[_chart(frame)], notes=_notes(policy),
    )  # fmt: skip


def _notes(policy: TermsPolicy) -> list[str]:
    return [
        f"Financing at {policy.financing_rate:.1%} a year of what is outstanding; expected loss = outstanding × PD × LGD {policy.loss_given_default:.0%}; "
        f"gross margin {policy.gross_margin:.0%}; all from the policy file.",
        "Break-even discount: what payment within the policy's discount days saves in financing and expected loss, as a share of the invoice.",
    ]  # fmt: skip


def _curve_table(frame: pd.DataFrame) -> Table:
    columns = [
        text("terms", "terms"), money("turnover", "turnover a year", is_summed=False), number("days_outstanding", "DSO, days", DAYS), money("financing", "financing", is_summed=False),
        money("discount_cost", "discount", is_summed=False), money("expected_loss", "expected loss", is_summed=False), share("price", "costs of turnover"),
        money("margin", "margin", is_summed=False), money("change", "margin against now", is_summed=False),
    ]  # fmt: skip
    return Table(name="terms", title="What other terms would cost and bring", columns=columns, frame=frame)


def _segments_table(whole: pd.DataFrame, policy: TermsPolicy) -> Table:
    rows = []
    for name, own in whole.groupby("segment", sort=True):
        trade = trade_of(own)
        now = priced(trade, policy, terms_days=trade.terms_days)
        rows.append({"segment": name, "customers": len(own), "turnover": trade.turnover, "terms_days": trade.terms_days, "days_beyond_terms": trade.days_beyond_terms,
                     "pd": np.nan if trade.pd is None else trade.pd, "price": now.price, "margin": now.margin, "break_even": break_even_discount(trade, policy)})  # fmt: skip
    columns = [
        text("segment", "segment"), number("customers", "customers", "integer"), money("turnover", "turnover a year"), number("terms_days", "terms, days"),
        number("days_beyond_terms", "beyond terms"), share("pd", "PD"), share("price", "costs of turnover"), money("margin", "margin"), share("break_even", "break-even discount"),
    ]  # fmt: skip
    return Table(
        name="segments",
        title="The price of today's terms by segment",
        columns=columns,
        frame=pd.DataFrame(rows, columns=[c.name for c in columns]),
    )


def _chart(frame: pd.DataFrame) -> Chart:
    return Chart(name="curve", title="Margin and turnover by terms", kind="bars", categories=list(frame["terms"]),
                 series={"turnover": list(frame["turnover"].round(2)), "margin": list(frame["margin"].round(2))})  # fmt: skip

"""Contingency drills as a report: scenarios against the base, plans of action, the last drill, reverse stress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions.cash_forecast import expected_new_inflow
from decisions.chinese import in_chinese
from decisions.drill_log import Drill, last_of
from decisions.inflow import paid_by
from decisions.liquidity import LiquidityPlan, outflow_by_period
from decisions.report import Chart, Column, Report, Table, money, number, text
from decisions.scorer import IN_DEFAULT_STATUS, Scorer
from decisions.steering.words_zh import CODES
from decisions.stress import (
    BASE,
    MOST_SEVERE,
    Outcome,
    ReverseStress,
    Scenario,
    StressBook,
    StressPolicy,
    applied,
    reverse,
)
from ledger.credit_terms import all_terms_on
from ledger.errors import InputError
from ledger.ledger import Ledger
from ledger.master import master_on
from models.absent import AbsentDelay
from models.delay.payment_curve import Curves, joined

Floats = NDArray[np.float64]
AT_ONCE = 1_000
SALES_DAYS = 365.0


def stress_book(
    scorer: Scorer, on: date, plan: LiquidityPlan, ends: NDArray[np.int64], *, at_once: int = AT_ONCE
) -> StressBook:  # fmt: skip
    """Return the book of a day as drills need it: every customer with exposure, its PD (1 in default), cover, limit, items."""
    ledger, delay = scorer.served.ledger, scorer.delay
    if isinstance(delay, AbsentDelay):
        raise InputError("drills need a delay model: `tradecredit train` and `tradecredit promote` give one.")
    ids = [str(c) for c in ledger.customers["customer_id"]]
    scored = [scorer.score(ids[k : k + at_once], on) for k in range(0, len(ids), at_once)]
    rows = pd.concat([s.customers for s in scored])
    master, terms = master_on(ledger, on), all_terms_on(ledger, on).set_index("customer_id")
    chosen = rows[(rows["exposure"] > 0) | (rows["balance"] > 0)]
    pds = chosen["pd"].mask(chosen["special"] == IN_DEFAULT_STATUS, 1.0).astype("float64")
    customers = pd.DataFrame(
        {
            "pd": pds, "exposure": chosen["exposure"].astype("float64"), "sales_a_day": _sales(ledger, on).reindex(chosen.index).fillna(0.0),
            **{c: master[c].reindex(chosen.index) for c in ("industry", "country", "group_id")},
            **{c: terms[c].reindex(chosen.index).astype("float64") for c in ("insured_limit", "insured_share", "credit_limit")},
        },
        index=chosen.index,
    )  # fmt: skip
    items = pd.concat([s.items for s in scored], ignore_index=True)
    curves = joined([delay.curves(scorer.item_inputs(s)) for s in scored if len(s.items)]) if len(items) else None
    kept = items["customer_id"].isin(customers.index).to_numpy()
    currency = ledger.invoices["currency"].to_numpy(dtype=object)[items["row"].to_numpy(dtype=np.int64)]
    place = pd.Series(np.arange(len(customers)), index=customers.index)
    book_items = pd.DataFrame({
        "customer": place.reindex(items["customer_id"][kept]).to_numpy(dtype=np.int64), "open_amount": items["open_amount"].to_numpy()[kept],
        "currency": currency[kept], "days_past_due": items["days_past_due"].to_numpy()[kept],
    })  # fmt: skip
    return StressBook(
        customers=customers, items=book_items, paid=_paid(curves.only(kept), ends) if curves is not None else lambda _: np.zeros((0, len(ends))),
        ends=ends, new_by=np.cumsum(expected_new_inflow(scorer.served.prepared, delay, pd.Timestamp(on), ends)), outflow=outflow_by_period(plan.outflows, pd.Timestamp(on), ends), opening=plan.opening_cash,
        credit_line=plan.credit_line, macro_pd=_macro_pd(scorer, scored, customers.index),
    )  # fmt: skip


def _paid(curves: Curves, ends: NDArray[np.int64]) -> Callable[[Floats], Floats]:
    """Shift of each item's payment in whole days -> P(paid by the end of each period); unshifted paths are kept."""
    plain = paid_by(curves, ends)

    def paid(delay: Floats) -> Floats:
        if not delay.any():
            return plain
        days = delay.astype(np.int64)
        return np.column_stack([1.0 - curves.unpaid_on(curves.asked + end - days) for end in ends])

    return paid


def _macro_pd(scorer: Scorer, scored: Sequence, index: pd.Index) -> Callable[[Scenario, float], Floats | None]:
    """PDs with the scenario's macro columns shifted, where the default model has any of them; None where it has none."""

    def shifted(scenario: Scenario, severity: float) -> Floats | None:
        own = [name for name in scenario.macro_columns if name in scorer.default.columns]
        if not own:
            return None
        parts = []
        for scores in scored:
            X = scores.X.copy()
            for name in own:
                X[name] = X[name] + severity * scenario.macro_columns[name]
            parts.append(scorer.rescored(scores, X).customers["pd"])
        return pd.concat(parts).reindex(index).to_numpy(np.float64)

    return shifted


def _sales(ledger: Ledger, on: date) -> pd.Series:
    """Each customer's invoicing a day over the last year, in document currency amounts (a measure of speed)."""
    day = pd.Timestamp(on)
    own = ledger.invoices
    own = own[
        (own["kind"] == "invoice") & (own["issued_on"] > day - pd.Timedelta(days=365)) & (own["issued_on"] <= day)
    ]
    return own.groupby("customer_id")["amount"].sum() / SALES_DAYS


def stress_report(
    book: StressBook, policy: StressPolicy, ledger: Ledger, on: date, *, severity: float, only: str | None, past: Sequence[Drill],
    weeks: Sequence[str], currency: str | None, command: str, model_words: str, language: str = "en",
) -> tuple[Report, list[Outcome]]:  # fmt: skip
    """Return the drills of all scenarios (or of one) as a report, and their outcomes, the base first."""
    scenarios = [policy.scenario(only)] if only else list(policy.scenarios)
    base = applied(book, BASE, policy, 0.0)
    outcomes = [applied(book, one, policy, severity) for one in scenarios]
    reversed_ = [reverse(book, one, policy) for one in scenarios]
    without_pd = int(book.customers["pd"].isna().sum())
    facts = {
        "scenarios": f"{policy.name} {policy.version}", "severity": severity, "model": model_words,
        "opening_cash": book.opening, "credit_line": book.credit_line, "customers": len(book.customers),
        "customers_without_a_pd": f"{without_pd}（不计入预期损失）" if language == "zh" else f"{without_pd} (they count nothing in expected loss)",
    }  # fmt: skip
    tables = [
        _outcomes_table([base, *outcomes], {s.name: (s.title_zh or s.title) if language == "zh" else s.title for s in (BASE, *scenarios)}), _reverse_table(reversed_, language),
        _actions_table(scenarios, on, language), _against_last(outcomes, past), _changes_table(outcomes), _weeks_table(base, outcomes, weeks),
    ]  # fmt: skip
    report = Report(
        name="stress", title="Contingency drills", as_of=on, known_to=ledger.last_known_on, command=command, currency=currency, facts=facts,
        tables=tables, charts=[_chart(base, outcomes, weeks, book.credit_line, language)], notes=_notes(policy, outcomes, language),
        warnings=[] if book.outflow.any() else ["the plan has no outflows: balances and reverse stress say little until it has."],
    )  # fmt: skip
    return (in_chinese(report) if language == "zh" else report), [base, *outcomes]


def _notes(policy: StressPolicy, outcomes: Sequence[Outcome], language: str) -> list[str]:
    """What the figures are made of."""
    by_model, lgd = ", ".join(o.scenario for o in outcomes if o.pd_from_model), f"{policy.loss_given_default:.0%}"
    if language == "zh":
        return [
            f"以下情景的违约概率由模型自身的宏观变量得出：{by_model}。"
            if by_model
            else "违约模型不含情景所列的宏观变量：违约概率按情景文件所述几率倍数变动。",
            f"预期损失 = 违约概率 × 违约损失率 {lgd} ×（敞口 − 保险）；损失准备按延迟后的账龄适用文件所列比率，并按预期损失相对基准的倍数调整。",
            "超限：敞口加上延迟期间的发货超过信用额度。余额为期望值，含未结款项及按当前节奏开具的新发票。",
            "反向压力：使预期余额最低点恰好等于授信额度的最小强度。",
        ]
    return [
        f"PDs move by the model's own macro columns in: {by_model}." if by_model else
        "The default model has no macro column that a scenario names: PDs move by the scenario file's stated odds.",
        f"Expected loss = PD × LGD {lgd} × (exposure − cover); the allowance applies the file's rates by ageing after the delay, scaled by "
        "expected loss against the base.",
        "A limit breach: exposure plus deliveries during the delay above the customer's credit limit. Balances are expectations: the "
        "open book, and new invoices as each customer is invoiced now.",
        "Reverse stress: the smallest severity at which the lowest expected balance is minus the credit line.",
    ]  # fmt: skip


def _outcomes_table(outcomes: Sequence[Outcome], titles: dict[str, str]) -> Table:
    frame = pd.DataFrame([
        {"scenario": o.scenario, "title": titles[o.scenario], "severity": o.severity, **o.figures(), "newly_high": len(o.newly_high)} for o in outcomes
    ])  # fmt: skip
    columns = [
        text("scenario", "scenario"), Column(name="title", label="what happens", is_wide=True), number("severity", "severity"),
        money("expected_loss", "expected loss", is_summed=False), money("allowance", "allowance", is_summed=False),
        money("lowest_balance", "lowest balance", is_summed=False), money("gap", "line lacks", is_summed=False),
        money("valuation_loss", "loss of value", is_summed=False), number("limit_breaches", "limit breaches", "integer"),
        number("high_pd", "high PD", "integer"), number("newly_high", "newly high", "integer"),
    ]  # fmt: skip
    return Table(name="scenarios", title="What each scenario does", columns=columns, frame=frame)


def _why(found: ReverseStress, language: str) -> str:
    """Why no severity exhausts the line, in words; that it does where one is found."""
    if language == "zh" and found.left is not None:
        return f"强度为 {MOST_SEVERE:g} 倍时额度与现金仍余 {found.left:,.0f}"
    return found.why or "the line is just exhausted"


def _reverse_table(found: Sequence[ReverseStress], language: str) -> Table:
    frame = pd.DataFrame([
        {"scenario": r.scenario, "severity": r.severity, "lowest": r.outcome.lowest if r.outcome else None,
         "expected_loss": r.outcome.expected_loss if r.outcome else None, "why": _why(r, language)}
        for r in found
    ])  # fmt: skip
    columns = [
        text("scenario", "scenario"), number("severity", "severity needed"), money("lowest", "lowest balance then", is_summed=False),
        money("expected_loss", "expected loss then", is_summed=False), text("why", "result"),
    ]  # fmt: skip
    return Table(name="reverse", title="What it takes to exhaust the line", columns=columns, frame=frame)


def _actions_table(scenarios: Sequence[Scenario], on: date, language: str) -> Table:
    frame = pd.DataFrame(
        [
            (
                s.name,
                (a.what_zh or a.what) if language == "zh" else a.what,
                a.owner,
                a.within_days,
                on + timedelta(days=a.within_days),
            )
            for s in scenarios
            for a in s.actions
        ],
        columns=["scenario", "what", "owner", "within_days", "by"],
    )
    columns = [text("scenario", "scenario"), text("what", "action"), text("owner", "owner"), number("within_days", "within days", "days"),
               Column(name="by", label="by", kind="date")]  # fmt: skip
    return Table(name="plan", title="The plan: who does what by when", columns=columns, frame=frame)


def _against_last(outcomes: Sequence[Outcome], past: Sequence[Drill]) -> Table:
    rows = []
    for outcome in outcomes:
        last = last_of(past, outcome.scenario)
        if last is None:
            continue
        now = outcome.figures()
        rows.append({
            "scenario": outcome.scenario, "last_as_of": last.as_of, "last_severity": last.severity,
            **{f"{n}_change": now[n] - last.figures[n] for n in ("expected_loss", "allowance", "lowest_balance", "limit_breaches", "high_pd")},
        })  # fmt: skip
    columns = [
        text("scenario", "scenario"), text("last_as_of", "last drill of"), number("last_severity", "its severity"),
        money("expected_loss_change", "expected loss", is_summed=False), money("allowance_change", "allowance", is_summed=False),
        money("lowest_balance_change", "lowest balance", is_summed=False), number("limit_breaches_change", "limit breaches", "integer"),
        number("high_pd_change", "high PD", "integer"),
    ]  # fmt: skip
    note = "" if rows else "No drill of these scenarios is in the log yet; --log FILE keeps one."
    return Table(
        name="last drill",
        title="Change against the last drill",
        columns=columns,
        frame=pd.DataFrame(rows, columns=[c.name for c in columns]),
        note=note,
    )


def _changes_table(outcomes: Sequence[Outcome]) -> Table:
    rows = [
        (o.scenario, kind, c)
        for o in outcomes
        for kind, ids in (("limit breach", o.breached), ("high PD", o.newly_high))
        for c in ids
    ]
    columns = [text("scenario", "scenario"), text("change", "newly"), text("customer_id", "customer")]
    return Table(name="customers", title="Customers newly over a limit or on the watch list", columns=columns,
                 frame=pd.DataFrame(rows, columns=["scenario", "change", "customer_id"]), terminal_rows=10)  # fmt: skip


def _weeks_table(base: Outcome, outcomes: Sequence[Outcome], weeks: Sequence[str]) -> Table:
    frame = pd.DataFrame({"week_to": list(weeks), **{o.scenario: o.balance for o in (base, *outcomes)}})
    columns = [text("week_to", "week to"), *(money(o.scenario, o.scenario, is_summed=False) for o in (base, *outcomes))]
    return Table(name="weeks", title="Expected balance by week", columns=columns, frame=frame)


def _chart_title(lowest: Outcome, language: str) -> str:
    if language == "zh":
        return f"最低余额为 {lowest.lowest:,.0f}，情景：{CODES.get(lowest.scenario, lowest.scenario)}"
    return f"The lowest balance is {lowest.lowest:,.0f} in '{lowest.scenario}'"


def _chart(base: Outcome, outcomes: Sequence[Outcome], weeks: Sequence[str], line: float, language: str) -> Chart:
    worst = sorted(outcomes, key=lambda o: o.lowest)[:4]
    series = {o.scenario: [round(float(v), 2) for v in o.balance] for o in (base, *worst)}
    series["credit line used up"] = [-line] * len(weeks)
    lowest = worst[0]
    return Chart(name="balance", title=_chart_title(lowest, language), kind="line",
                 categories=[str(w)[5:] for w in weeks], series=series)  # fmt: skip

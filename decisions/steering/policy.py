"""Reports on limit policies: two compared over the past book, and one strategy's year."""

from __future__ import annotations

from datetime import date

import pandas as pd

from decisions.limits import LimitPolicy
from decisions.policy_review import ACTIONS, CAVEATS, above_actual_limit, by_quarter, by_segment, compared
from decisions.report import Chart, Column, Report, Table, count, money, number, share, text
from ledger.currency import reporting_currency
from ledger.ledger import Ledger


def comparison_report(
    ledger: Ledger, as_of: date, a: LimitPolicy, b: LimitPolicy, of_a: pd.DataFrame, of_b: pd.DataFrame, *, model_words: str, command: str
) -> Report:  # fmt: skip
    """Return what policy b would have done to the past book against policy a, by segment. of_a, of_b : from `reviewed`."""
    names = (f"{a.name} {a.version}", f"{b.name} {b.version}")
    change = compared(of_a, of_b)
    whole = change[change["segment"] == "all"].iloc[0].to_dict()
    title = f"{names[1]} against {names[0]}"
    return Report(
        name="policy", title="Policies compared", as_of=as_of, known_to=ledger.last_known_on, command=command,
        currency=reporting_currency(ledger),
        facts={
            "policy_a": names[0], "policy_b": names[1], "model": model_words, "month_ends": of_a["as_of"].nunique(), "decisions": len(of_a),
            "decided_otherwise": f"{whole['decided_otherwise']:.1%}", "sales_refused_change": round(float(whole["refused"]), 2),
            "losses_change": round(float(whole["lost"]), 2),
        },
        tables=[
            _change_table(change, title), _segments_table("policy a", f"A: {names[0]}", of_a), _segments_table("policy b", f"B: {names[1]}", of_b),
            _cases_table(of_a, of_b),
        ],
        charts=[_chart(of_a, of_b, names)], notes=list(CAVEATS),
    )  # fmt: skip


def review_report(
    ledger: Ledger, as_of: date, policy: LimitPolicy, review: pd.DataFrame, *, model_words: str, command: str
) -> Report:
    """Return a strategy's year: by quarter and segment, and the limits in force above what the policy gives."""
    above = above_actual_limit(review, review["current_limit"]).head(200)
    quarters = by_quarter(review)
    columns = [
        text("quarter", "quarter"), count("cases", "decisions"), count("holds", "holds"), count("declines", "declines"), money("sales", "sales"),
        money("refused", "sales refused"), count("defaults", "defaults decided"), money("lost", "losses"), money("avoided", "losses avoided"),
    ]  # fmt: skip
    over = [
        text("customer_id", "customer"), Column(name="as_of", label="as of", kind="date"), text("segment", "segment"), text("action", "policy says"),
        money("limit", "policy's limit", is_summed=False), money("in_force", "limit in force", is_summed=False), money("above", "above by", is_summed=False),
    ]  # fmt: skip
    return Report(
        name="policy_review", title="Review of the credit strategy", as_of=as_of, known_to=ledger.last_known_on, command=command,
        currency=reporting_currency(ledger),
        facts={"policy": f"{policy.name} {policy.version}", "model": model_words, "month_ends": review["as_of"].nunique(), "decisions": len(review)},
        tables=[
            Table(name="quarters", title="By quarter", columns=columns, frame=quarters), _segments_table("segments", "By segment", review),
            Table(name="above", title="Limits in force above the policy's, largest first", columns=over, frame=above, terminal_rows=15),
        ],
        charts=[Chart(name="quarters", title="Losses and sales refused by quarter", kind="bars", categories=list(quarters["quarter"]),
                      series={"losses": list(quarters["lost"].round(2)), "losses avoided": list(quarters["avoided"].round(2)),
                              "sales refused": list(quarters["refused"].round(2))})],
        notes=list(CAVEATS),
    )  # fmt: skip


def _change_table(change: pd.DataFrame, title: str) -> Table:
    columns = [
        text("segment", "segment"), share("decided_otherwise", "decided otherwise"), money("limits", "limits", is_summed=False),
        number("hold", "holds", "integer"), number("decline", "declines", "integer"), number("refer", "referrals", "integer"),
        money("refused", "sales refused", is_summed=False), money("lost", "losses", is_summed=False), money("avoided", "losses avoided", is_summed=False),
    ]  # fmt: skip
    return Table(name="change", title=f"{title}: change", columns=columns, frame=change)


def _segments_table(name: str, title: str, review: pd.DataFrame) -> Table:
    columns = [
        text("segment", "segment"), number("cases", "decisions", "integer"), number("customers", "customers", "integer"),
        *(number(a, a, "integer") for a in ACTIONS), money("limits", "limits, mean month", is_summed=False), money("sales", "sales", is_summed=False),
        money("refused", "sales refused", is_summed=False), money("lost", "losses", is_summed=False), money("avoided", "losses avoided", is_summed=False),
    ]  # fmt: skip
    return Table(name=name, title=title, columns=columns, frame=by_segment(review))


def _cases_table(of_a: pd.DataFrame, of_b: pd.DataFrame) -> Table:
    frame = of_a[["customer_id", "as_of", "segment", "exposure"]].assign(
        action_a=of_a["action"], limit_a=of_a["limit"], action_b=of_b["action"], limit_b=of_b["limit"],
        change=of_b["limit"] - of_a["limit"],
    )  # fmt: skip
    frame = frame[frame["as_of"] == frame["as_of"].max()]
    frame = frame[(frame["action_a"] != frame["action_b"]) | (frame["change"].abs() > 0.005)]
    frame = frame.reindex(frame["change"].abs().sort_values(ascending=False, kind="stable").index)
    columns = [
        text("customer_id", "customer"), text("segment", "segment"), money("exposure", "exposure", is_summed=False), text("action_a", "A"),
        money("limit_a", "limit A", is_summed=False), text("action_b", "B"), money("limit_b", "limit B", is_summed=False), money("change", "change", is_summed=False),
    ]  # fmt: skip
    return Table(
        name="customers",
        title="Customers decided otherwise on the last day, largest change first",
        columns=columns,
        frame=frame,
        terminal_rows=15,
    )


def _chart(of_a: pd.DataFrame, of_b: pd.DataFrame, names: tuple[str, str]) -> Chart:
    sums = [review.groupby("as_of")["limit"].sum() for review in (of_a, of_b)]
    labels = [pd.Timestamp(d).strftime("%b %y") for d in sums[0].index]
    return Chart(name="limits", title="Sum of limits at month ends", kind="line", categories=labels,
                 series={f"A: {names[0]}": list(sums[0].round(2)), f"B: {names[1]}": list(sums[1].round(2))})  # fmt: skip

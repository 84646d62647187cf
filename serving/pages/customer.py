"""The customer's page: one case to decide on, its answer first, the evidence below; also printed as a two-page memo."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from decisions.customer_view import HistoryPoint, InvoiceBar, MasterData
from decisions.scorer import COLUMNS
from models.reasons.sentences import shown
from models.reasons.table import reason_table
from serving.case import Case
from serving.pages import texts
from serving.pages.charts import Bar, Chart, Line, Span, Step, bars, line, stacked, timeline, waterfall
from serving.pages.layout import N_, Notice, Session, render
from serving.translations import Translation, translate

MOST_BARS = 40  # invoices on the time line; older ones on demand
MOST_THEMES = 8  # of the waterfall; the rest is one step
AGEING_FILLS = {"current": "current", "1_30": "late1", "31_60": "late2", "61_90": "late3", "over_90": "late4"}


def customer_page(
    case: Case, *, session: Session, message: Notice | None = None, extra: Mapping[str, Any] | None = None,
    query: Mapping[str, str] | None = None, all_invoices: bool = False,
) -> str:  # fmt: skip
    """Return the page of a case as HTML.

    extra : what was asked for besides: `what_if`, `changes`, `levers`, `reference` (data of serving.case_extras), and
    `form` with the values that a refused form had.
    """
    t = translate(case.language)
    more = {
        "what_if": None,
        "changes": None,
        "levers": None,
        "reference": None,
        "taken_by": None,
        "form": {},
        **(extra or {}),
    }
    more["form"] = {"action": "", "limit": None, "by": "", "condition": "", "reason": "", **more["form"]}
    explained = more["reference"] or case.explained
    return render(
        "customer.html", language=case.language, here="queue", path="/customer",
        query=query, session=session, message=message, case=case, subtitle=subtitle(case.master, t),
        explained=explained, waterfall=_waterfall(explained, t), themes=_themes(explained, case, t),
        history=_history(case.history, case.decisions, t), timeline=_timeline(case.invoices, case.as_of, t, all_invoices),
        older=0 if all_invoices else max(0, len(case.invoices) - MOST_BARS), ageing=_ageing(case, t),
        dso=_dso(case, t), items=_items(case, t), arithmetic=texts.arithmetic(case, t), actions=texts.ACTIONS,
        since=_since_last(case, t), action_text=lambda action: t.text(texts.ACTIONS.get(action, action)),
        status_text=lambda status: t.text(texts.STATUSES.get(status, status)), limit_steps=_need_rows(case, t),
        references=texts.REFERENCES, **more,
    )  # fmt: skip


def subtitle(master: MasterData, t: Translation) -> str:
    """Return country, industry, segment and legal form of a customer in words."""
    country = t.locale.territories.get(master.country, master.country) if master.country else None
    parts = [
        country,
        *(t.text(word) if word else None for word in (texts.plain(master.industry), texts.plain(master.segment))),
    ]
    return " · ".join(part for part in parts if part)


def _waterfall(explained: Mapping[str, Any] | None, t: Translation) -> Chart | None:
    if explained is None:
        return None
    steps = _steps(explained)
    named = [Step(label=t.text("Other") if key == "other" else name, change=points, shown=t.points(points, 2))
             for key, name, points in steps]  # fmt: skip
    base, total = explained["base_probability"], explained["probability"]
    title = t.text(
        "From {base}, the average of the reference, to {total}", base=t.share(base, 2), total=t.share(total, 2)
    )
    desc = t.text("Each bar starts where the one before ended; percentage points of the probability of default.")
    return waterfall(
        "why", title, desc, base=Bar(label=t.text("Reference"), value=base, shown=t.share(base, 2)), steps=named,
        total=Bar(label=t.text("This customer"), value=total, shown=t.share(total, 2)),
        head=(t.text("Step"), t.text("Points")),
    )  # fmt: skip


def _steps(explained: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    """The largest themes and the rest as one step, so that base and steps add up to the total exactly."""
    rows = explained["themes"]
    shown_rows, rest = rows[:MOST_THEMES], rows[MOST_THEMES:]
    steps = [(row["theme"], row["name"], row["probability_points"]) for row in shown_rows]
    gap = explained["probability"] - explained["base_probability"] - math.fsum(s[2] for s in steps)
    return [*steps, ("other", "", gap)] if rest or abs(gap) > 1e-12 else steps


def _themes(explained: Mapping[str, Any] | None, case: Case, t: Translation) -> list[dict[str, Any]]:
    """Every theme with its columns: the fact, the value, the industry's median, the effect."""
    if explained is None:
        return []
    table, found = reason_table(), []
    for row in explained["themes"]:
        columns = [
            {
                "label": _label(c["feature"], t), "value": c["shown"],
                "median": _median(c["feature"], case.peers, t), "effect": t.signed(c["log_odds"], 2),
                "points": t.points(c["probability_points"], 2),
            }
            for c in explained["contributions"] if c["theme"] == row["theme"] and abs(c["log_odds"]) >= 0.005
        ]  # fmt: skip
        if columns:
            found.append({
                "name": table.theme_name(row["theme"], t.language), "points": t.points(row["probability_points"], 2),
                "columns": columns,
            })  # fmt: skip
    return found


def _label(feature: str, t: Translation) -> str:
    column = COLUMNS[feature]
    label = reason_table().label(column, t.language)
    return label if label is not None else column.reason[t.language].replace("{value}", "…")


def _median(feature: str, peers: Mapping[str, float], t: Translation) -> str:
    return "–" if feature not in peers else shown(peers[feature], COLUMNS[feature].unit, t.language)


def _history(points: Sequence[HistoryPoint], decisions: Sequence[Mapping[str, Any]], t: Translation) -> Chart | None:
    known = [p for p in points if p.pd is not None]
    if not known:
        return None
    places = {p.on: float(p.on.toordinal()) for p in known}
    drawn = [(places[p.on], 100 * float(p.pd or 0), 100 * float(p.low or 0), 100 * float(p.high or 0)) for p in known]
    marks = []
    for decision in decisions:
        on = date.fromisoformat(decision["as_of"])
        at = [p for p in known if p.on <= on]
        if at and decision["status"] == "decided":
            text = f"{t.date(on)}: {t.text(texts.ACTIONS.get(decision['action'], decision['action']))}"
            marks.append((max(places[at[-1].on], float(known[0].on.toordinal())), 100 * float(at[-1].pd or 0), text))
    top = max(x[3] for x in drawn)
    ticks = [(v, t.number(v, 2) + ("%" if t.language == "zh" else "\u00a0%")) for v in _ticks(top)]
    change = (known[-1].pd or 0.0) - (known[0].pd or 0.0)
    title = t.text(
        "Probability of default over {n} months: {first} to {last}", n=len(known) - 1, first=t.share(known[0].pd, 2),
        last=t.share(known[-1].pd, 2),
    )  # fmt: skip
    desc = t.text(
        "Line with its band of fit error; circles are decisions. Change {change} points.", change=t.points(change, 2)
    )
    rows = [
        (t.date(p.on), t.share(p.pd, 2), t.share(p.low, 2), t.share(p.high, 2), str(p.grade)) for p in reversed(known)
    ]
    return line(
        "history", title, desc, drawn=Line(points=drawn, marks=marks), ticks=ticks,
        ends=(t.date(known[0].on), t.date(known[-1].on)),
        head=(t.text("Day"), t.text("PD"), t.text("Low"), t.text("High"), t.text("Grade")), rows=rows,
    )  # fmt: skip


def _ticks(top: float) -> list[float]:
    """0, the middle and a round number at or above the highest value."""
    if top <= 0:
        return [0.0, 1.0]
    unit = 10 ** math.floor(math.log10(top))
    highest = next(unit * k for k in (1, 2, 4, 5, 10) if unit * k >= top - 1e-12)
    return [0.0, highest / 2, highest]


def _timeline(invoices: Sequence[InvoiceBar], as_of: date, t: Translation, everything: bool) -> Chart | None:
    shown_bars = list(invoices if everything else invoices[-MOST_BARS:])
    if not shown_bars:
        return None
    spans = []
    for bar in shown_bars:
        late = bar.days_late(as_of)
        words = _late_words(bar, late, t)
        spans.append(Span(
            label=bar.invoice_id, start=float(bar.issued_on.toordinal()), due=float(bar.due_on.toordinal()),
            end=float((bar.closed_on or as_of).toordinal()), is_open=bar.closed_on is None, fill=_lateness_fill(late),
            shown=words,
            cells=(bar.invoice_id, t.date(bar.issued_on), t.date(bar.due_on), t.date(bar.closed_on), t.money(bar.amount), words),
        ))  # fmt: skip
    paid = [b.days_late(as_of) for b in shown_bars if b.kind == "paid"]
    still_open = sum(b.closed_on is None for b in shown_bars)
    mean = t.number(sum(max(0, d) for d in paid) / len(paid), 0) if paid else "–"
    if paid:
        title = t.text(
            "Last {n} invoices: paid {days} days late on average, {open} still open",
            n=len(shown_bars),
            days=mean,
            open=still_open,
        )
    else:
        title = t.text("Last {n} invoices, {open} still open", n=len(shown_bars), open=still_open)
    desc = t.text(
        "One bar an invoice from issue to payment; the line marks the due day, the time after it is coloured by lateness, a dot means still open."
    )
    head = tuple(t.text(x) for x in (N_("Invoice"), N_("Issued"), N_("Due"), N_("Paid"), N_("Amount"), N_("Late by")))
    first = min(b.issued_on for b in shown_bars)
    last = max(max(b.closed_on or as_of, b.due_on) for b in shown_bars)
    return timeline("payments", title, desc, spans=spans, ends=(t.date(first), t.date(last)), head=head)


def _late_words(bar: InvoiceBar, late: int, t: Translation) -> str:
    if bar.kind not in ("open", "paid"):
        return t.text(texts.CLOSED.get(bar.kind, bar.kind))
    if late > 0:
        return t.plural("{n} day", "{n} days", late) + (" · " + t.text("disputed") if bar.is_disputed else "")
    if bar.kind == "open":
        return t.text("not due")
    return t.text("on time") if late == 0 else t.plural("{n} day early", "{n} days early", -late)


def _lateness_fill(late: int) -> str:
    return "late1" if late <= 30 else "late2" if late <= 60 else "late3" if late <= 90 else "late4"


def _ageing(case: Case, t: Translation) -> Chart:
    account = case.account
    parts = [
        Bar(label=t.text(texts.BUCKETS[name]), value=max(0.0, amount or 0.0), shown=t.money(amount), fill=AGEING_FILLS[name])
        for name, amount in account["ageing"].items()
    ]  # fmt: skip
    title = t.text(
        "{balance} {currency} open, of it {overdue} overdue", balance=t.money(account["balance"]), currency=case.currency,
        overdue=t.money(account["overdue"]),
    )  # fmt: skip
    desc = t.text("The open balance by days past due.")
    return stacked("ageing", title, desc, parts=parts, head=(t.text("Days past due"), case.currency))


def _dso(case: Case, t: Translation) -> Chart | None:
    own, industry = case.lateness.own, case.lateness.industry
    rows = []
    for name, label in texts.LATENESS:
        if math.isnan(own[name]):
            continue
        shows = t.share if name == "late_share_12m" else t.number
        scale = 100.0 if name == "late_share_12m" else 1.0
        rows.append(Bar(label=t.text(label), value=max(0.0, scale * own[name]), shown=shows(own[name], 0)))
        if industry is not None:
            rows.append(Bar(
                label=t.text("– industry"), value=max(0.0, scale * industry[name]), shown=shows(industry[name], 0), fill="lowers",
            ))  # fmt: skip
    if not rows:
        return None
    title = (
        t.text("Against the median of {n} customers of its industry", n=case.lateness.industry_customers)
        if industry is not None else t.text("Over 12 months")
    )  # fmt: skip
    return bars(
        "peers", title, t.text("Share in per cent, else days."), rows=rows, head=(t.text("Figure"), t.text("Value"))
    )


def _items(case: Case, t: Translation) -> dict[str, Any]:
    """The open items, longest overdue first, with when each is expected; and their sum."""
    rows = sorted(case.open_items, key=lambda item: (-item["days_past_due"], item["due_on"], item["invoice_id"]))
    found = []
    for item in rows:
        number = item.get("instalment", 0)
        name = f"{item['invoice_id']}#{number}" if number else item["invoice_id"]
        low, high = (_after(item["due_on"], item[name]) for name in ("days_late_p10", "days_late_p90"))
        found.append({
            **item, "item_id": name, "expected": t.date(item["expected_on"]),
            "interval": f"{t.day_month(_no_earlier(low, case.as_of))} – {t.day_month(_no_earlier(high, case.as_of))}",
        })  # fmt: skip
    return {"rows": found, "total": math.fsum(item["open_amount"] for item in rows)}


def _after(day: str, days: float) -> date:
    return (pd.Timestamp(day) + pd.Timedelta(days=round(days))).date()


def _no_earlier(day: date, as_of: date) -> date:
    """An open item is not paid before tomorrow."""
    return max(day, (pd.Timestamp(as_of) + pd.Timedelta(days=1)).date())


def _since_last(case: Case, t: Translation) -> dict[str, Any] | None:
    """How the PD moved since the last decision's day, by the served model; None without a decision or a PD."""
    now = case.score["pd"]
    decided = [d for d in case.decisions if d["status"] == "decided"]
    if now is None or not decided:
        return None
    on = date.fromisoformat(decided[0]["as_of"])
    before = [p for p in case.history if p.on <= on and p.pd is not None]
    if not before:
        return None
    then = before[-1]
    return {
        "on": t.date(then.on), "grade": then.grade, "points": t.points(now - float(then.pd or 0.0), 1),
        "day": on.isoformat(),
    }  # fmt: skip


def _need_rows(case: Case, t: Translation) -> list[tuple[str, str, str]]:
    if case.need is None:
        return []
    return [texts.step_row(step.name, step.formula, step.values, step.result, t) for step in case.need.steps]

"""Trade-credit insurance as a report: exposure, duties, cover lost and about to be lost, stop list, value of more cover."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from decisions.cover import (
    DUTIES,
    REASONS,
    CoverPolicy,
    duties,
    net_expected_loss,
    notice,
    smallest_cents,
    value_of_more_cover,
)
from decisions.cover_book import CoverBook, cover_book
from decisions.customer_scores import CustomerScores
from decisions.report import DATE, DAYS, Chart, Column, Report, Table, count, money, number, share, text
from ledger.accounts import ACTIVE_DAYS
from ledger.currency import CENTS, reporting_currency
from ledger.known import NEVER, day
from ledger.ledger import Ledger
from ledger.lgd import LgdTable
from ledger.master import master_on
from ledger.open_positions import bills_on
from ledger.settlement import Settlement, dates

NOTICE_KINDS = {
    "overdue_notice": "overdue and not reported", "extension_request": "the customer promised to pay later",
    "rescheduling_notice": "a concession put the due day off",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CoverFigures:
    """The cover of a book with its money: `customers` one row a customer, `items` one row an open item, in currency units."""

    book: CoverBook
    customers: pd.DataFrame
    items: pd.DataFrame


def cover_figures(
    ledger: Ledger, settlement: Settlement, as_of: date, policy: CoverPolicy, scores: CustomerScores, lgd: LgdTable
) -> CoverFigures:
    """Return exposure, insured part and expected losses of every customer with an open item.

    Exposure is what is open and bills that have not matured, less unapplied credits, at least 0; what is insured never
    exceeds it. Bills count as uninsured.
    """
    book, master = cover_book(ledger, settlement, as_of, policy), master_on(ledger, as_of)
    own = book.evaluated
    items = pd.DataFrame({
        "customer_id": own["customer_id"], "name": own["customer_id"].map(master["name"]), "item_id": own["invoice_id"],
        "issued_on": _dates(own["issued_on"]), "due_on": _dates(own["due_on"]), "open": own["open_cents"] / CENTS,
        "within_limit": own["within_limit_cents"] / CENTS, "insured": own["insured_cents"] / CENTS, "status": own["status"],
        "reason": own["reason"], "limit_kind": own["limit_kind"], "notify_by": _dates(own["notify_by"]),
        "stop_from": _dates(own["stop_from"]), "claim_from": _dates(own["claim_from"]), "claim_by": _dates(own["claim_by"]),
    })  # fmt: skip
    loose = settlement.unapplied_at(as_of).groupby("customer_id")["unapplied_cents"].sum() / CENTS
    sums = items.groupby("customer_id")[["open", "within_limit", "insured"]].sum()
    limits = own.groupby("customer_id").agg(limit=("limit_cents", "max"), share=("share", "max"))
    frame = sums.assign(limit=limits["limit"] / CENTS, share=limits["share"])
    bills = bills_on(ledger, [(ledger, settlement)], as_of).groupby("customer_id")["reporting_cents"].sum() / CENTS
    frame = frame.reindex(sorted({*frame.index, *bills.index[bills > 0]})).fillna(0.0)
    frame["bills"] = bills.reindex(frame.index).fillna(0.0)
    frame["exposure"] = (frame["open"] + frame["bills"] - loose.reindex(frame.index).fillna(0.0)).clip(lower=0.0)
    frame["insured"] = np.minimum(frame["insured"], frame["exposure"])
    frame["uninsured"] = frame["exposure"] - frame["insured"]
    frame["first_loss"] = book.first_loss.reindex(frame.index).fillna(policy.first_loss).astype(float)
    own_master = master.reindex(frame.index)
    frame = frame.assign(name=own_master["name"], country=own_master["country"])
    frame["lgd"] = [lgd.of(segment).value for segment in own_master["segment"]]
    frame["pd"] = scores.pd_of(frame.index).to_numpy()
    frame["expected_loss"] = frame["pd"] * frame["lgd"] * frame["exposure"]
    frame["net_expected_loss"] = net_expected_loss(
        frame["pd"].to_numpy(), frame["lgd"].to_numpy(), frame["exposure"].to_numpy(), frame["insured"].to_numpy(),
        frame["first_loss"].to_numpy(),
    )  # fmt: skip
    customers = frame.reset_index(names="customer_id").sort_values(
        ["uninsured", "customer_id"], ascending=[False, True]
    )
    return CoverFigures(book=book, customers=customers.reset_index(drop=True), items=items)


def cover_report(
    ledger: Ledger, settlement: Settlement, as_of: date, policy: CoverPolicy, scores: CustomerScores, lgd: LgdTable, *,
    command: str, within_days: int = 30, warnings: tuple[str, ...] = (),
) -> Report:  # fmt: skip
    """Return the insurance report of a book on a day; duties are those that end within `within_days` days."""
    found = cover_figures(ledger, settlement, as_of, policy, scores, lgd)
    book, names = found.book, master_on(ledger, as_of)["name"]
    tables = [
        _summary(found, scores), _duties(book, policy, as_of, within_days, names), _lost_tomorrow(book, names), _lost(found), _never(found),
        _stop_list(ledger, book, policy, as_of, names, found), _customers(found), _more_cover(found, policy), _discretionary(book, policy, names),
    ]  # fmt: skip
    status = found.items.groupby("status")["open"].sum()
    order = [s for s in ("covered", "over the limit", "suspended", "lost", "not insured") if s in status]
    insured, exposure = found.customers["insured"].sum(), found.customers["exposure"].sum()
    title = f"{100 * insured / exposure:.1f} % of the exposure is insured" if exposure > 0 else "Nothing is exposed"
    return Report(
        name="cover", title="Trade-credit insurance", as_of=as_of, known_to=ledger.last_known_on, command=command,
        currency=reporting_currency(ledger), warnings=warnings, tables=tables,
        facts={"policy": f"{policy.name} {policy.version}, {policy.insurer}, number {policy.policy_number}",
               "pd": scores.source, "lgd": lgd_words(lgd)},
        charts=[Chart(name="status", kind="bars", title=title, categories=order, unit=reporting_currency(ledger) or "",
                      series={"open": [float(status[s]) for s in order]})],
        notes=[
            "An item's insured amount is its part within the buyer's limit (oldest issues first) times the insured share, "
            "while no reason has ended its cover. Net expected loss is PD · LGD · (exposure − max(0, insured − first loss)).",
            "A notice, a consent to an extension and a claim are read from events of kind insurance_claim whose detail is "
            "overdue_notice, extension:YYYY-MM-DD or claim. Discretionary limits are those of the day of the report.",
        ],
    )  # fmt: skip


def lgd_words(lgd: LgdTable) -> str:
    """Return the LGD of the whole book with its source, for a report's head."""
    book = lgd.book
    return f"{book.value:.3f} ({book.source}, {book.defaults} closed defaults; policy {lgd.policy.name} {lgd.policy.version})"


def _dates(numbers: pd.Series) -> Any:
    values = numbers.to_numpy(dtype=np.int64)
    return dates(np.where(values >= int(NEVER), int(NEVER), values))


def _summary(found: CoverFigures, scores: CustomerScores) -> Table:
    own = found.customers
    lines = [
        ("open", "open balance", own["open"].sum()), ("bills", "bills not matured, counted as uninsured", own["bills"].sum()),
        ("exposure", "exposure (open and bills, less credits)", own["exposure"].sum()),
        ("insured", "insured: the insurer's part of a total loss", own["insured"].sum()),
        ("uninsured", "uninsured exposure", own["uninsured"].sum()),
        ("lost", "open in items whose cover is lost", found.items.loc[found.items["status"] == "lost", "open"].sum()),
        ("not_insured", "open in items that never had cover", found.items.loc[found.items["status"] == "not insured", "open"].sum()),
        ("suspended", "open in disputed items (cover suspended)", found.items.loc[found.items["status"] == "suspended", "open"].sum()),
    ]  # fmt: skip
    if scores.is_known:
        unscored = own.loc[own["pd"].isna(), "exposure"].sum()
        lines += [
            ("expected_loss", "expected loss, gross", own["expected_loss"].sum()),
            ("net_expected_loss", "expected loss, net of cover", own["net_expected_loss"].sum()),
            ("without_pd", "exposure of customers without a PD, in neither", unscored),
        ]
    frame = pd.DataFrame(lines, columns=["name", "figure", "amount"])
    columns = [
        Column(name="name", label="name", audience="files"),
        text("figure", "figure"),
        money("amount", "amount", is_summed=False),
    ]
    return Table(name="summary", title="Exposure and cover", columns=columns, frame=frame)


def _duties(book: CoverBook, policy: CoverPolicy, as_of: date, within_days: int, names: pd.Series) -> Table:
    frame = duties(book.evaluated, policy, as_of)
    frame = frame[frame["days_left"] <= within_days]
    frame = pd.DataFrame({
        "by": _dates(frame["by"]), "days_left": frame["days_left"], "duty": frame["duty"].map(DUTIES),
        "customer_id": frame["customer_id"], "name": frame["customer_id"].map(names), "item_id": frame["invoice_id"],
        "open": frame["open_cents"] / CENTS, "insured": frame["insured_cents"] / CENTS,
    })  # fmt: skip
    columns = [
        Column(name="by", label="last day", kind=DATE), number("days_left", "days left", DAYS), text("duty", "duty"),
        text("customer_id", "customer"), text("name", "name"), text("item_id", "invoice"), money("open", "open"), money("insured", "insured"),
    ]  # fmt: skip
    return Table(name="duties", title=f"To do for cover within {within_days} days", columns=columns, frame=frame)


def _lost_tomorrow(book: CoverBook, names: pd.Series) -> Table:
    today = book.evaluated.set_index("invoice_id")
    tomorrow = book.tomorrow[book.tomorrow["reason"] != ""]
    frame = tomorrow[(today["reason"].reindex(tomorrow["invoice_id"]) == "").to_numpy()]
    insured = today["insured_cents"].reindex(frame["invoice_id"]).to_numpy(dtype=np.int64)
    shown = pd.DataFrame({
        "customer_id": frame["customer_id"], "name": frame["customer_id"].map(names), "item_id": frame["invoice_id"],
        "why": frame["reason"].map(REASONS), "open": frame["open_cents"] / CENTS, "insured": insured / CENTS,
    })  # fmt: skip
    columns = [text("customer_id", "customer"), text("name", "name"), text("item_id", "invoice"), text("why", "why"),
               money("open", "open"), money("insured", "insured today")]  # fmt: skip
    return Table(
        name="lost_tomorrow", title="Cover that is lost tomorrow if nothing is done today", columns=columns, frame=shown
    )


def _lost(found: CoverFigures) -> Table:
    frame = found.items[found.items["status"] == "lost"].copy()
    frame["why"] = frame["reason"].map(REASONS)
    columns = [text("customer_id", "customer"), text("name", "name"), text("item_id", "invoice"),
               Column(name="issued_on", label="issued", kind=DATE), Column(name="due_on", label="due", kind=DATE),
               Column(name="reason", label="reason", audience="files"), text("why", "why"), money("open", "open")]  # fmt: skip
    return Table(name="lost", title="Cover that is lost already", columns=columns, frame=frame, terminal_rows=15)


def _never(found: CoverFigures) -> Table:
    own = found.items[found.items["status"] == "not insured"]
    sums = (
        own.groupby("reason")
        .agg(customers=("customer_id", "nunique"), items=("open", "size"), open=("open", "sum"))
        .reset_index()
    )
    sums["why"] = sums["reason"].map(REASONS)
    columns = [Column(name="reason", label="reason", audience="files"), text("why", "why"), number("customers", "customers", "integer"),
               count("items", "items"), money("open", "open")]  # fmt: skip
    return Table(name="not_insured", title="Open items that never had cover", columns=columns, frame=sums)


def _active(ledger: Ledger, as_of: date) -> set[str]:
    """Customers with an invoice of the last year, known on the day."""
    on, since = np.datetime64(as_of, "s"), np.datetime64(as_of, "s") - np.timedelta64(ACTIVE_DAYS, "D")
    issued, booked = (ledger.column("invoices", name).to_numpy() for name in ("issued_on", "booked_on"))
    rows = np.flatnonzero((issued > since) & (issued <= on) & (booked <= on))
    return set(ledger.column("invoices", "customer_id").iloc[rows].unique())


def _stop_list(
    ledger: Ledger, book: CoverBook, policy: CoverPolicy, as_of: date, names: pd.Series, found: CoverFigures
) -> Table:
    """Customers with an open item or an invoice of the last year to whom shipments must stop."""
    from decisions.cover import stop_days

    at, stops = day(as_of), stop_days(book.lives, policy)
    now = stops[(stops["first"] <= at) & (stops["last"] > at)].drop_duplicates("customer_id")
    open_now = found.customers.set_index("customer_id")["open"]
    frame = pd.DataFrame({
        "customer_id": now["customer_id"], "name": now["customer_id"].map(names), "since": _dates(now["first"]),
        "days": at - now["first"] + 1, "open": open_now.reindex(now["customer_id"]).fillna(0.0).to_numpy(dtype=float),
    }).sort_values(["open", "customer_id"], ascending=[False, True])  # fmt: skip
    frame = frame[(frame["open"] > 0) | frame["customer_id"].isin(_active(ledger, as_of))]
    columns = [text("customer_id", "customer"), text("name", "name"), Column(name="since", label="stop since", kind=DATE),
               number("days", "days", DAYS), money("open", "open")]  # fmt: skip
    return Table(
        name="stop_shipment", title="Stop shipments: no cover for what is issued now", columns=columns, frame=frame,
        note="An item is unpaid past the maximum extension period, was written off, or the customer is insolvent.", terminal_rows=20,
    )  # fmt: skip


def _customers(found: CoverFigures) -> Table:
    columns = [
        text("customer_id", "customer"), text("name", "name"), text("country", "country"), money("open", "open"),
        money("bills", "bills"), money("exposure", "exposure"), money("limit", "limit", is_summed=False), share("share", "insured share"),
        money("insured", "insured"), money("uninsured", "uninsured"), money("first_loss", "first loss", is_summed=False),
        share("pd", "PD 12 months"), share("lgd", "LGD"), money("expected_loss", "expected loss"), money("net_expected_loss", "net expected loss"),
    ]  # fmt: skip
    return Table(
        name="customers",
        title="Exposure, cover and expected loss by customer",
        columns=columns,
        frame=found.customers,
        terminal_rows=15,
    )


def _more_cover(found: CoverFigures, policy: CoverPolicy) -> Table:
    own = found.customers.assign(
        uninsured_limit=(found.customers["exposure"] - found.customers["within_limit"]).clip(lower=0.0),
        share=policy.insured_share,
    )
    frame = value_of_more_cover(own, policy)
    frame = frame.assign(name=frame["customer_id"].map(own.set_index("customer_id")["name"]))
    columns = [text("customer_id", "customer"), text("name", "name"), money("additional_limit", "additional limit"),
               money("expected_loss_saved", "expected loss saved a year"), money("premium", "premium a year"), money("value", "value")]  # fmt: skip
    return Table(
        name="more_cover", title="What more cover is worth against its premium", columns=columns, frame=frame, terminal_rows=15,
        note=f"Premium {100 * policy.premium_share_of_limit:.2f} % of the additional limit a year. Needs the insurer's consent; "
        "items whose cover is lost stay without.",
    )  # fmt: skip


def _discretionary(book: CoverBook, policy: CoverPolicy, names: pd.Series) -> Table:
    own = book.experience.reset_index(names="customer_id")
    insured = set(book.limits.loc[book.limits["kind"] == "insurer", "customer_id"])
    own = own[~own["customer_id"].isin(insured)]
    own = own.assign(name=own["customer_id"].map(names)).sort_values(
        ["discretionary_limit", "customer_id"], ascending=[False, True]
    )
    columns = [
        text("customer_id", "customer"), text("name", "name"), number("paid_invoices", "paid invoices", "integer"),
        number("longest_days_late", "longest days late", DAYS), money("highest_balance", "highest balance", is_summed=False),
        money("discretionary_limit", "discretionary limit", is_summed=False), text("why", "why none"),
    ]  # fmt: skip
    terms = policy.discretionary
    return Table(
        name="discretionary", title="Discretionary limits from our own payment experience", columns=columns, frame=own, terminal_rows=15,
        note=f"Of customers without an insurer's limit: at most {terms.limit:,.2f}, the highest balance of {terms.experience_months} "
        f"months, at least {terms.fewest_paid_invoices} paid invoices, nothing later than {terms.longest_days_late} days.",
    )  # fmt: skip


def notices(
    ledger: Ledger, book: CoverBook, policy: CoverPolicy, as_of: date, currency: str, within_days: int = 30
) -> list[dict[str, Any]]:
    """Return the notices to send on a day, one a customer and kind, in the neutral form of docs/cover.md.

    overdue_notice: items past due, not reported, whose cover holds and whose last day to report is within `within_days`. extension_request: of these, those for which the
    customer has promised a later day (event promise_to_pay). rescheduling_notice: items with a concession.
    """
    master, at = master_on(ledger, as_of), day(as_of)
    own = book.evaluated[~book.evaluated["is_notified"]]
    conceded = book.lives.set_index("invoice_id")["conceded_on"]
    promised = _promised(ledger, as_of)
    items = pd.DataFrame({
        "customer_id": own["customer_id"], "invoice_id": own["invoice_id"], "issued_on": _dates(own["issued_on"]),
        "due_on": _dates(own["due_on"]), "amount": own["open_cents"] / CENTS, "open": own["open_cents"] / CENTS,
        "days_past_due": (at - own["due_on"]).clip(lower=0),
    })  # fmt: skip
    documents = book.items.set_index("item_id")
    amounts = (documents["amount_cents"] * _rate(documents)).reindex(items["invoice_id"]).to_numpy(dtype=float)
    items["amount"] = amounts / CENTS
    is_late = (
        (own["effective_due"] < at)
        & (own["reason"] == "")
        & (own["open_cents"] >= smallest_cents(policy))
        & (own["notify_by"] - at <= within_days)
    )
    is_moved = own["invoice_id"].map(conceded) <= at
    is_promised = own["invoice_id"].map(documents["invoice_id"]).isin(promised)
    chosen: Mapping[str, Any] = {
        "overdue_notice": is_late & ~is_moved & ~is_promised, "extension_request": is_late & ~is_moved & is_promised,
        "rescheduling_notice": is_moved,
    }  # fmt: skip
    found = []
    for kind, holds in chosen.items():
        for customer_id, rows in items[holds].groupby("customer_id"):
            facts = master.loc[customer_id] if customer_id in master.index else pd.Series(dtype=object)
            who = {
                "customer_id": customer_id,
                "name": _given(facts.get("name")),
                "country": _given(facts.get("country")),
            }
            found.append(notice(kind, policy, who, rows, as_of, currency, NOTICE_KINDS[kind]))
    return found


def _rate(documents: pd.DataFrame) -> pd.Series:
    """Cents of the reporting currency for one cent of each document's."""
    return documents["reporting_open_cents"] / documents["open_cents"]


def _promised(ledger: Ledger, as_of: date) -> set[str]:
    events = ledger.events
    is_own = (
        (events["kind"] == "promise_to_pay")
        & (events["booked_on"] <= pd.Timestamp(as_of))
        & (events["occurred_on"] <= pd.Timestamp(as_of))
    )
    return set(events.loc[is_own, "invoice_id"].dropna())


def _given(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)

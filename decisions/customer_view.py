"""What a reviewer looks at beside a score: master data, group, the PD's history, invoices over time, payers alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from decisions.scorer import Scorer
from features.engine.histories import build
from features.engine.prepared import topmost_parent
from ledger.accounts import accounts
from ledger.credit_terms import terms_on
from ledger.currency import CENTS
from ledger.default_status import in_default
from ledger.known import day
from ledger.settlement import CLOSED_KINDS

NEVER = np.iinfo(np.int32).max
HISTORY_MONTHS = 24
LATENESS = ("late_share_12m", "days_past_due_mean_12m", "dso_12m", "best_possible_dso_12m")
PEERS_AT_LEAST = 5  # fewer customers say nothing of an industry


@dataclass(frozen=True, kw_only=True)
class MasterData:
    """Who the customer is, as the ledger's customers table says; None is not reported."""

    customer_id: str
    name: str | None
    country: str | None
    industry: str | None
    segment: str | None
    legal_form: str | None
    onboarded_on: date | None


@dataclass(frozen=True, kw_only=True)
class Group:
    """The parent group: its topmost parent, its customers, their limits and exposures together (reporting currency)."""

    parent_id: str
    parent_name: str | None
    customer_ids: tuple[str, ...]
    limit: float
    exposure: float


@dataclass(frozen=True, kw_only=True)
class HistoryPoint:
    """The PD on one day as the served model gives it from what was known then; None where it gives none."""

    on: date
    pd: float | None
    low: float | None
    high: float | None
    grade: str | None
    is_in_default: bool


@dataclass(frozen=True, kw_only=True)
class InvoiceBar:
    """An item as known on a day: invoice_id is the invoice's id, INVOICE#NUMBER for an instalment. closed_on: None while open; kind: open, paid, credited, factored, written_off."""

    invoice_id: str
    issued_on: date
    due_on: date
    closed_on: date | None
    kind: str
    amount: float
    open_amount: float
    is_disputed: bool

    def days_late(self, as_of: date) -> int:
        """Return the days from due day to payment, or to `as_of` while it is open; below 0: early."""
        return ((self.closed_on or as_of) - self.due_on).days


@dataclass(frozen=True, kw_only=True)
class Lateness:
    """How a customer pays, and the median of its industry's customers (None: too few); NaN is not known.

    late_share : of the invoices due in 12 months; days_past_due : their mean; dso, best_dso : days over 12 months.
    """

    own: dict[str, float]
    industry: dict[str, float] | None
    industry_customers: int


def text_or_none(value: object) -> str | None:
    """Return a text, or None for a missing one."""
    return value if isinstance(value, str) and value else None


def master_data(scorer: Scorer, customer_id: str) -> MasterData:
    """Return a customer's master data."""
    row = scorer.served.ledger.customers
    own = row[(row["customer_id"] == customer_id).to_numpy()].iloc[0]
    onboarded = own["onboarded_on"]
    return MasterData(
        customer_id=customer_id, name=text_or_none(own["name"]), country=text_or_none(own["country"]),
        industry=text_or_none(own["industry"]), segment=text_or_none(own["segment"]),
        legal_form=text_or_none(own["legal_form"]), onboarded_on=None if pd.isna(onboarded) else onboarded.date(),
    )  # fmt: skip


def group_of(scorer: Scorer, customer_id: str, as_of: date) -> Group | None:
    """Return the parent group of a customer with limits and exposures; None for a customer without one."""
    prepared = scorer.served.prepared
    code = int(prepared.owners.index.get_indexer(pd.Index([customer_id], dtype=object))[0])
    number = prepared.groups[code]
    if number < 0:
        return None
    members = [str(i) for i in prepared.owners.ids[prepared.groups == number]]
    balances = accounts(prepared.settlement, members, day(as_of)).customers
    limits = [terms_on(scorer.served.ledger, member, as_of).credit_limit or 0.0 for member in members]
    table = scorer.served.ledger.customers
    has_parent = table["parent_id"].notna().to_numpy()
    above = dict(zip(table["customer_id"][has_parent], table["parent_id"][has_parent], strict=True))
    top = topmost_parent(customer_id, above)
    named = table["name"][(table["customer_id"] == top).to_numpy()]
    exposure = float((balances["balance"] - balances["unapplied"]).clip(lower=0.0).sum())
    return Group(
        parent_id=top, parent_name=None if named.empty else text_or_none(named.iloc[0]),
        customer_ids=tuple(sorted(members)), limit=float(sum(limits)), exposure=exposure,
    )  # fmt: skip


def pd_history(scorer: Scorer, customer_id: str, as_of: date, months: int = HISTORY_MONTHS) -> list[HistoryPoint]:
    """Return the PD at the end of each of the last months and on `as_of`, from what was known on each day.

    Each point is the served model's: what another model said then stands with the decisions of then.
    """
    ends = pd.date_range(end=pd.Timestamp(as_of), periods=months, freq="ME")
    first = pd.Timestamp(scorer.served.ledger.invoices["booked_on"].min())
    days = sorted({*(d for d in ends if d > first), pd.Timestamp(as_of)})
    snapshots = pd.DataFrame({
        "customer_id": pd.Series([customer_id] * len(days), dtype="str"), "as_of": pd.Series(days).dt.as_unit("s"),
    })  # fmt: skip
    prepared = scorer.served.prepared
    defaulted = in_default(prepared.ledger, snapshots, scorer.default.policy, settlement=prepared.settlement)
    if not scorer.has_default:  # no PD to show, but the days in default
        return [
            HistoryPoint(on=on.date(), pd=None, low=None, high=None, grade=None, is_in_default=bool(found))
            for on, found in zip(days, defaulted, strict=True)
        ]
    X = build(prepared, snapshots, columns=scorer.default.needed)
    has_invoice = X["days_since_first_invoice"].notna().to_numpy() if "days_since_first_invoice" in X else None
    predicted = scorer.default.predict(X)
    main = predicted[f"pd_{scorer.default.horizon_months}m"].to_numpy()
    points = []
    for place, moment in enumerate(days):
        none = bool(defaulted.iloc[place]) or (
            scorer.default.cold is None and has_invoice is not None and not has_invoice[place]
        )
        points.append(HistoryPoint(
            on=moment.date(), pd=None if none else float(main[place]),
            low=None if none else float(predicted["pd_low"].iloc[place]),
            high=None if none else float(predicted["pd_high"].iloc[place]),
            grade=None if none else str(predicted["grade"].iloc[place]), is_in_default=bool(defaulted.iloc[place]),
        ))  # fmt: skip
    return points


def invoices_of(scorer: Scorer, customer_id: str, as_of: date) -> list[InvoiceBar]:
    """Return a customer's items as known on `as_of`, by due day."""
    s, at = scorer.served.prepared.settlement, day(as_of)
    code = int(s.owners.index.get_indexer(pd.Index([customer_id], dtype=object))[0])
    entries = np.arange(s.invoice_start[code], s.invoice_start[code + 1])
    entries, version = s.held_on(at, entries)
    if not len(entries):
        return []
    days = [_dates(part) for part in (s.issued_on[entries], s.due_on[entries], s.closed_on[version])]
    names = s.item_ids(entries)
    found = [
        InvoiceBar(
            invoice_id=str(names[k]), issued_on=days[0][k], due_on=days[1][k],
            closed_on=None if s.closed_on[v] == NEVER or s.closed_kind[v] == 0 else days[2][k],
            kind=CLOSED_KINDS[s.closed_kind[v]], amount=s.amount_cents[entry] / CENTS,
            open_amount=s.open_cents[v] / CENTS, is_disputed=bool(s.is_disputed[v]),
        )
        for k, (entry, v) in enumerate(zip(entries, version, strict=True))
    ]  # fmt: skip
    return sorted(found, key=lambda bar: (bar.due_on, bar.issued_on, bar.invoice_id))


def open_in_own_currency(scorer: Scorer, customer_id: str, as_of: date) -> dict[tuple[str, date], tuple[float, str]]:
    """Return what is open of each open invoice in the invoice's own currency, and that currency, by (invoice_id, due_on):
    an instalment is an item of its own."""
    s, at = scorer.served.prepared.settlement, day(as_of)
    code = int(s.owners.index.get_indexer(pd.Index([customer_id], dtype=object))[0])
    entries = np.arange(s.invoice_start[code], s.invoice_start[code + 1])
    entries, version = s.open_on(at, entries)
    currencies = scorer.served.ledger.invoices["currency"]
    due = _dates(s.due_on[entries])
    return {
        (s.invoice_ids[s.invoice[entry]], due[k]): (
            s.document_open_cents[v] / CENTS,
            str(currencies.iloc[int(s.row[entry])]),
        )
        for k, (entry, v) in enumerate(zip(entries, version, strict=True))
    }


def _dates(days: Any) -> list[date]:
    values = np.minimum(np.asarray(days, dtype=np.int64), 2932896)  # 9999-12-31: NEVER is later than a date can be
    return [d.item() for d in values.astype("datetime64[D]")]


def lateness(scorer: Scorer, customer_id: str, as_of: date) -> Lateness:
    """Return how a customer pays and the median of its industry's active customers on the same day."""
    prepared = scorer.served.prepared
    code = int(prepared.owners.index.get_indexer(pd.Index([customer_id], dtype=object))[0])
    industry = str(prepared.industries[code])
    ids = [customer_id]
    if industry:
        ids += [str(i) for i in prepared.owners.ids[prepared.industries == industry] if i != customer_id]
    snapshots = pd.DataFrame({
        "customer_id": pd.Series(ids, dtype="str"),
        "as_of": pd.Series(np.full(len(ids), np.datetime64(as_of, "s")), dtype="datetime64[s]"),
    })  # fmt: skip
    matrix = build(prepared, snapshots, columns=list(LATENESS)).to_numpy(dtype=np.float64)
    peers = matrix[1:][~np.isnan(matrix[1:, 0])]
    enough = len(peers) >= PEERS_AT_LEAST
    medians = None
    if enough:
        medians = {n: float(np.nanmedian(peers[:, k])) for k, n in enumerate(LATENESS)}
    return Lateness(
        own={n: float(matrix[0, k]) for k, n in enumerate(LATENESS)}, industry=medians,
        industry_customers=len(peers) if enough else 0,
    )  # fmt: skip

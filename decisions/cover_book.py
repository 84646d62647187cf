"""A ledger's invoices, limits and payment experience in the form in which credit insurance is evaluated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from decisions.cover import CoverPolicy, Experience, discretionary_limit, evaluate
from ledger.currency import CENTS
from ledger.known import NEVER, day, days, known_from, known_until
from ledger.ledger import TABLES, Ledger
from ledger.loss_history import unpaid_after
from ledger.master import master_on
from ledger.open_positions import owners_on, positions
from ledger.settlement import OPEN, WRITTEN_OFF, Settlement

FAR = int(NEVER)
NOTICE, CLAIM, EXTENSION = "overdue_notice", "claim", "extension:"  # what `detail` of an insurance_claim event says
PLAIN = ("notified_on", "extended_until", "conceded_on", "claimed_on")


@dataclass(frozen=True, kw_only=True)
class CoverBook:
    """The cover of a book on a day, from `decisions.cover.evaluate`, with what it was evaluated from.

    evaluated : the open items today (`tomorrow`: on the next day if nothing happens). lives, limits : the inputs.
    items : the open items (`open_positions.positions`, with item_id). experience : indexed by customer_id:
        paid_invoices, longest_days_late, highest_balance, discretionary_limit, why.
    first_loss : per customer, in currency units.
    """

    as_of: date
    policy: CoverPolicy
    evaluated: pd.DataFrame
    lives: pd.DataFrame
    limits: pd.DataFrame
    items: pd.DataFrame
    experience: pd.DataFrame
    first_loss: pd.Series

    @cached_property
    def tomorrow(self) -> pd.DataFrame:
        """The cover of the same items on the next day if nothing happens."""
        return evaluate(self.lives, self.limits, self.policy, day(self.as_of) + 1)


def cover_book(ledger: Ledger, settlement: Settlement, as_of: date, policy: CoverPolicy) -> CoverBook:
    """Return the cover of every open item at the end of `as_of`, as the books held it then.

    An invoice with instalments is one item an instalment, called INVOICE#NUMBER.
    """
    items = positions(ledger, settlement, as_of)
    items = items[items["open_cents"] != 0].reset_index(drop=True)
    numbered = items["invoice_id"] + "#" + items["number"].astype(str)
    items = items.assign(item_id=items["invoice_id"].where(items["number"] == 0, numbered))
    terms = _terms(ledger, settlement, as_of)
    experience = experience_of(ledger, settlement, as_of, policy, items)
    limits = pd.concat([
        _insurer_limits(terms, policy), _named_limits(policy), _discretionary_limits(experience, policy),
    ], ignore_index=True)  # fmt: skip
    lives = _lives(ledger, settlement, as_of, policy, items, terms)
    at = day(as_of)
    first_loss = terms.drop_duplicates("customer_id", keep="last").set_index("customer_id")["first_loss"]
    return CoverBook(
        as_of=as_of, policy=policy, evaluated=evaluate(lives, limits, policy, at), lives=lives,
        limits=limits, items=items, experience=experience, first_loss=first_loss.fillna(policy.first_loss),
    )  # fmt: skip


def _terms(ledger: Ledger, s: Settlement, as_of: date) -> pd.DataFrame:
    """The credit terms known on the day, by the customer for whom they count and by the day from which."""
    table, at = ledger["credit_terms"], day(as_of)
    is_known = (known_from(table, TABLES["credit_terms"]) <= at) & (known_until(table, TABLES["credit_terms"]) > at)
    terms = table[is_known].reset_index(drop=True)
    terms = terms.assign(customer_id=owners_on(s.owners, terms["customer_id"], as_of))
    return terms.sort_values(["customer_id", "effective_on"], kind="stable", ignore_index=True)


def _insurer_limits(terms: pd.DataFrame, policy: CoverPolicy) -> pd.DataFrame:
    """Each buyer's insured limit from its day until the day before the next terms take effect."""
    since = days(terms["effective_on"]).astype(np.int64)
    until = pd.Series(since).groupby(terms["customer_id"]).shift(-1).fillna(FAR + 1).astype(np.int64).to_numpy() - 1
    found = pd.DataFrame({
        "customer_id": terms["customer_id"].astype(object), "valid_from": since, "valid_until": until,
        "limit_cents": np.rint(terms["insured_limit"].to_numpy(dtype=float) * CENTS),
        "share": terms["insured_share"].fillna(policy.insured_share).to_numpy(dtype=float), "kind": "insurer", "is_excluded": False,
    })  # fmt: skip
    found = found[found["limit_cents"].fillna(0) > 0]
    return found.assign(limit_cents=found["limit_cents"].astype(np.int64))


def _named_limits(policy: CoverPolicy) -> pd.DataFrame:
    rows = [
        {
            "customer_id": b.customer_id, "valid_from": day(b.valid_from or policy.valid_from),
            "valid_until": day(b.valid_until or policy.valid_until), "limit_cents": round(b.limit * CENTS),
            "share": policy.insured_share if b.share is None else b.share, "kind": "insurer", "is_excluded": b.is_excluded,
        }
        for b in policy.buyers
    ]  # fmt: skip
    return pd.DataFrame(
        rows, columns=["customer_id", "valid_from", "valid_until", "limit_cents", "share", "kind", "is_excluded"]
    )


def _discretionary_limits(experience: pd.DataFrame, policy: CoverPolicy) -> pd.DataFrame:
    own = experience[experience["discretionary_limit"] > 0]
    return pd.DataFrame({
        "customer_id": own.index.astype(object), "valid_from": day(policy.valid_from), "valid_until": day(policy.valid_until),
        "limit_cents": np.rint(own["discretionary_limit"].to_numpy(dtype=float) * CENTS).astype(np.int64),
        "share": policy.insured_share, "kind": "discretionary", "is_excluded": False,
    })  # fmt: skip


def _lives(
    ledger: Ledger, s: Settlement, as_of: date, policy: CoverPolicy, items: pd.DataFrame, terms: pd.DataFrame
) -> pd.DataFrame:
    """One row an open item, and one an invoice that was unpaid for longer than an extension period: it stopped shipments."""
    given = terms["maximum_extension_days"].dropna()
    closed = _closed_late(s, as_of, int(min([*given, policy.maximum_extension_days])))
    own = pd.DataFrame({
        "invoice_id": items["item_id"], "document": items["invoice_id"], "customer_id": items["customer_id"],
        "issued_on": days(items["issued_on"]).astype(np.int64), "due_on": days(items["due_on"]).astype(np.int64),
        "settled_on": FAR, "is_disputed": items["is_disputed"], "open_cents": items["reporting_open_cents"],
        "unpaid_cents": items["reporting_open_cents"],
    })  # fmt: skip
    lives = pd.concat([own, closed], ignore_index=True)
    last = terms.drop_duplicates("customer_id", keep="last").set_index("customer_id")["maximum_extension_days"]
    extension = lives["customer_id"].map(last).fillna(policy.maximum_extension_days).astype(np.int64)
    country = lives["customer_id"].map(master_on(ledger, as_of)["country"]).astype(object)
    noted = _events(ledger, s, as_of)
    lives = lives.assign(extension_days=extension, country=country.where(country.notna(), None))
    for name in PLAIN:
        lives[name] = lives["document"].map(noted[name]).fillna(FAR).astype(np.int64)
    lives["insolvent_on"] = lives["customer_id"].map(noted["insolvent_on"]).fillna(FAR).astype(np.int64)
    return lives.drop(columns="document")


def _closed_late(s: Settlement, as_of: date, shortest: int) -> pd.DataFrame:
    """Return the items closed more than `shortest` days after their due day. A write-off does not pay: it stays unpaid."""
    at = np.int32(day(as_of))
    entries, version = s.held_on(at)
    kind, closed = s.closed_kind[version], s.closed_on[version].astype(np.int64)
    closed = np.where(kind == WRITTEN_OFF, FAR, closed)
    kept = (kind != OPEN) & (closed > s.due_on[entries].astype(np.int64) + shortest)
    entries = entries[kept]
    # with one extension period for all: a buyer's own longer one leaves a little less unpaid at its end
    (unpaid,) = unpaid_after(s, entries, int(at), (shortest,))
    ids = np.array(s.invoice_ids, dtype=object)[s.invoice[entries]]
    return pd.DataFrame({
        "invoice_id": s.item_ids(entries), "document": ids, "customer_id": s.owners.ids[s.customer[entries]],
        "issued_on": s.issued_on[entries].astype(np.int64), "due_on": s.due_on[entries].astype(np.int64),
        "settled_on": closed[kept], "is_disputed": False, "open_cents": 0, "unpaid_cents": unpaid,
    })  # fmt: skip


def _events(ledger: Ledger, s: Settlement, as_of: date) -> dict[str, dict[str, int]]:
    """The first day of each noted fact by invoice, and of an insolvency by customer, as known on the day."""
    table, at = ledger.events, day(as_of)
    is_known = (known_from(table, TABLES["events"]) <= at) & (known_until(table, TABLES["events"]) > at)
    is_used = table["kind"].isin(["insurance_claim", "concession", "insolvency"]).to_numpy()
    own = table[is_known & is_used]
    on, detail = pd.Series(days(own["occurred_on"]), index=own.index), own["detail"].fillna("").astype(str)
    is_notice = own["kind"] == "insurance_claim"
    found: dict[str, dict[str, int]] = {}
    for name, holds in (
        # an extension that the insurer consented to, and a claim, tell it of the overdue item too
        ("notified_on", is_notice), ("claimed_on", is_notice & (detail == CLAIM)), ("conceded_on", own["kind"] == "concession"),
    ):  # fmt: skip
        found[name] = _first(own.loc[holds, "invoice_id"], on[holds])
    extended = is_notice & detail.str.startswith(EXTENSION)
    until = pd.to_datetime(detail[extended].str.removeprefix(EXTENSION), errors="coerce")
    found["extended_until"] = _last(
        own.loc[extended, "invoice_id"][until.notna()],
        pd.Series(days(until[until.notna()]), index=until[until.notna()].index),
    )
    insolvent = own["kind"] == "insolvency"
    found["insolvent_on"] = _first(owners_on(s.owners, own.loc[insolvent, "customer_id"], as_of), on[insolvent])
    return found


def _first(key: pd.Series, on: pd.Series) -> dict[str, int]:
    return {str(k): int(v) for k, v in on.groupby(key.astype(object)).min().items()}


def _last(key: pd.Series, on: pd.Series) -> dict[str, int]:
    return {str(k): int(v) for k, v in on.groupby(key.astype(object)).max().items()}


def experience_of(ledger: Ledger, s: Settlement, as_of: date, policy: CoverPolicy, items: pd.DataFrame) -> pd.DataFrame:
    """Return each customer's payment experience of the policy's months up to `as_of` and the limit that it carries; no rows
    where the policy has no discretionary limit."""
    if policy.discretionary.limit <= 0:
        columns = ["paid_invoices", "longest_days_late", "highest_balance", "discretionary_limit", "why"]
        return pd.DataFrame(columns=columns, index=pd.Index([], name="customer_id"))
    at = np.int32(day(as_of))
    since = day((pd.Timestamp(as_of) - pd.DateOffset(months=policy.discretionary.experience_months)).date())
    entries, version = s.held_on(at)
    closed = s.closed_on[version].astype(np.int64)
    is_paid = np.isin(s.closed_kind[version], (1,)) & (closed > since) & (closed <= at)
    late = np.maximum(closed - s.due_on[entries], 0)
    paid = (
        pd.DataFrame({"customer": s.customer[entries][is_paid], "late": late[is_paid]})
        .groupby("customer")["late"]
        .agg(["size", "max"])
    )
    paid.index = pd.Index(s.owners.ids[paid.index.to_numpy()])
    open_late = items.groupby("customer_id")["days_past_due"].max()
    highest = _highest_balance(ledger, s, as_of, policy.discretionary.experience_months)
    ids = sorted({*paid.index, *open_late.index, *highest.index})
    frame = pd.DataFrame({
        "paid_invoices": paid["size"].reindex(ids).fillna(0).astype(int),
        "longest_days_late": np.fmax(paid["max"].reindex(ids).fillna(0), open_late.reindex(ids).fillna(0)).astype(int),
        "highest_balance": highest.reindex(ids).fillna(0.0),
    }, index=pd.Index(ids, name="customer_id"))  # fmt: skip
    answers = [
        discretionary_limit(
            Experience(
                customer_id=str(customer),
                paid_invoices=int(count),
                longest_days_late=int(days_late),
                highest_balance=float(most),
            ),
            policy,
        )
        for customer, count, days_late, most in zip(
            frame.index, frame["paid_invoices"], frame["longest_days_late"], frame["highest_balance"], strict=True
        )
    ]
    return frame.assign(discretionary_limit=[a[0] for a in answers], why=["; ".join(a[1]) for a in answers])


def _highest_balance(ledger: Ledger, s: Settlement, as_of: date, months: int) -> pd.Series:
    """The highest open balance of each customer at the ends of the months before `as_of`, and on it."""
    ends = [pd.Timestamp(as_of), *(pd.Timestamp(as_of) - pd.offsets.MonthEnd(k) for k in range(1, months))]
    highest = np.zeros(len(s.owners.ids), dtype=np.int64)
    for end in ends:
        highest = np.maximum(highest, _balances(s, np.int32(day(end.date()))))
    return pd.Series(highest / CENTS, index=pd.Index(s.owners.ids, name="customer_id"))[highest > 0]


def _balances(s: Settlement, at: np.int32) -> NDArray[np.int64]:
    entries, version = s.open_on(at)
    total = np.zeros(len(s.owners.ids), dtype=np.int64)
    np.add.at(total, s.customer[entries], s.open_cents[version])
    return total

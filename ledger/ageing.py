"""The ageing of a book by customer, group, country, segment, industry or currency, gross and net, disputes apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from ledger.buckets import BUCKETS
from ledger.currency import CENTS, document_amounts, reporting_currency
from ledger.currency_codes import minor_units
from ledger.ledger import Ledger, LedgerError
from ledger.master import NOT_GIVEN, master_on
from ledger.open_positions import bills_on, positions, settled_parts

GROUPINGS = ("customer", "group", "country", "segment", "industry", "currency")
AMOUNTS = (*BUCKETS, "disputed", "open", "unapplied", "overpaid", "net", "bills")


@dataclass(frozen=True, kw_only=True)
class Aged:
    """An ageing.

    rows : one row a group (and currency) with anything in it, the largest open balance first: `key`, `name` (of a
        customer or group), currency, customers (how many), the buckets of undisputed items, disputed, open (their sum:
        the gross balance), unapplied, overpaid, net (open less unapplied and overpaid), bills (given for invoices and
        not matured: exposure that is no longer aged). Amounts in currency units, exact to the cent.
    items : one row an open item: key, customer_id, name, invoice_id, instalment (0: one due date), issued_on, due_on,
        days_past_due, bucket, currency, amount, open, is_disputed.
    disputes : currency, bucket and amount of the disputed items, by bucket.
    currency : the reporting currency where amounts are in it, None for document currencies.
    """

    rows: pd.DataFrame
    items: pd.DataFrame
    disputes: pd.DataFrame
    currency: str | None


@dataclass(frozen=True, kw_only=True)
class OpenBook:
    """Everything that an ageing of one day is made of, before it is grouped.

    held : open items and overpayments, see `open_positions.positions`. loose : unapplied money by customer and currency.
    bills : bills not matured. master : facts about customers as known on the day. reporting : the reporting currency,
    None where amounts have no common rate.
    """

    held: pd.DataFrame
    loose: pd.DataFrame
    bills: pd.DataFrame
    master: pd.DataFrame
    reporting: str | None

    @classmethod
    def of(cls, ledger: Ledger, as_of: date) -> OpenBook:
        """The open book of a ledger at the end of `as_of`, as the books held it then."""
        parts, has_reporting = settled_parts(ledger)
        return cls(
            held=pd.concat([positions(part, settlement, as_of) for part, settlement in parts], ignore_index=True),
            loose=pd.concat([settlement.unapplied_at(as_of) for _, settlement in parts], ignore_index=True),
            bills=bills_on(ledger, parts, as_of), master=master_on(ledger, as_of),
            reporting=reporting_currency(ledger) if has_reporting else None,
        )  # fmt: skip

    def aged(self, by: str, *, in_reporting: bool = False, with_items: bool = True) -> Aged:
        """Return the ageing by one of GROUPINGS, see `ageing_by`; without its items where they are not needed."""
        if by not in GROUPINGS:
            raise ValueError(f"The by of ageing_by must be one of {', '.join(GROUPINGS)}. Got {by} instead.")
        if in_reporting and self.reporting is None:
            raise LedgerError("exchange_rates: some amounts have no rate; age the book in its document currencies.")
        currency, held, loose, bills = self.reporting if in_reporting else None, self.held, self.loose, self.bills
        if in_reporting:
            held = held.assign(open_cents=held["reporting_open_cents"], excess_cents=held["reporting_excess_cents"])
            loose = loose.assign(document_unapplied_cents=loose["unapplied_cents"])
            bills = bills.assign(cents=bills["reporting_cents"])
        held, loose, bills = (
            part.assign(key=_keys(part, self.master, by), shown_currency=currency or part["currency"])
            for part in (held, loose, bills)
        )
        rows = _rows(held, loose, bills, self.master, by, in_documents=currency is None)
        return Aged(
            rows=rows,
            items=_items(held if with_items else held.iloc[:0], self.master),
            disputes=_disputes(held),
            currency=currency,
        )


def ageing_by(
    ledger: Ledger, as_of: date, by: str = "customer", *, in_reporting: bool = False, with_items: bool = True
) -> Aged:
    """Return the ageing of `ledger` at the end of `as_of` by one of GROUPINGS.

    Parameters
    ----------
    ledger : the whole ledger; what was booked after `as_of` is not used.
    as_of : the day.
    by : what the rows are.
    in_reporting : amounts in the reporting currency at the rate of each document's own day; else one row a group and
        document currency.
    with_items : also the open items; without them `items` has no rows.

    Raises
    ------
    LedgerError : currencies without rates and `in_reporting`.
    ValueError : an unknown grouping.
    """
    return OpenBook.of(ledger, as_of).aged(by, in_reporting=in_reporting, with_items=with_items)


def _keys(frame: pd.DataFrame, master: pd.DataFrame, by: str) -> pd.Series:
    """The group of each row, as text."""
    if by == "customer":
        return frame["customer_id"].astype(object)
    if by == "currency":
        return frame["currency"].astype(object)
    column = "group_id" if by == "group" else by
    found = frame["customer_id"].map(master[column]).astype(object)
    return found.where(found.notna(), frame["customer_id"] if by == "group" else NOT_GIVEN)


def _rows(
    held: pd.DataFrame, loose: pd.DataFrame, bills: pd.DataFrame, master: pd.DataFrame, by: str, *, in_documents: bool
) -> pd.DataFrame:
    columns = ["key", "shown_currency"]
    cents = {
        name: held["open_cents"].where((held["bucket"] == place) & ~held["is_disputed"], 0)
        for place, name in enumerate(BUCKETS)
    }
    cents["disputed"] = held["open_cents"].where(held["is_disputed"], 0)
    cents["open"], cents["overpaid"] = held["open_cents"], held["excess_cents"]
    sums = pd.DataFrame({**{c: held[c] for c in columns}, **cents}).groupby(columns).sum()
    money = loose.groupby(columns)["document_unapplied_cents"].sum().rename("unapplied")
    drawn = bills.groupby(columns)["cents"].sum().rename("bills")
    everyone = pd.concat([part[[*columns, "customer_id"]] for part in (held, loose, bills)]).drop_duplicates()
    customers = everyone.groupby(columns)["customer_id"].nunique().rename("customers")
    frame = pd.concat([sums, money, drawn], axis=1).fillna(0).astype(np.int64).join(customers)
    frame["net"] = frame["open"] - frame["unapplied"] - frame["overpaid"]
    frame = frame[(frame[list(AMOUNTS)] != 0).any(axis=1)].reset_index()
    frame = frame.sort_values(["open", "net", "key", "shown_currency"], ascending=[False, False, True, True])
    units = frame["shown_currency"].map(lambda code: max(CENTS, minor_units(code)) if in_documents else CENTS)
    frame[list(AMOUNTS)] = frame[list(AMOUNTS)].div(units, axis=0)
    if by in ("customer", "group"):
        frame.insert(1, "name", frame["key"].map(master["name"]))
    frame = frame.rename(columns={"shown_currency": "currency"}).reset_index(drop=True)
    return frame[["key", *(["name"] if "name" in frame else []), "currency", "customers", *AMOUNTS]]


def _items(held: pd.DataFrame, master: pd.DataFrame) -> pd.DataFrame:
    held = held[held["open_cents"] != 0]
    return pd.DataFrame({
        "key": held["key"], "customer_id": held["customer_id"], "name": held["customer_id"].map(master["name"]),
        "invoice_id": held["invoice_id"], "instalment": held["number"], "issued_on": held["issued_on"], "due_on": held["due_on"],
        "days_past_due": held["days_past_due"], "bucket": np.array(BUCKETS, dtype=object)[held["bucket"]],
        "currency": held["shown_currency"], "amount": document_amounts(held["amount_cents"], held["currency"]),
        "document_currency": held["currency"], "open": _amounts(held["open_cents"], held), "is_disputed": held["is_disputed"],
    }).reset_index(drop=True)  # fmt: skip


def _amounts(cents: pd.Series, held: pd.DataFrame) -> np.ndarray:
    """Return cents in units of the shown currency: of the document, or hundredths of the reporting currency."""
    if (held["shown_currency"] == held["currency"]).all():
        return document_amounts(cents, held["currency"])
    return cents.to_numpy() / CENTS


def _disputes(held: pd.DataFrame) -> pd.DataFrame:
    own = held[held["is_disputed"] & (held["open_cents"] != 0)]
    sums = own.groupby(["shown_currency", "bucket"])["open_cents"].agg(["sum", "size"]).reset_index()
    return pd.DataFrame({
        "currency": sums["shown_currency"], "bucket": np.array(BUCKETS, dtype=object)[sums["bucket"].astype(int)],
        "items": sums["size"], "disputed": document_amounts(sums["sum"], sums["shown_currency"]),
    })  # fmt: skip

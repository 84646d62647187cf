"""What the books say about a customer beside its invoices: credit terms, kind of person, exchange rates, on one day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from ledger.errors import InputError
from ledger.known import day, known_rows
from ledger.ledger import TABLES, Ledger


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The credit terms of one customer in force on a day; None is not given."""

    credit_limit: float | None = None
    insured_limit: float | None = None
    insured_share: float | None = None
    first_loss: float | None = None
    maximum_extension_days: int | None = None


def terms_on(ledger: Ledger, customer_id: str, as_of: date) -> Terms:
    """The last terms that were effective and known on `as_of`; all None where there were none."""
    frame, at = ledger["credit_terms"], day(as_of)
    own = frame[(frame["customer_id"] == customer_id).to_numpy()]
    known = own[known_rows(own, TABLES["credit_terms"], at)]
    if known.empty:
        return Terms()
    last = known.sort_values("effective_on", kind="stable").iloc[-1]
    extension = _given(last["maximum_extension_days"])
    return Terms(
        credit_limit=_given(last["credit_limit"]), insured_limit=_given(last["insured_limit"]),
        insured_share=_given(last["insured_share"]), first_loss=_given(last["first_loss"]),
        maximum_extension_days=None if extension is None else int(extension),
    )  # fmt: skip


def _given(value: float) -> float | None:
    return None if pd.isna(value) else float(value)


def is_natural_person(ledger: Ledger, customer_id: str) -> bool | None:
    """Whether the customer is a natural person (a sole trader, say); None where the ledger does not say."""
    own = ledger.customers.loc[(ledger.customers["customer_id"] == customer_id).to_numpy(), "is_natural_person"]
    return None if own.empty or pd.isna(own.iloc[0]) else bool(own.iloc[0])


def rate_on(ledger: Ledger, currency: str, reporting: str, as_of: date) -> float:
    """The last rate of a currency to the reporting currency observed by `as_of`. Raises InputError without one."""
    if currency == reporting:
        return 1.0
    rates = ledger["exchange_rates"]
    own = rates[((rates["currency"] == currency) & (rates["observed_on"] <= np.datetime64(as_of, "s"))).to_numpy()]
    if own.empty:
        raise InputError(
            f"currency: the ledger has no {currency} rate on or before {as_of}; "
            f"ask in {reporting}, or load exchange_rates."
        )
    return float(own.sort_values("observed_on", kind="stable")["rate"].iloc[-1])


def all_terms_on(ledger: Ledger, as_of: date | pd.Timestamp) -> pd.DataFrame:
    """Return the credit terms in force on `as_of`, one row a customer that has any: the columns of `Terms` with
    customer_id, effective_on and payment_terms_days; NaN is not given."""
    frame, at = ledger["credit_terms"], day(as_of)
    known = frame[known_rows(frame, TABLES["credit_terms"], at)]
    return (
        known.sort_values("effective_on", kind="stable")
        .drop_duplicates("customer_id", keep="last")
        .reset_index(drop=True)
    )

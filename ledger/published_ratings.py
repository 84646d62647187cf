"""External ratings as published: the last and the worst of each customer, as the books knew them on a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from ledger.known import day, known_rows
from ledger.ledger import TABLES, Ledger
from ledger.owners import Owners
from ledger.rating_scales import risk_of_ratings


@dataclass(frozen=True, kw_only=True)
class PublishedRating:
    """One rating: the agency, its own value as text, the name of its scale, the day it was given."""

    source: str
    value: str
    scale: str
    rated_on: date


@dataclass(frozen=True, kw_only=True)
class CustomerRatings:
    """A customer's last rating (the worst of its day) and its worst ever."""

    last: PublishedRating
    worst: PublishedRating


def published_ratings(
    ledger: Ledger, customer_ids: Sequence[str], as_of: date, owners: Owners | None = None
) -> dict[str, CustomerRatings]:
    """Return the ratings known on `as_of` by customer; customers without a rating on a known scale are left out.

    Last and worst are chosen as the columns rating_risk and rating_risk_max choose them. owners : with them, ratings of
    customers that were merged by `as_of` count for the customer that they were merged into.
    """
    frame, at = ledger["ratings"], day(as_of)
    into = _merged_into(owners, at) if owners is not None else {}
    asked = set(customer_ids)
    members = asked | {member for member, owner in into.items() if owner in asked}
    own = frame[frame["customer_id"].isin(list(members)).to_numpy()]
    if into:
        own = own.assign(customer_id=own["customer_id"].map(lambda c: into.get(c, c)))
    if own.empty:
        return {}
    known = known_rows(own, TABLES["ratings"], at)
    own = own[known].assign(risk=lambda f: risk_of_ratings(f["value"], f["scale"]))
    own = own[own["risk"] >= 0]
    last = own.sort_values(["rated_on", "risk"], kind="stable").groupby("customer_id").tail(1)
    worst = own.sort_values(["risk", "rated_on"], kind="stable").groupby("customer_id").tail(1)
    named = [{str(row["customer_id"]): _rating(row) for row in part.to_dict("records")} for part in (last, worst)]
    return {customer: CustomerRatings(last=named[0][customer], worst=named[1][customer]) for customer in named[0]}


def _merged_into(owners: Owners, at: int) -> dict[str, str]:
    """Each customer that was merged by day `at`, and into which."""
    moved = (owners.member != owners.owner) & (owners.since <= at) & (owners.until > at)
    ids = owners.ids
    return {str(ids[m]): str(ids[o]) for m, o in zip(owners.member[moved], owners.owner[moved], strict=True)}


def _rating(row: Mapping[Any, Any]) -> PublishedRating:
    number = pd.to_numeric(row["value"], errors="coerce")
    value = f"{number:g}" if pd.notna(number) else str(row["value"])
    return PublishedRating(
        source=str(row["source"]), value=value, scale=str(row["scale"]), rated_on=row["rated_on"].date()
    )

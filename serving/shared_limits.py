"""The caps that a customer shares: its group's, by the parent's limit and the policy, and its country's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from decisions.country_risk import ALLOW, CountryPolicy, country_finding
from decisions.policy_files import read_policy
from decisions.shared_limits import (
    COUNTRY_CAP,
    COUNTRY_RATING_CAP,
    GROUP_GRADE_CAP,
    GROUP_LIMIT,
    CountryStop,
    SharedLimit,
    used_by_others,
)
from ledger.accounts import accounts
from ledger.credit_terms import all_terms_on, terms_on
from ledger.errors import InputError
from ledger.known import day
from ledger.master import topmost
from serving.champions import Champions
from serving.decision_log import DecisionLog
from serving.granted_limits import granted_limits


@dataclass(frozen=True, kw_only=True)
class Cap:
    """A cap over several customers, before what was granted is known. present : what each customer under it uses."""

    kind: str
    name: str
    limit: float
    present: Mapping[str, float]

    def for_customer(self, customer_id: str, granted: Mapping[str, float]) -> SharedLimit:
        """Return what of the cap the others use, and with that what is left for one customer."""
        used = used_by_others(customer_id, self.present, granted)
        return SharedLimit(kind=self.kind, name=self.name, limit=self.limit, used=used)


class AboveSharedLimit(InputError):
    """A granted limit would break a cap that the customer shares with others."""

    def __init__(self, shared: SharedLimit) -> None:
        super().__init__(f"above {shared.kind} of {shared.name}")
        self.shared = shared


@dataclass(frozen=True, kw_only=True)
class Shared:
    """What binds a customer beside its own risk: caps with what is left of them, and its country policy's objection."""

    limits: tuple[SharedLimit, ...] = ()
    country_stop: CountryStop | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as an answer holds it."""
        stop = self.country_stop
        return {
            "shared_limits": [limit.as_json() for limit in self.limits],
            "country_stop": None if stop is None else stop.as_json(),
        }

    @classmethod
    def of_json(cls, answer: Mapping[str, Any]) -> Shared:
        """Return what a logged answer holds."""
        stop = answer.get("country_stop")
        return cls(
            limits=tuple(
                SharedLimit(**{name: given[name] for name in ("kind", "name", "limit", "used")})
                for given in answer.get("shared_limits", ())
            ),
            country_stop=None if stop is None else CountryStop.of_json(stop),
        )


NOTHING = Shared()


def shared_of(champions: Champions, log: DecisionLog, customer_id: str, as_of: date) -> Shared:
    """Return the caps that a customer shares on a day, with what the others use or were granted, and its country's stop."""
    granted = granted_limits(log).on(as_of)
    caps = caps_of(champions, customer_id, as_of)
    return Shared(
        limits=tuple(cap.for_customer(customer_id, granted) for cap in caps),
        country_stop=_country_stop(champions, customer_id, as_of),
    )


def guard_of(champions: Champions, log: DecisionLog, customer_id: str, amount: float) -> Callable[[Connection], None]:
    """Return the check that a granted amount stays within the caps, to be run in the transaction that writes the decision.

    The ledger's part is read now; what persons granted is read in the transaction, so that of two approvals at once the
    second sees the first. The check raises AboveSharedLimit.
    """
    as_of = champions.living.known_to
    caps, granted = caps_of(champions, customer_id, as_of), granted_limits(log)

    def check(connection: Connection) -> None:
        now = granted.on(as_of, connection) if caps else {}
        for shared in (cap.for_customer(customer_id, now) for cap in caps):
            if not shared.holds(amount):
                raise AboveSharedLimit(shared)

    return check


def caps_of(champions: Champions, customer_id: str, as_of: date) -> list[Cap]:
    """Return the caps that a customer is under on a day."""
    return [*_group_caps(champions, customer_id, as_of), *_country_caps(champions, customer_id, as_of)]


def members_of(champions: Champions, customer_id: str) -> tuple[str, list[str]]:
    """Return (the topmost parent, all customers of its group, the one given among them)."""
    prepared = champions.living.base.prepared
    place = int(prepared.owners.index.get_indexer(pd.Index([customer_id], dtype=object))[0])
    number = prepared.groups[place] if place >= 0 else -1
    if number < 0:
        return customer_id, [customer_id]
    table = champions.living.base.ledger.customers
    has_parent = table["parent_id"].notna().to_numpy()
    above = dict(
        zip(table["customer_id"][has_parent].astype(str), table["parent_id"][has_parent].astype(str), strict=True)
    )
    return topmost(customer_id, above), [str(i) for i in prepared.owners.ids[prepared.groups == number]]


def exposures(champions: Champions, ids: Sequence[str], as_of: date) -> dict[str, float]:
    """Return each customer's open items less its unapplied credits, not below 0, in the reporting currency."""
    found: dict[str, float] = {}
    for part, own in champions.parts(ids):
        if own:
            account = accounts(part.served.prepared.settlement, own, day(as_of)).customers
            amounts = (account["balance"] - account["unapplied"]).clip(lower=0.0)
            found |= {str(c): float(a) for c, a in zip(account.index, amounts, strict=True)}
    return found


def _group_caps(champions: Champions, customer_id: str, as_of: date) -> list[Cap]:
    parent, members = members_of(champions, customer_id)
    if len(members) < 2:
        return []
    caps, scorer = [], champions.scorer
    used = exposures(champions, members, as_of)
    if parent in members:
        limit = terms_on(champions.scorer_of(parent).served.ledger, parent, as_of).credit_limit
        if limit is not None:
            caps.append(Cap(kind=GROUP_LIMIT, name=parent, limit=limit, present=used))
    by_grade = {terms.grade: terms.maximum_limit for terms in scorer.limit_policy.terms}
    grades = [g for part, ids in champions.parts(members) if ids for g in part.brief(ids, as_of)["grade"]]
    best = max((by_grade[g] for g in grades if g in by_grade), default=None)
    if best is not None:
        # the parent's limit is the group's: of the parent itself only what it uses counts
        limits = {m: terms_on(champions.scorer_of(m).served.ledger, m, as_of).credit_limit or 0.0 for m in members}
        limits |= {parent: used[parent]} if parent in members else {}
        cap = scorer.limit_policy.group_share_of_grade_cap * best
        caps.append(Cap(kind=GROUP_GRADE_CAP, name=parent, limit=cap, present=limits))
    return caps


def _country_caps(champions: Champions, customer_id: str, as_of: date) -> list[Cap]:
    caps, policy = [], country_policy(champions.country_policy)
    country, ids = _country_of(champions, customer_id)
    if country is None:
        return []
    if country in champions.scorer.limit_policy.country_caps:
        limits: dict[str, float] = dict.fromkeys(ids, 0.0)
        for part, own in champions.parts(ids):
            terms = all_terms_on(part.served.ledger, as_of).set_index("customer_id")["credit_limit"].fillna(0.0)
            limits |= {i: float(terms.get(i, 0.0)) for i in own}
        caps.append(Cap(
            kind=COUNTRY_CAP, name=country, limit=champions.scorer.limit_policy.country_caps[country], present=limits,
        ))  # fmt: skip
    rating = None if policy is None else policy.rating_on(country, as_of)
    if policy is not None and rating is not None:
        present = exposures(champions, ids, as_of)
        caps.append(Cap(kind=COUNTRY_RATING_CAP, name=country, limit=policy.cap_of(rating.rating), present=present))
    return caps


def _country_of(champions: Champions, customer_id: str) -> tuple[str | None, list[str]]:
    """Return (a customer's country, all customers of it); None where it is not given."""
    table = champions.living.base.ledger.customers.drop_duplicates("customer_id", keep="last")
    ids, countries = table["customer_id"].to_numpy(dtype=object), table["country"].to_numpy(dtype=object)
    own = countries[ids == customer_id]
    if not len(own) or not isinstance(own[0], str):
        return None, []
    return own[0], [str(i) for i in ids[countries == own[0]]]


def _country_stop(champions: Champions, customer_id: str, as_of: date) -> CountryStop | None:
    """Return what the country policy says against any credit: a transfer hold, or no rating; its cap is a shared limit."""
    policy = country_policy(champions.country_policy)
    if policy is None:
        return None
    country, _ = _country_of(champions, customer_id)
    answer, code, numbers = country_finding(policy, country, as_of, exposure=0.0, order=0.0)
    return None if answer == ALLOW else CountryStop(answer=answer, code=code, numbers=numbers)


def order_stop(
    champions: Champions, customer_id: str, as_of: date, *, order: float, terms_days: int | None
) -> CountryStop | None:
    """Return what the country policy says against an order: the exposure to the whole country and the order count."""
    policy = country_policy(champions.country_policy)
    if policy is None:
        return None
    country, ids = _country_of(champions, customer_id)
    exposure = sum(exposures(champions, ids, as_of).values())
    answer, code, numbers = country_finding(
        policy, country, as_of, exposure=exposure, order=order, terms_days=terms_days
    )
    return None if answer == ALLOW else CountryStop(answer=answer, code=code, numbers=numbers)


@lru_cache(maxsize=8)
def country_policy(path: Path | None) -> CountryPolicy | None:
    """Return the country policy of a file; None where none is set: the bundled one is an example of the form."""
    return None if path is None else read_policy(CountryPolicy, path)


__all__ = [
    "NOTHING",
    "AboveSharedLimit",
    "Cap",
    "Shared",
    "caps_of",
    "exposures",
    "guard_of",
    "members_of",
    "shared_of",
]

"""Practice cases: customers on an earlier day, whose outcome is known by now, and what a decision about each has cost.

A granted limit serves its share of the needed one. A customer that defaults within the year costs
loss given default · min(limit, need); one that does not, and got less than it needed, costs the margin of the sales
that the limit did not serve. The same rule holds for the person, the policy and the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from decisions.limits import recommend
from decisions.needed_limit import needed_limit
from decisions.scorer import Scorer
from decisions.scoring_ledger import ScoringLedger
from features.engine.histories import build
from ledger.default_status import DefaultPolicy, default_spells
from ledger.errors import InputError

MARGIN = 0.10  # of sales; what is forgone where a limit does not serve them
MONTHS = 12
DEFAULTERS_AT_LEAST = 0.25  # of the cases, as far as the ledger has them: a case in four teaches, one in fifty does not


@dataclass(frozen=True, kw_only=True)
class PracticeCase:
    """A customer on a day with its need, and what came: `defaulted_on` None where nothing did within the year.

    need : the limit that its sales need; sales : of the year before; policy_limit, model_limit : what the policy would
    have recommended, and what pays by the model's PD alone. Amounts in the reporting currency.
    """

    customer_id: str
    as_of: date
    need: float
    sales: float
    pd: float
    grade: str
    loss_given_default: float
    policy_limit: float
    model_limit: float
    defaulted_on: date | None

    def cost(self, limit: float) -> float:
        """Return what a limit has cost: the loss of a default, or the margin of sales that it did not serve."""
        served = min(max(limit, 0.0), self.need)
        if self.defaulted_on is not None:
            return self.loss_given_default * served
        return MARGIN * self.sales * (1.0 - served / self.need)


def practice_day(scorer: Scorer) -> date:
    """Return the latest day whose following year is known, with the policy's days for a default to show."""
    known = pd.Timestamp(scorer.served.data_known_to) - pd.Timedelta(days=scorer.default.policy.maturity_days)
    return (known - pd.DateOffset(months=MONTHS)).date()


def practice_cases(scorer: Scorer, *, count: int = 20, seed: int = 1) -> list[PracticeCase]:
    """Return cases drawn by a seed from the customers that had a PD and sales on the practice day.

    At least a quarter defaults where the ledger has so many: said to whoever practises. Raises InputError for a ledger
    that is too short or has too few customers.
    """
    as_of = practice_day(scorer)
    if as_of <= scorer.served.ledger.invoices["issued_on"].min().date():
        raise InputError(
            f"the ledger is too short to practise: no day has {MONTHS} known months after it and any before."
        )
    ids = [str(i) for i in scorer.served.prepared.owners.ids]
    brief = scorer.brief(ids, as_of)
    snapshots = pd.DataFrame({
        "customer_id": pd.Series(ids, dtype="str"),
        "as_of": pd.Series(np.full(len(ids), np.datetime64(as_of, "s")), dtype="datetime64[s]"),
    })  # fmt: skip
    facts = build(
        scorer.served.prepared, snapshots, columns=["sales_12m", "terms_days_mean_12m", "days_past_due_mean_12m"]
    )
    sales, terms, late = facts.to_numpy(dtype=np.float64).T
    usable = brief["special"].isna().to_numpy() & brief["pd"].notna().to_numpy() & (sales > 0) & ~np.isnan(terms)
    outcome = _defaulted(scorer, as_of)
    places = np.flatnonzero(usable)
    if len(places) < count:
        raise InputError(
            f"only {len(places)} customers can be practised on as of {as_of}; ask for at most that many cases."
        )
    chosen = _drawn([ids[i] for i in places], outcome, count, seed)
    by_id = {ids[i]: int(i) for i in places}
    return [_case(scorer, c, as_of, by_id[c], brief, sales, terms, late, outcome) for c in chosen]


def _drawn(ids: Sequence[str], outcome: dict[str, date], count: int, seed: int) -> list[str]:
    generator = np.random.default_rng(seed)
    bad = [c for c in ids if c in outcome]
    wanted = min(len(bad), round(count * DEFAULTERS_AT_LEAST))
    some = list(generator.choice(bad, wanted, replace=False)) if wanted else []
    others = [c for c in ids if c not in outcome]
    rest = min(len(others), count - len(some))
    some += list(generator.choice(others, rest, replace=False))
    return [str(c) for c in generator.permutation(some)]


def _defaulted(scorer: Scorer, as_of: date) -> dict[str, date]:
    """Customers that entered default within the year after a day, with the day."""
    prepared = scorer.served.prepared
    spells = default_spells(prepared.ledger, scorer.default.policy, settlement=prepared.settlement)
    until = (pd.Timestamp(as_of) + pd.DateOffset(months=MONTHS)).date()
    found: dict[str, date] = {}
    for customer, entered in zip(spells["customer_id"], spells["entered_on"], strict=True):
        if as_of < entered.date() <= until:
            found.setdefault(str(customer), entered.date())
    return found


def _case(
    scorer: Scorer, customer_id: str, as_of: date, place: int, brief: pd.DataFrame, sales: np.ndarray, terms: np.ndarray,
    late: np.ndarray, outcome: dict[str, date],
) -> PracticeCase:  # fmt: skip
    delay = 0.0 if np.isnan(late[place]) else float(late[place])
    need = needed_limit(sales_12m=float(sales[place]), terms_days=float(terms[place]), expected_delay_days=delay).limit
    scores = scorer.score([customer_id], as_of)
    situation = scorer.situation(scores, customer_id, need)
    recommended = recommend(situation, scorer.limit_policy)
    probability = float(brief["pd"].iloc[place])
    lgd = scorer.limit_policy.loss_given_default if situation.lgd is None else situation.lgd.value
    pays = MARGIN * float(sales[place]) * (1 - probability) > probability * lgd * need
    return PracticeCase(
        customer_id=customer_id, as_of=as_of, need=need, sales=float(sales[place]), pd=probability,
        grade=str(brief["grade"].iloc[place]), loss_given_default=float(lgd), policy_limit=float(recommended.limit or 0.0),
        model_limit=need if pays else 0.0, defaulted_on=outcome.get(customer_id),
    )  # fmt: skip


def totals(cases: Sequence[PracticeCase], limits: Sequence[float]) -> dict[str, float]:
    """Return what the limits of a person, of the policy and of the model have cost together."""
    return {
        "you": sum(c.cost(limit) for c, limit in zip(cases, limits, strict=True)),
        "policy": sum(c.cost(c.policy_limit) for c in cases), "model": sum(c.cost(c.model_limit) for c in cases),
    }  # fmt: skip


def outcome_after(served: ScoringLedger, customer_id: str, as_of: str, policy: DefaultPolicy) -> str:
    """Return what came of a customer in the year after a day: 'default on DAY', 'no default' or 'not known yet'."""
    start = pd.Timestamp(as_of)
    until = start + pd.DateOffset(months=MONTHS)
    prepared = served.prepared
    spells = default_spells(prepared.ledger, policy, settlement=prepared.settlement)
    own = spells[(spells["customer_id"] == customer_id).to_numpy()]
    entered = [day for day in own["entered_on"] if start < day <= until]
    if entered:
        return f"default on {min(entered).date()}"
    known = pd.Timestamp(served.data_known_to) - pd.Timedelta(days=policy.maturity_days)
    return "no default" if known >= until else "not known yet"

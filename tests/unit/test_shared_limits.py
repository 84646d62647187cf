"""Caps over several customers bind in `/review`, `/decide` and `/check_order`; two approvals at once never break one."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from decisions.scorer import Scorer
from decisions.scoring_ledger import ScoringLedger
from ledger.ledger import Ledger
from serving import answers
from serving import decide as decide_route
from serving.champions import Champions
from serving.check_order import checked_order
from serving.decision_log import DecisionLog
from serving.errors import Problem
from serving.granted_limits import granted_limits
from serving.messages import CheckOrderRequest, DecideRequest, Order, ReviewRequest
from serving.shared_limits import Shared, exposures
from tests.served import champions, small

COUNTRIES = """
name = "mine"
version = "7"
scale = "0-7"
without_rating = "refer"
stale_after_days = 400
caps = { 0 = 1e12, 4 = 1.0 }
terms_days = { 0 = 45 }
ratings = [
  { country = "DE", rating = 0, published_on = 2020-01-01 },
  { country = "FR", rating = 4, published_on = 2020-01-01 },
]
transfer_holds = [{ country = "ES", from_on = 2020-01-01, reason = "permits" }]
"""


@cache
def family() -> tuple[str, ...]:
    """Four customers with a PD and little exposure, from four families of none: the first will be the parent."""
    scorer = small().scorer
    found = scorer.score(list(scorer.served.prepared.owners.ids)).customers
    table = scorer.served.ledger.customers.drop_duplicates("customer_id").set_index("customer_id")
    has_group = table["parent_id"].notna() | table.index.isin(table["parent_id"].dropna())
    fits = found[found["pd"].notna() & (found["pd"] < 0.09) & ~has_group.reindex(found.index).to_numpy(dtype=bool)]
    return tuple(map(str, fits.sort_values("pd").index[:4]))


@cache
def grouped(limit: float) -> Champions:
    """The small models on the small ledger, in which the four are one group whose parent's limit is given."""
    parent, *others = family()
    frames = {name: frame.astype(object) for name, frame in small().ledger.tables.items() if len(frame)}
    customers = frames["customers"].copy()
    customers.loc[customers["customer_id"].isin(others).to_numpy(), "parent_id"] = parent
    terms = frames["credit_terms"]
    terms = terms[(terms["customer_id"] != parent).to_numpy()]
    first = str(small().ledger.invoices["booked_on"].min().date())
    own = pd.DataFrame([{"customer_id": parent, "effective_on": first, "credit_limit": limit}])
    frames |= {"customers": customers, "credit_terms": pd.concat([terms, own.astype(object)], ignore_index=True)}
    texts = {n: f.map(lambda v: None if pd.isna(v) else str(v)).astype("str") for n, f in frames.items()}
    served = ScoringLedger.of(Ledger.from_frames(**texts))
    scorer = Scorer.with_models(served, small().default, small().delay)
    # only the parent's limit binds, unless a test says otherwise
    return replace(champions(), scorer=scorer.under(replace(scorer.limit_policy, group_share_of_grade_cap=1_000.0)))


@pytest.fixture
def log(tmp_path: Path):
    opened = DecisionLog(tmp_path / "log.sqlite")
    yield opened
    opened.close()


def review(log, found, customer_id, requested=1e6, language="en"):
    asked = ReviewRequest(customer_id=customer_id, requested_limit=requested, currency="EUR", language=language)
    return answers.review(found, log, asked)


def decide(log, found, reviewed, limit):
    asked = DecideRequest(
        decision_id=reviewed["decision_id"], action="reduce", limit=limit, by="ann", reason="agreed with the customer"
    )
    return decide_route.decide(found, log, asked)


def present(found) -> dict[str, float]:
    return exposures(found, family(), found.living.known_to)


def test_the_parent_s_limit_is_what_a_member_gets_less_what_the_others_use(log):
    found, child = grouped(15_000.0), family()[1]
    given, chinese = review(log, found, child), review(log, found, child, language="zh")
    used = sum(amount for member, amount in present(found).items() if member != child)
    (shared,) = [s for s in given["shared_limits"] if s["kind"] == "group_limit"]
    assert (shared["name"], shared["limit"], shared["used"]) == (family()[0], 15_000.0, pytest.approx(used))
    assert given["recommended_limit"] <= shared["room"] == pytest.approx(15_000.0 - used)
    (text,) = [r["text"] for r in given["reasons"] if r["code"] == "group_limit"]
    assert "15,000.00" in text
    assert "集团母公司" in next(r["text"] for r in chinese["reasons"] if r["code"] == "group_limit")
    alone = review(log, grouped(1e9), child)
    assert alone["recommended_limit"] > given["recommended_limit"]


def test_a_limit_granted_to_one_is_gone_for_the_others_also_with_a_review_of_before(log):
    found, (_, first, second, _) = grouped(15_000.0), family()
    one, two = review(log, found, first), review(log, found, second)
    granted = decide(log, found, one, one["recommended_limit"])
    assert granted["status"] == "decided"
    with pytest.raises(Problem) as problem:
        decide(log, found, two, two["recommended_limit"])
    assert (problem.value.status, problem.value.error) == (409, "above_shared_limit")
    assert "is shared by the group" in problem.value.detail
    again = review(log, found, second)
    (shared,) = [s for s in again["shared_limits"] if s["kind"] == "group_limit"]
    mine = present(found)
    others = sum(max(mine[m], one["recommended_limit"] if m == first else 0.0) for m in family() if m != second)
    assert shared["used"] == pytest.approx(others)
    # what was logged is what a replay answers with, whatever was granted since
    logged = log.read(two["decision_id"]).content["answer"]
    asked = ReviewRequest(customer_id=second, requested_limit=1e6, currency="EUR")
    replayed = answers.review(found, log, asked, shared=Shared.of_json(logged))
    assert {k: replayed[k] for k in logged} == logged


@pytest.mark.parametrize("seed", range(3))
def test_approvals_at_once_never_break_the_group_s_limit(tmp_path, seed):
    """Sixteen reviews of four members, all made before any decision, decided by eight threads at once."""
    found, chance = grouped(15_000.0), random.Random(seed)
    log = DecisionLog(tmp_path / "log.sqlite")
    reviews = [review(log, found, member) for member in family() * 4]
    chance.shuffle(reviews)
    mine, limit = present(found), 15_000.0

    def one(reviewed) -> str:
        amount = round(reviewed["recommended_limit"] * chance.uniform(0.3, 1.0), 2)
        try:
            return decide(log, found, reviewed, amount)["status"]
        except Problem as problem:
            return problem.error

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(one, reviews))
    assert {"decided", "above_shared_limit"} <= set(outcomes) <= {"decided", "above_shared_limit", "proposed"}
    granted = granted_limits(log).on(found.living.known_to)
    for member, amount in granted.items():
        others = sum(max(mine[m], granted.get(m, 0.0)) for m in family() if m != member)
        assert amount + others <= limit + 0.01
    log.close()


def test_the_group_s_best_grade_caps_its_limits_together(log):
    found, child = grouped(1e9), family()[1]
    strict = replace(found.scorer.limit_policy, group_share_of_grade_cap=0.001)
    given = review(log, replace(found, scorer=found.scorer.under(strict)), child)
    (shared,) = [s for s in given["shared_limits"] if s["kind"] == "group_grade_cap"]
    caps = {terms.grade: terms.maximum_limit for terms in strict.terms}
    grades = found.scorer.brief(list(family()), found.living.known_to)["grade"]
    assert shared["limit"] == pytest.approx(0.001 * max(caps[g] for g in grades if g in caps))
    assert (given["recommendation"], given["recommended_limit"]) == ("decline", 0.0)
    assert "group_grade_cap" in [reason["code"] for reason in given["reasons"]]


def customer_in(country: str) -> str:
    scorer = small().scorer
    scores = scorer.score(list(scorer.served.prepared.owners.ids)).customers
    where = scorer.served.ledger.customers.drop_duplicates("customer_id").set_index("customer_id")["country"]
    fits = scores[(where.reindex(scores.index) == country).to_numpy() & scores["pd"].notna() & (scores["overdue"] == 0)]
    return str(fits.index[0])


def test_country_caps_of_the_limit_policy_and_of_the_rating_bind(log, tmp_path):
    path = tmp_path / "countries.toml"
    path.write_text(COUNTRIES)
    by_rating = replace(champions(), country_policy=path)
    french = review(log, by_rating, customer_in("FR"))
    (shared,) = french["shared_limits"]
    assert (shared["kind"], shared["limit"], french["recommended_limit"]) == ("country_rating_cap", 1.0, 0.0)
    plain = champions()
    capped = replace(plain.scorer.limit_policy, country_caps={"FR": 100.0})
    by_limits = review(log, replace(plain, scorer=plain.scorer.under(capped)), customer_in("FR"))
    assert [s["kind"] for s in by_limits["shared_limits"]] == ["country_cap"]
    assert review(log, plain, customer_in("FR"))["shared_limits"] == []


@pytest.mark.parametrize(
    ("country", "recommendation", "code"),
    [("ES", "hold", "country_transfer_hold"), ("IT", "refer", "country_not_rated"), ("DE", None, None)],
)
def test_a_transfer_hold_stops_credit_and_a_country_without_a_rating_goes_to_a_person(
    log, tmp_path, country, recommendation, code
):
    path = tmp_path / "countries.toml"
    path.write_text(COUNTRIES)
    found = replace(champions(), country_policy=path)
    customer_id = customer_in(country)
    given = review(log, found, customer_id, requested=1_000.0)
    codes = [reason["code"] for reason in given["reasons"]]
    if code is None:
        assert given["country_stop"] is None
        assert not any(c.startswith("country") for c in codes)
    else:
        assert (given["recommendation"], given["country_stop"]["code"]) == (recommendation, code)
        assert code in codes
    asked = CheckOrderRequest(
        customer_id=customer_id, order=Order(amount=10.0, currency="EUR", terms_days=60), language="zh"
    )
    order = checked_order(found, log, asked, None, None)
    (rule,) = [rule for rule in order["rules"] if rule["rule"] == "country_risk"]
    assert rule["blocks"] is True
    assert rule["values"]["code"] == (code or "country_terms")  # DE: 60 days are longer than the 45 of its rating
    assert order["answer"] == "hold"
    within = asked.model_copy(update={"order": Order(amount=10.0, currency="EUR", terms_days=30)})
    if country == "DE":
        (rule,) = [r for r in checked_order(found, log, within, None, None)["rules"] if r["rule"] == "country_risk"]
        assert rule["blocks"] is False

"""The price of terms and country risk, by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from decisions.country_risk import (
    ALLOW,
    HOLD,
    REFER,
    CountryPolicy,
    CountryRating,
    TransferHold,
    country_answer,
    exposure_by_country,
    exposure_by_currency,
)
from decisions.policy_files import read_policy
from decisions.price_of_terms import TermsPolicy, Trade, break_even_discount, priced, trade_off
from ledger.errors import InputError

TERMS = read_policy(TermsPolicy, "terms")
TRADE = Trade(turnover=365_000.0, terms_days=30.0, days_beyond_terms=10.0, pd=0.02)
COUNTRIES = read_policy(CountryPolicy, "country")
ON = date(2024, 6, 30)


def test_today_s_terms_by_hand():
    found = priced(TRADE, TERMS, terms_days=30.0)
    # 1,000 a day, 40 days outstanding
    assert found.days_outstanding == 40.0
    assert found.financing == pytest.approx(40_000 * 0.06)
    assert found.expected_loss == pytest.approx(40_000 * 0.02 * 0.40)
    assert found.margin == pytest.approx(365_000 * 0.20 - 2_400 - 320)
    assert found.turnover == TRADE.turnover


def test_a_discount_brings_its_share_of_turnover_forward():
    found = priced(TRADE, TERMS, terms_days=30.0, discount=0.02)
    assert found.days_outstanding == pytest.approx(0.5 * 40 + 0.5 * 10)
    assert found.discount_cost == pytest.approx(365_000 * 0.02 * 0.5)


def test_an_elasticity_moves_turnover_by_what_the_customer_gains():
    policy = TERMS.model_copy(update={"turnover_elasticity": 1.0})
    tighter = priced(TRADE, policy, terms_days=14.0)
    # 16 days less of financing at 6 % a year, times ten
    assert tighter.turnover == pytest.approx(365_000 * (1 - 10 * 0.06 * 16 / 365))
    curve = trade_off(TRADE, policy, [14, 30, 60])
    assert [p.turnover for p in curve] == sorted(p.turnover for p in curve)
    assert [p.days_outstanding for p in curve] == [24.0, 40.0, 70.0]


def test_without_a_pd_no_expected_loss_is_computed():
    found = priced(Trade(turnover=100.0, terms_days=30.0, days_beyond_terms=0.0, pd=None), TERMS, terms_days=30.0)
    assert found.expected_loss is None
    assert found.margin == pytest.approx(20 - 100 * 30 / 365 * 0.06)


def test_the_break_even_discount_costs_what_it_saves():
    # 40 days come 30 days sooner: 30 days of financing and expected loss
    assert break_even_discount(TRADE, TERMS) == pytest.approx(30 / 365 * (0.06 + 0.02 * 0.40))


def _with(**given: object) -> CountryPolicy:
    return COUNTRIES.model_copy(update=given)


def test_a_rating_counts_from_its_publication_and_the_last_one_holds():
    policy = _with(ratings=(CountryRating(country="TR", rating=4, published_on=date(2023, 1, 31)),
                            CountryRating(country="TR", rating=5, published_on=date(2024, 7, 1))))  # fmt: skip
    assert policy.rating_on("TR", date(2023, 1, 30)) is None
    assert policy.rating_on("TR", ON).rating == 4
    assert policy.rating_on("TR", date(2024, 7, 1)).rating == 5


@pytest.mark.parametrize(
    ("country", "exposure", "order", "terms", "expected"),
    [
        ("TR", 900_000.0, 50_000.0, 30, ALLOW),
        ("TR", 900_000.0, 150_000.0, 30, HOLD),  # above 1,000,000
        ("NG", 10_000.0, 1_000.0, 60, REFER),  # 60 days are longer than 30
        ("NG", 10_000.0, 1_000.0, 30, ALLOW),
        ("AR", 0.0, 1.0, 30, HOLD),  # transfer hold
        ("BR", 0.0, 1.0, 30, REFER),  # no rating
        (None, 0.0, 1.0, 30, REFER),
    ],
)
def test_what_country_risk_says_of_a_delivery(country, exposure, order, terms, expected):
    ratings = tuple(
        CountryRating(country=c, rating=r, published_on=date(2023, 1, 31)) for c, r in (("TR", 4), ("NG", 6), ("AR", 5))
    )
    holds = (TransferHold(country="AR", from_on=date(2024, 1, 1), until_on=date(2024, 12, 31), reason="permits"),)
    policy = _with(ratings=ratings, transfer_holds=holds)
    assert country_answer(policy, country, ON, exposure=exposure, order=order, terms_days=terms)[0] == expected
    assert policy.hold_on("AR", date(2025, 1, 1)) is None


def test_exposure_by_country_and_currency():
    items = pd.DataFrame({
        "customer_id": ["a", "a", "b", "c"], "country": ["DE", "DE", "TR", None], "open_amount": [100.0, 50.0, 1_200_000.0, 10.0],
        "days_past_due": [0, 5, 0, 0], "currency": ["EUR", "EUR", "USD", "EUR"],
    })  # fmt: skip
    policy = _with(ratings=(CountryRating(country="TR", rating=4, published_on=date(2024, 1, 31)),
                            CountryRating(country="DE", rating=0, published_on=date(2020, 1, 31))))  # fmt: skip
    found = exposure_by_country(items, pd.Series({"DE": 500.0}), policy, ON).set_index("country")
    assert found.index[0] == "TR"
    assert found.loc["TR", ["exposure", "used", "answer"]].tolist() == [1_200_000.0, 1.2, HOLD]
    assert found.loc["DE", ["exposure", "overdue", "customers", "limits", "is_stale"]].tolist() == [
        150.0,
        50.0,
        1,
        500.0,
        True,
    ]
    assert np.isnan(found.loc["not given", "cap"])
    assert found["exposure"].sum() == items["open_amount"].sum()
    by_currency = exposure_by_currency(items).set_index("currency")
    assert by_currency.loc["EUR", "exposure"] == 160.0
    assert by_currency["share"].sum() == pytest.approx(1.0)


def test_a_rating_without_a_cap_is_an_error_that_names_it():
    policy = _with(ratings=(CountryRating(country="TR", rating=9, published_on=date(2024, 1, 31)),))
    with pytest.raises(InputError, match="no cap for rating 9"):
        country_answer(policy, "TR", ON, exposure=0.0, order=1.0)

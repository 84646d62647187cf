"""The formula for the true PD against futures simulated one by one, written anew from docs/sample-ledger.md."""

import numpy as np
import pytest

from sample.calendar import calendar
from sample.customers import draw_customers
from sample.parameters import LATENESS, RISK, Settings
from sample.truth import running_pd, stop_chances

FUTURES = 200_000
MONTH = 365.25 / 12


@pytest.fixture(scope="module")
def customers():
    return draw_customers(np.random.default_rng(3), 10, Settings(), calendar(48))


def _futures(random, level, z, rate, terms, months):
    """Share of simulated futures with a default within `months`, and its standard error."""
    n = FUTURES
    z, free_from = np.full(n, z), np.zeros(n)
    gone, default_on = np.zeros(n, bool), np.full(n, np.inf)
    phi = RISK.persistence
    for month in range(months):
        z = phi * z + RISK.state_deviation * np.sqrt(1 - phi**2) * random.normal(size=n)
        gone |= (free_from <= month) & (random.random(n) < RISK.leaving) & np.isinf(default_on)
        hazard = 1 - np.exp(-np.exp(RISK.base + level + z) - RISK.sudden)
        stops = (random.random(n) < hazard) & (free_from <= month) & ~gone
        on = (month + random.random(n)) * MONTH
        for_good = stops & (random.random(n) < RISK.permanent_share)
        gap = np.minimum(random.exponential(MONTH / rate, n), min(terms, LATENESS.last_terms) + 2)
        files = random.random(n) < RISK.insolvency_share
        filing = np.where(files, RISK.insolvency_after + random.exponential(RISK.insolvency_mean, n), np.inf)
        lag = np.minimum(gap + RISK.days_to_default, filing)
        default_on = np.where(for_good, on + lag, default_on)
        back = on + random.uniform(*RISK.squeeze_days, n)
        free_from = np.where(for_good, np.inf, np.where(stops, back // MONTH + 1, free_from))
    share = (default_on <= months * MONTH).mean()
    return share, np.sqrt(share * (1 - share) / n)


@pytest.mark.parametrize("months", [3, 6, 12])
@pytest.mark.parametrize(("level", "z"), [(0.0, 3.0), (1.5, 0.5), (-1.0, 5.5), (2.0, -2.0)])
def test_formula_agrees_with_simulated_futures(customers, level, z, months):
    one = 7
    levels = np.full(len(customers), level)
    formula = running_pd(stop_chances(levels, np.full((len(customers), 1), z)), customers, months)[one, 0]
    assert not customers.is_habitual[one]
    from scipy.special import ndtr

    material = 1 - ndtr((np.log(500.0) - customers.amount_location[one]) / 0.65)
    random = np.random.default_rng([months, int(10 * level + 100), int(10 * z + 100)])
    share, error = _futures(random, level, z, customers.rate[one] * material, customers.terms[one], months)
    assert abs(formula - share) < 4 * error + 0.015 * share + 1e-4, (formula, share)

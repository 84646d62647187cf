"""Ratios made of a statement that a reader can check give back the statement's lines, and no more than they can."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.default_polish_features import numbered, statement_lines, with_lines

ASSETS, SALES, SHORT, LIABILITIES, EQUITY = 400.0, 800.0, 100.0, 160.0, 240.0
CURRENT, INVENTORIES, RECEIVABLES, CASH = 180.0, 60.0, 90.0, 30.0
COSTS, COST_OF_SALES, DEPRECIATION = 700.0, 500.0, 24.0
SALES_PROFIT, OPERATING_PROFIT, GROSS_PROFIT, NET_PROFIT = 96.0, 100.0, 80.0, 60.0
SHARE_CAPITAL, RETAINED = 50.0, 130.0

RATIOS = {
    1: NET_PROFIT / ASSETS, 2: LIABILITIES / ASSETS, 3: (CURRENT - SHORT) / ASSETS, 4: CURRENT / SHORT,
    6: RETAINED / ASSETS, 9: SALES / ASSETS, 10: EQUITY / ASSETS, 13: (GROSS_PROFIT + DEPRECIATION) / SALES,
    18: GROSS_PROFIT / ASSETS, 22: OPERATING_PROFIT / ASSETS, 25: (EQUITY - SHARE_CAPITAL) / ASSETS,
    29: np.log10(ASSETS), 33: COSTS / SHORT, 35: SALES_PROFIT / ASSETS,
    40: (CURRENT - INVENTORIES - RECEIVABLES) / SHORT, 51: SHORT / ASSETS, 56: (SALES - COST_OF_SALES) / SALES,
    60: SALES / INVENTORIES, 61: SALES / RECEIVABLES,
}  # fmt: skip


def company(**changed: float) -> np.ndarray:
    given = {**RATIOS, **{int(name[1:]): value for name, value in changed.items()}}
    return np.array([[given.get(number, np.nan) for number in range(1, 65)]])


@pytest.mark.parametrize(
    ("line", "amount"),
    [
        ("current_assets", CURRENT / ASSETS),
        ("fixed_assets", (ASSETS - CURRENT) / ASSETS),
        ("inventories", INVENTORIES / ASSETS),
        ("receivables", RECEIVABLES / ASSETS),
        ("cash", CASH / ASSETS),
        ("long_term_liabilities", (LIABILITIES - SHORT) / ASSETS),
        ("share_capital", SHARE_CAPITAL / ASSETS),
        ("reserves", (EQUITY - SHARE_CAPITAL - RETAINED) / ASSETS),
        ("depreciation", DEPRECIATION / ASSETS),
        ("operating_costs", COSTS / ASSETS),
        ("cost_of_sales", COST_OF_SALES / ASSETS),
        ("tax", (GROSS_PROFIT - NET_PROFIT) / ASSETS),
        ("tax_to_profit", (GROSS_PROFIT - NET_PROFIT) / GROSS_PROFIT),
        ("other_operating_profit", (OPERATING_PROFIT - SALES_PROFIT) / ASSETS),
        ("operating_costs_to_sales", COSTS / SALES),
        ("days_of_costs_in_cash", 365 * CASH / COSTS),
        ("log_sales", np.log10(SALES)),
        ("working_capital_amount", CURRENT - SHORT),
        ("equity_amount", EQUITY),
        ("profit_amount", NET_PROFIT),
    ],
)
def test_a_line_is_that_of_the_statement(line, amount):
    assert statement_lines(numbered(company()))[line] == pytest.approx([amount])


def test_every_line_is_checked_above():
    checked = [mark for mark in test_a_line_is_that_of_the_statement.pytestmark if mark.name == "parametrize"]
    assert {line for line, _ in checked[0].args[1]} == set(statement_lines(numbered(company())))


def test_what_a_missing_ratio_hides_has_no_value_and_the_rest_stays():
    lines = statement_lines(numbered(company(r33=np.nan)))
    without = {name for name, value in lines.items() if np.isnan(value[0])}
    assert without == {"operating_costs", "operating_costs_to_sales", "days_of_costs_in_cash"}


def test_a_quotient_by_nothing_has_no_value():
    lines = statement_lines(numbered(company(r18=0.0, r60=0.0)))
    assert np.isnan([lines["tax_to_profit"][0], lines["inventories"][0]]).all()


def test_all_columns_together():
    both = with_lines(np.vstack([company(), company(r33=np.nan)]))
    missing = 64 - len(RATIOS)
    assert both.shape == (2, 64 + 1 + 20)
    assert both[:, 64].tolist() == [missing, missing + 1]

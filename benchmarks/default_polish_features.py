"""Columns of a company from its 64 published ratios: the ratios as they come, and the statement's lines behind them.

Ratios share numerators and denominators, so lines of balance sheet and income statement come out of them by
multiplication: short-term liabilities over assets (51) times costs over short-term liabilities (33) are costs over
assets. Numbers are those of the set's own list (Zieba, Tomczak and Tomczak 2016).

Two differences are left out on purpose, since they tell how the two classes were collected and not who fails
(`benchmarks.default_polish --source-marks`): of profits before and after financial expenses, and of the three years'
profit and the last year's, which is 0 for four of five bankrupt companies.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from importing.formats.arff_ratios import RATIOS

Floats = NDArray[np.float64]
DAYS = 365.0


def ratios_of(attributes: pd.DataFrame, ids: pd.Series) -> Floats:
    """(customers, 64): the ratios in the set's order, NaN where not given."""
    values = attributes.assign(number=attributes["value"].astype(float))
    names = [f"ratio_{number:02d}" for number in range(1, RATIOS + 1)]
    wide = values.pivot(index="customer_id", columns="name", values="number").reindex(index=ids, columns=names)
    return wide.to_numpy(dtype=np.float64)


def numbered(ratios: Floats) -> dict[int, Floats]:
    """Each ratio by its number, from 1."""
    return {number: ratios[:, number - 1] for number in range(1, RATIOS + 1)}


def statement_lines(ratio: Mapping[int, Floats]) -> dict[str, Floats]:
    """The lines, over total assets where no other measure is named; NaN where a ratio that it needs is not given or
    a quotient has no value."""
    with np.errstate(divide="ignore", invalid="ignore"):
        sales, short_term, log_assets = ratio[9], ratio[51], ratio[29]
        assets = 10.0**log_assets
        current, costs, cash = ratio[4] * short_term, ratio[33] * short_term, ratio[40] * short_term
        tax = ratio[18] - ratio[1]
        lines = {
            "current_assets": current, "fixed_assets": 1.0 - current, "inventories": sales / ratio[60],
            "receivables": sales / ratio[61], "cash": cash, "long_term_liabilities": ratio[2] - short_term,
            "share_capital": ratio[10] - ratio[25], "reserves": ratio[25] - ratio[6],
            "depreciation": ratio[13] * sales - ratio[18], "operating_costs": costs,
            "cost_of_sales": (1.0 - ratio[56]) * sales, "tax": tax, "other_operating_profit": ratio[22] - ratio[35],
            "tax_to_profit": tax / ratio[18], "operating_costs_to_sales": costs / sales,
            "days_of_costs_in_cash": DAYS * cash / costs,
            "log_sales": np.log10(np.clip(sales, 1e-6, None)) + log_assets, "working_capital_amount": ratio[3] * assets,
            "equity_amount": ratio[10] * assets, "profit_amount": ratio[1] * assets,
        }  # fmt: skip
    return {name: np.where(np.isfinite(line), line, np.nan) for name, line in lines.items()}


def with_missing(ratios: Floats) -> Floats:
    """(customers, 65): the ratios, and how many are missing."""
    return np.column_stack([ratios, np.isnan(ratios).sum(axis=1)])


def with_lines(ratios: Floats) -> Floats:
    """(customers, 85): the ratios, how many are missing, and the lines."""
    return np.column_stack([with_missing(ratios), *statement_lines(numbered(ratios)).values()])

"""Money in one unit: whole cents of the reporting currency, at the rate of the invoice's own date."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ledger.currency_codes import USUAL_DIGITS, minor_units, unusual_digits
from ledger.lazy_njit import njit
from ledger.ledger import Ledger, LedgerError

CENTS = 100  # minor units in one unit of the reporting currency


def reporting_currency(ledger: Ledger) -> str | None:
    """Return the currency that amounts are reported in: the only one, or the one that exchange_rates gives no rate for.

    None for a ledger without any amount. Raises LedgerError where currencies are mixed and no rate says how.
    """
    used = ledger.currencies
    if not used:
        return None
    rated = set(ledger["exchange_rates"]["currency"])
    unrated = sorted(used - rated)
    if len(unrated) > 1:
        raise LedgerError(
            f"exchange_rates: amounts are in {', '.join(sorted(used))} and {', '.join(unrated)} have no rate; "
            "give a rate to one reporting currency for each of the others."
        )
    if unrated:
        return unrated[0]
    unit = ledger["exchange_rates"].groupby("currency")["rate"].agg(lambda r: bool((r == 1.0).all()))
    ones = sorted(unit.index[unit])
    return ones[0] if ones else None


def is_in_one_currency(ledger: Ledger) -> bool:
    """Return whether every amount is in the reporting currency. Raises LedgerError as `reporting_currency` does."""
    return ledger.currencies <= {reporting_currency(ledger)}


def document_units(currencies: frozenset[str] | set[str]) -> dict[str, int]:
    """Return currency -> how many units the engine counts in one of it, where that is not CENTS (KWD: 1000)."""
    return {
        code: 10**digits for code, digits in unusual_digits().items() if digits > USUAL_DIGITS and code in currencies
    }


def document_cents(amount: pd.Series, currency: pd.Series, currencies: frozenset[str]) -> NDArray[np.int64]:
    """Return amounts, none missing, in hundredths of their currency, of currencies with more decimals in their minor units.

    Rounded to the minor unit of the currency: yen have no hundredths. currencies : those that the column may hold.
    """
    unusual = {code: digits for code, digits in unusual_digits().items() if code in currencies}
    if not unusual:
        return cents_of(amount)
    units = currency.map(lambda code: 10 ** unusual.get(code, USUAL_DIGITS)).to_numpy(dtype=np.float64)
    whole = np.rint(amount.to_numpy(dtype=np.float64) * units)
    return np.rint(whole * np.maximum(CENTS / units, 1.0)).astype(np.int64)


def document_amounts(
    cents: pd.Series | NDArray[np.int64], currency: pd.Series | NDArray[np.object_]
) -> NDArray[np.float64]:
    """Return document cents, as `document_cents` gives them, in units of their currency."""
    units = pd.Series(np.asarray(currency, dtype=object)).map(lambda code: max(CENTS, minor_units(code)))
    return np.asarray(cents, dtype=np.float64) / units.to_numpy(dtype=np.float64)


def cents_of(amount: pd.Series) -> NDArray[np.int64]:
    """Amounts, none missing, in whole cents of their own currency."""
    values = np.ascontiguousarray(amount.to_numpy(dtype=np.float64))
    values.flags.writeable = False
    found: NDArray[np.int64] = _cents(values)
    return found


@njit(cache=True, nogil=True)
def _cents(amount):  # type: ignore[no-untyped-def]
    found = np.empty(len(amount), dtype=np.int64)
    for i in range(len(amount)):
        found[i] = np.int64(np.rint(amount[i] * CENTS))
    return found


def _usable_rates(table: pd.DataFrame) -> pd.DataFrame:
    """Return currency, observed_on (the day from which the rate is used: observed and published) and rate, by that day.

    A rate of an earlier day that is published after a later one is never used.
    """
    usable = table["observed_on"].where(
        table["published_on"].isna(), table[["observed_on", "published_on"]].max(axis=1)
    )
    rates = table.assign(usable_on=usable.astype("datetime64[s]")).sort_values(
        ["usable_on", "observed_on"], kind="stable"
    )
    is_newest = rates["observed_on"] >= rates.groupby("currency")["observed_on"].cummax()
    return rates[is_newest].assign(observed_on=rates["usable_on"])[["currency", "observed_on", "rate"]]


def reporting_cents(amount: pd.Series, currency: pd.Series, on: pd.Series, ledger: Ledger) -> NDArray[np.int64]:
    """Return amounts in whole cents of the reporting currency, each at the last rate observed and published by its day `on`.

    A rate that is published later never changes what an amount was reported at.

    Integers, so that sums are exact and do not depend on the order of rows. Raises LedgerError for an amount whose
    day comes before the first rate of its currency: history is never revalued at a later rate.
    """
    reporting = reporting_currency(ledger)
    cents = amount.to_numpy(dtype=np.float64) * CENTS
    if unusual := {code: digits for code, digits in unusual_digits().items() if code in ledger.currencies}:
        units = currency.map(lambda code: 10 ** unusual.get(code, USUAL_DIGITS)).to_numpy(dtype=np.float64)
        is_unusual = currency.isin(list(unusual)).to_numpy()
        cents[is_unusual] = (np.rint(amount.to_numpy(dtype=np.float64) * units) * CENTS / units)[is_unusual]
    foreign = (currency != reporting).to_numpy()
    if foreign.any():
        rates = _usable_rates(ledger["exchange_rates"])
        foreign_amounts = pd.DataFrame({"currency": currency, "observed_on": on.astype("datetime64[s]")})[foreign]
        foreign_amounts["row"] = np.flatnonzero(foreign)
        found = pd.merge_asof(
            foreign_amounts.sort_values("observed_on", kind="stable"), rates, on="observed_on", by="currency"
        )
        lacking = found["rate"].isna()
        if lacking.any():
            first = found[lacking].iloc[0]
            raise LedgerError(
                f"exchange_rates: no {first['currency']} rate on or before {first['observed_on'].date()}; "
                f"{int(lacking.sum()):,} amounts need one. Add earlier rates."
            )
        cents[found["row"].to_numpy()] *= found["rate"].to_numpy()
    return np.rint(cents).astype(np.int64)

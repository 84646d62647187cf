"""Country risk as a report: exposure by country against its cap, transfer holds, exposure by currency."""

from __future__ import annotations

from datetime import date

import pandas as pd

from decisions.country_risk import HOLD, CountryPolicy, exposure_by_country, exposure_by_currency
from decisions.report import DATE, FLAG, Column, Report, Table, count, money, number, share, text
from ledger.credit_terms import all_terms_on
from ledger.currency import reporting_currency
from ledger.ledger import Ledger
from ledger.open_items import open_items_on
from ledger.settlement import settle


def country_report(ledger: Ledger, on: date, policy: CountryPolicy, *, command: str) -> Report:
    """Return exposure by country and currency on a day. exit_code 1 where a country is above its cap or under a hold."""
    items = open_items_on(ledger, settle(ledger), on)
    terms = all_terms_on(ledger, on)
    home = ledger.customers.drop_duplicates("customer_id", keep="last").set_index("customer_id")["country"]
    where = home.reindex(terms["customer_id"]).fillna("not given").to_numpy(dtype=object)
    limits = terms["credit_limit"].fillna(0.0).groupby(where).sum() if len(terms) else pd.Series(dtype="float64")
    countries = exposure_by_country(items, limits, policy, on)
    held = countries[(countries["answer"] == HOLD) & (countries["exposure"] > 0)] if len(countries) else countries
    without = countries[countries["rating"].isna() & (countries["exposure"] > 0)] if len(countries) else countries
    stale = countries[countries["is_stale"].astype(bool)] if len(countries) else countries
    warnings = [str(row.why) for row in held.itertuples()]  # each names its country
    if len(stale):
        warnings.append(f"ratings older than {policy.stale_after_days} days: {', '.join(stale['country'])}.")
    return Report(
        name="country", title="Country and currency exposure", as_of=on, known_to=ledger.last_known_on, command=command,
        currency=reporting_currency(ledger),
        facts={"policy": f"{policy.name} {policy.version}", "scale": policy.scale, "countries": len(countries), "held": len(held), "without_a_rating": len(without)},
        tables=[_countries_table(countries), _currencies_table(exposure_by_currency(items))], warnings=warnings,
        notes=[f"A country without a rating: {policy.without_rating}. A rating counts from the day on which it was published.",
               "Caps and ratings of the bundled file are examples of the form: replace them by those of your own source."],
        exit_code=1 if len(held) else 0,
    )  # fmt: skip


def _countries_table(frame: pd.DataFrame) -> Table:
    columns = [
        text("country", "country"), number("rating", "rating", "integer"), Column(name="published_on", label="published", kind=DATE),
        Column(name="is_stale", label="old", kind=FLAG), count("customers", "customers"), money("exposure", "exposure"), money("overdue", "overdue"),
        money("limits", "limits"), money("cap", "cap", is_summed=False), share("used", "used"), text("answer", "new deliveries"), Column(name="why", label="why", is_wide=True),
    ]  # fmt: skip
    return Table(name="countries", title="By country, the most used cap first", columns=columns, frame=frame)


def _currencies_table(frame: pd.DataFrame) -> Table:
    columns = [
        text("currency", "currency"),
        count("items", "items"),
        money("exposure", "exposure"),
        money("overdue", "overdue"),
        share("share", "share"),
    ]
    return Table(
        name="currencies", title="By document currency, in the reporting currency", columns=columns, frame=frame
    )

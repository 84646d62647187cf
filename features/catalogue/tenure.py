"""Tenure and the quality of what is known: how long, how dense, how fresh, how promptly booked."""

from features.catalogue.rows import invoices, issued_within
from features.language import (
    WINDOW,
    Feature,
    Risk,
    Rows,
    Unit,
    count,
    days_from_first,
    days_since,
    mean,
    ratio,
    row,
    share,
)

ISSUED = Rows("invoices", "issued_on")

FEATURES = (
    Feature(
        name="days_since_first_invoice", unit=Unit.DAYS, risk=Risk.NONE, value=days_from_first(ISSUED),
        meaning="Days since the customer's first invoice: the length of its history.",
        reason={"en": "a customer for {value}", "zh": "合作已 {value}"},
    ),
    Feature(
        name="days_since_last_invoice", unit=Unit.DAYS, risk=Risk.NONE, value=days_since(ISSUED),
        meaning="Days since the customer's last invoice.",
        reason={"en": "the last invoice was issued {value} ago", "zh": "距上次开票 {value}"},
    ),
    Feature(
        name="invoices_ever", unit=Unit.COUNT, risk=Risk.NONE, value=count(invoices),
        meaning="Invoices known by as_of.",
        reason={"en": "{value} invoices in all", "zh": "共 {value} 张发票"},
    ),
    Feature(
        name="invoices_per_month", unit=Unit.RATIO, risk=Risk.NONE,
        value=ratio(count(invoices) * 30, days_from_first(ISSUED).at_least(30)),
        meaning="Invoices a month (30 days) since the first one: the density of the history.",
        reason={"en": "{value} invoices a month", "zh": "每月 {value} 张发票"},
    ),
    Feature(
        name="invoices_settled_ever", unit=Unit.COUNT, risk=Risk.NONE, value=count(invoices.only(row("is_paid"))),
        meaning="Invoices paid in full by as_of: what lateness is known from.",
        reason={"en": "{value} invoices paid so far", "zh": "迄今付清 {value} 张发票"},
    ),
    Feature(
        name="late_booked_share_{window}", unit=Unit.SHARE, windows=(365,), risk=Risk.NONE,
        value=share(row("days_booked_after") > 3, of=Rows("payments", "paid_on", WINDOW, row("is_payment"))),
        meaning="Share of the payments of the last {window} that the books held more than 3 days after they were made.",
        reason={"en": "{value} of the payments were booked late", "zh": "{value} 的付款延迟入账"},
    ),
    Feature(
        name="invoice_booking_days_{window}", unit=Unit.DAYS, windows=(365,), risk=Risk.NONE,
        value=mean(row("days_booked_after"), of=issued_within()),
        meaning="Mean days from an invoice's issue to its booking, over the last {window}.",
        reason={"en": "invoices are booked {value} after issue", "zh": "发票在开具后 {value} 入账"},
    ),
)  # fmt: skip

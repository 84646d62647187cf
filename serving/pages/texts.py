"""Texts that pages choose by a code: actions, states, buckets, the steps of a recommendation's arithmetic.

Each text is an English message of the gettext catalogues; N_ marks it for babel's extractor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from serving.pages.layout import N_
from serving.translations import Translation

if TYPE_CHECKING:
    from serving.case import Case


ACTIONS: Mapping[str, str] = {
    "approve": N_("Approve"), "reduce": N_("Reduce"), "hold": N_("Hold"), "decline": N_("Decline"),
    "refer": N_("Refer to a person"), "confirm": N_("Confirm"), "reject": N_("Reject"),
}  # fmt: skip
STATUSES: Mapping[str, str] = {
    "proposed": N_("Waits for a second person"), "decided": N_("Decided"), "rejected": N_("Rejected"),
}  # fmt: skip
CLOSED: Mapping[str, str] = {
    "credited": N_("credited"), "factored": N_("sold"), "written_off": N_("written off"), "paid": N_("paid"), "open": N_("open"),
}  # fmt: skip
BUCKETS: Mapping[str, str] = {
    "current": N_("Not due"), "1_30": N_("1–30 days"), "31_60": N_("31–60 days"), "61_90": N_("61–90 days"),
    "over_90": N_("Over 90 days"),
}  # fmt: skip
LATENESS: Sequence[tuple[str, str]] = (
    ("dso_12m", N_("DSO, days")), ("best_possible_dso_12m", N_("Best possible DSO")),
    ("days_past_due_mean_12m", N_("Mean days late")), ("late_share_12m", N_("Late invoices")),
)  # fmt: skip
REFERENCES: Sequence[tuple[str, str]] = (
    ("training", N_("The training population")),
    ("approved", N_("Customers of this and the neighbouring grades")),
    ("last_review", N_("This customer at its last review")), ("day", N_("This customer on another day")),
)  # fmt: skip
WHY_HERE: Mapping[str, str] = {
    "proposal": N_("Waits for a second person"), "limit_asked": N_("Limit asked"), "hold": N_("Arrears hold deliveries"),
    "default": N_("In default"), "expired": N_("Review due"), "cover_ends": N_("Cover exceeded"),
    "watch": N_("Watch list"), "over_limit": N_("Above its limit"),
}  # fmt: skip
# master data of ledgers as far as pages know it; other words are shown as the ledger has them
MASTER: Sequence[str] = (
    N_("machinery"), N_("logistics"), N_("construction"), N_("retail"), N_("food"), N_("hospitality"), N_("chemicals"),
    N_("it services"), N_("standard"), N_("senior"), N_("committee"), N_("key"), N_("small"), N_("medium"), N_("large"), N_("metal goods"), N_("textiles"), N_("automotive"),
)  # fmt: skip

# step of decisions.limits or decisions.needed_limit -> (its name, its formula)
STEPS: Mapping[str, tuple[str, str]] = {
    "exposure": (N_("Exposure"), N_("max(0, open balance − unapplied credits)")),
    "loss_given_default": (N_("Loss given default"), N_("measured on closed defaults by its weight, else the policy's value")),
    "expected_loss": (N_("Expected loss"), N_("PD · loss given default · exposure")),
    "uninsured_at_most": (N_("Uninsured at most"), N_("maximum expected loss ÷ (PD · loss given default)")),
    "cover_lost": (N_("Cover lost"), N_("0: an item is past due for longer than the insurer allows")),
    "with_insurance": (N_("With insurance"), N_("the largest exposure of which no more than that stays uninsured")),
    "grade_cap": (N_("Cap of the grade"), N_("min(limit of the loss budget, cap of the grade)")),
    "rounded": (N_("Rounded"), N_("rounded down to two significant digits")),
    "limit": (N_("Limit"), N_("min(requested, rounded)")),
    "held_limit": (N_("Held limit"), N_("min(limit, exposure): nothing more on credit")),
    "declined_limit": (N_("Declined"), N_("0 below the policy's smallest limit")),
    "sales_a_day": (N_("Sales a day"), N_("sales of 12 months ÷ 365")),
    "days_bound": (N_("Days that money is bound"), N_("terms + max(0, expected delay)")),
    "needed_limit": (N_("Needed limit"), N_("sales a day · days · headroom + open orders")),
    "group_limit": (N_("Limit of the group"), N_("min(limit so far, max(0, cap − used by the others))")),
    "group_grade_cap": (N_("Cap of the group's grade"), N_("min(limit so far, max(0, cap − used by the others))")),
    "country_cap": (N_("Cap of the country"), N_("min(limit so far, max(0, cap − used by the others))")),
    "country_rating_cap": (N_("Cap of the country's rating"), N_("min(limit so far, max(0, cap − used by the others))")),
}  # fmt: skip
VALUES: Mapping[str, str] = {
    "open_balance": N_("open balance"), "unapplied_credits": N_("unapplied credits"), "pd": N_("PD"),
    "lgd": N_("loss given default"), "measured": N_("measured"), "weight": N_("weight"),
    "closed_defaults": N_("closed defaults"), "policy_value": N_("value of the policy"),
    "policys_value": N_("value of the policy"), "exposure": N_("exposure"), "maximum_expected_loss": N_("maximum expected loss"),
    "insured_limit": N_("insured limit"), "days_past_due": N_("days past due"),
    "maximum_extension_days": N_("longest extension, days"), "uninsured_at_most": N_("uninsured at most"),
    "insured_share": N_("insured share"), "first_loss": N_("first loss"), "from_loss_budget": N_("limit of the loss budget"),
    "cap": N_("cap"), "limit": N_("limit"), "requested": N_("requested"), "rounded": N_("rounded"),
    "smallest_limit": N_("smallest limit"), "sales_12m": N_("sales of 12 months"), "terms_days": N_("terms, days"),
    "expected_delay_days": N_("expected delay, days"), "sales_a_day": N_("sales a day"), "days": N_("days"),
    "headroom": N_("headroom"), "open_orders": N_("open orders"), "used_by_the_others": N_("used by the others"),
}  # fmt: skip
SHARES = ("pd", "lgd", "insured_share", "measured", "weight", "loss_given_default", "policy_value")

# code of a Problem -> what a page says of it in any language; the detail is English and follows only on English pages
PROBLEMS: Mapping[str, str] = {
    "unknown_customer": N_("The ledger has no such customer."),
    "as_of_after_data": N_("The ledger does not reach this day."),
    "no_model": N_("No score can be given now: no model or no ledger is loaded yet."),
    "invalid_request": N_("The form was not accepted: check the fields, and give a reason of at least 10 letters where you decide differently."),
    "four_eyes": N_("You proposed this yourself: another person confirms or rejects it."),
    "conflict": N_("This was decided in the meantime. Open the case again."),
    "above_authority": N_("This is above your authority: a person of a higher level confirms it."),
    "above_shared_limit": N_("The limit is above what is left of a cap shared with the group or the country."),
    "forbidden": N_("You may not do this, or the form has expired. Open the page again."),
    "unauthorized": N_("Your session has ended. Log in again."),
    "unknown_decision": N_("There is no such decision."),
    "no_reference": N_("There is nothing to compare with: no such day, or no customer of these grades."),
    "changed_since": N_("The recommendation has changed since you opened the page. Look again and decide."),
}  # fmt: skip


def plain(word: str | None) -> str | None:
    """Return a code of the ledger's master data as words: it_services is it services."""
    return None if word is None else word.replace("_", " ")


def problem_text(error: str, detail: str, t: Translation) -> str:
    """Return what a page says of a Problem: the catalogue's sentence; on English pages also the detail."""
    message = PROBLEMS.get(error)
    if message is None:
        return detail if t.language == "en" else t.text(N_("This could not be done."))
    return f"{t.text(message)} {detail}" if t.language == "en" else t.text(message)


def step_row(
    name: str, formula: str, values: Mapping[str, float], result: float, t: Translation
) -> tuple[str, str, str]:
    """Return a step of arithmetic as (name, formula with its numbers, result) in a language."""
    title, own = STEPS.get(name, (name.replace("_", " "), formula))
    shown = ", ".join(
        f"{t.text(VALUES.get(key, key.replace('_', ' ')))} {_value(key, value, t)}" for key, value in values.items()
    )
    return (
        t.text(title),
        f"{t.text(own)}: {shown}" if shown else t.text(own),
        t.share(result, 1) if name in SHARES else t.money(result),
    )


def _value(key: str, value: float, t: Translation) -> str:
    return t.share(value, 2) if key in SHARES else t.number(value, 2)


def arithmetic(case: Case, t: Translation) -> list[tuple[str, str, str]]:
    """Return the steps of a case's recommendation in a language."""
    rows: Sequence[Mapping[str, Any]] = case.review["arithmetic"] if case.review is not None else ()
    return [step_row(s["step"], s["formula"], s["values"], s["result"], t) for s in rows]


LEVERS: Mapping[str, str] = {
    "pay_items": N_("The customer pays {items} ({amount})"),
    "settle_dispute": N_("The dispute about {items} is settled"),
    "settle_and_pay_items": N_("The dispute about {items} is settled and {amount} paid"),
    "add_cover": N_("We take out cover of {amount} at {share}"),
    "shorter_terms": N_("We agree on terms of {days} days"),
}  # fmt: skip
# kinds of change, single events, and several of a kind
CHANGES: Mapping[str, str] = {
    "events": N_("Events"), "time": N_("Time passing"), "others": N_("Others, economy"), "policy": N_("Policy"),
    "model": N_("Model"), "rest": N_("Corrections"),
    "paid_late": N_("{invoice} ({amount}) was paid {days} days late"), "paid": N_("{invoice} ({amount}) was paid on time"),
    "unpaid": N_("{invoice} ({amount}) is {days} days overdue"), "new_invoice": N_("{invoice} ({amount}) was issued"),
    "credit_note": N_("Credit note {invoice} ({amount})"), "event": N_("An event about {invoice} ({amount})"),
    "paid_late_several": N_("{n} more invoices were paid late"), "paid_several": N_("{n} invoices were paid on time"),
    "unpaid_several": N_("{n} more invoices are overdue"), "new_invoice_several": N_("{n} invoices were issued"),
    "credit_note_several": N_("{n} credit notes"), "event_several": N_("Events about {n} invoices"),
    "ratings_several": N_("{n} new ratings"), "credit_terms_several": N_("{n} changes of limit, cover or terms"),
    "attributes_several": N_("{n} reported facts (revenue, employees)"), "events_several": N_("{n} other events"),
    "payments_several": N_("{n} payments without an invoice"), "orders_several": N_("{n} orders"),
}  # fmt: skip

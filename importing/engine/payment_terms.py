"""Terms of payment written as words (net 30, 2/10 net 60, 30 days end of month, 月结60天) made into due dates."""

from __future__ import annotations

import re
from dataclasses import dataclass

from importing.engine.dates import ascii_text

_DAYS = r"(?:days?|tagen?|tage|jours?|d[ií]as?|giorni|dagen|dd|d|天|日)"
_AT_ONCE = re.compile(
    r"(due (?:on|upon) receipt|immediate|immediately|cash|c\.?o\.?d\.?|sofort|contado|[àa] vista|comptant|pr[ée]pa|prepay|"
    r"advance|vorkasse|现结|现款|现金|货到付款|预付|款到发货)",
    re.IGNORECASE,
)
_MONTH_END = re.compile(
    r"(end of (?:the )?month|month[ -]?end|\beom\b|\bmonatsende\b|ende (?:des )?monats|fin de (?:mois|mes)|fim do m[êe]s|\bfdm\b|月底|月末)",
    re.IGNORECASE,
)
_MONTHLY = re.compile(r"月[结結]\s*(\d{1,3})?\s*(?:天|日)?")
_NEXT_MONTH = re.compile(
    r"(?:(\d{1,2})(?:st|nd|rd|th|\.)?\s*(?:of|des|du|del|do)\s*(?:the\s*)?(?:next|following|folgenden|n[äa]chsten|mois suivant|mes siguiente|m[êe]s seguinte)"
    r"|[次下]个?月\s*(\d{1,2})\s*[日号])",
    re.IGNORECASE,
)
_DISCOUNT = re.compile(
    rf"\d+(?:[.,]\d+)?\s*%?\s*/\s*\d+(?!\d)|\d+(?:[.,]\d+)?\s*%\s*(?:skonto\s*)?(?:\(?in(?:nerhalb)?\s*|if paid (?:with)?in\s*|bei zahlung in(?:nerhalb)?\s*)?\d{{1,3}}\s*{_DAYS}?|"
    rf"\d{{1,3}}\s*{_DAYS}\s*(?:mit\s*|less\s*|abz[üu]gl(?:ich|\.)?\s*)?\d+(?:[.,]\d+)?\s*%(?:\s*skonto)?",
    re.IGNORECASE,
)
_NET = re.compile(
    rf"(?:net(?:to|t)?|\bn)\s*[/\-.]?\s*(\d{{1,3}})(?!\d)|(\d{{1,3}})\s*{_DAYS}|^\s*(\d{{1,3}})\s*$", re.IGNORECASE
)
_MONTHS = re.compile(r"(\d{1,2})\s*(?:months?|monate?n?|mois|meses|个月)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """When an invoice is due: months and days after its day of issue, to the month's end, on a day of the month.

    month_end : "first" counts the days from the end of the month of issue, "last" moves the day found to its month's end.
    day_of_month : the day of the month that `months` later has; None: the same day.
    """

    days: int = 0
    months: int = 0
    month_end: str | None = None
    day_of_month: int | None = None


def terms_of(text: str) -> Terms | None:
    """Return what terms of payment in words mean; None where they are not understood.

    The net days count; what is granted for an early payment does not move the due date.
    """
    words = ascii_text(text).strip()
    if found := _MONTHLY.search(words):
        return Terms(days=int(found.group(1) or 0), month_end="first")
    if found := _NEXT_MONTH.search(words):
        return Terms(months=1, day_of_month=int(found.group(1) or found.group(2)))
    rest = _DISCOUNT.sub(" ", words)
    numbers = [(m.start(), int(next(g for g in m.groups() if g))) for m in _NET.finditer(rest)]
    end = _MONTH_END.search(rest)
    if numbers:
        at, days = max(numbers, key=lambda pair: pair[1])
        if end is None:
            return Terms(days=days)
        return Terms(days=days, month_end="first" if end.start() < at else "last")
    if found := _MONTHS.search(rest):
        return Terms(months=int(found.group(1)), month_end="last" if end else None)
    if end is not None:
        following = re.search(r"(\d{1,3})", rest)
        if following:
            first = end.start() < following.start()
            return Terms(days=int(following.group(1)), month_end="first" if first else "last")
        return Terms(month_end="last")
    return Terms() if _AT_ONCE.search(words) else None


DUE_AFTER = """
    CREATE MACRO due_after(start_on, of_terms) AS (SELECT CAST(CASE
        WHEN t.month_end = 'first' THEN last_day(start_on) + CAST(t.days AS INTEGER)
        WHEN t.month_end = 'last' THEN last_day(CAST(start_on + to_months(t.months) + to_days(t.days) AS DATE))
        WHEN t.day_of_month IS NOT NULL THEN least(last_day(CAST(start_on + to_months(t.months) AS DATE)),
            CAST(date_trunc('month', start_on + to_months(t.months)) + to_days(t.day_of_month - 1) AS DATE))
        ELSE start_on + to_months(t.months) + to_days(t.days) END AS DATE)
    FROM known_terms t WHERE t.words = of_terms)
"""

"""Habit: the customer's own curve of payment around the due date, and the days on which it pays.

The curve is a chain of hazards: of the invoices still unpaid at the end of one day, the share paid by a later day. An
invoice takes part in a step only when it was seen to its end, so that open invoices neither count as paid nor vanish.
Recent invoices weigh more: 4 when due in the last 90 days, 2 in the last 365, 1 in the last 730. The delay model draws
these towards the curve of all customers by `habit_weight` before it uses them.
"""

from features.catalogue.rows import DAYS_LATE, due_within, owed, payments_within, settled_within
from features.language import Feature, Node, Risk, Rows, Unit, count, days_since, last, mean, ratio, row, share

STEPS = (-30, -15, -10, -5, -3, -1, 0, 1, 2, 3, 5, 7, 10, 15, 30, 60)  # each step ends on this day after the due date
WEEKDAYS = (("monday", "Mondays", "周一"), ("tuesday", "Tuesdays", "周二"), ("wednesday", "Wednesdays", "周三"),
            ("thursday", "Thursdays", "周四"), ("friday", "Fridays", "周五"))  # fmt: skip


def _recent_first(condition: Node | None) -> Node:
    """Return how many invoices hold the condition, the recent ones counted 4 and 2 times."""

    def of(window: int) -> Node:
        rows: Rows = due_within(window)
        return count(rows if condition is None else rows.only(condition))

    return of(730) + of(365) + of(90) * 2


def step_name(end: int) -> str:
    """Return the column of the step that ends `end` days after the due date (before it: early)."""
    return f"habit_paid_by_{'early_' if end < 0 else 'day_'}{abs(end)}"


def _step(start: int | None, end: int) -> Feature:
    is_paid, late = row("is_paid"), DAYS_LATE
    is_later = late > (-100_000 if start is None else start)
    paid_in_step = is_paid & is_later & (late <= end)
    seen = (is_paid & is_later) | (~is_paid & (late >= end))
    day_en = (
        f"{-end} days before the due date"
        if end < 0
        else ("the due date" if end == 0 else f"{end} days after the due date")
    )
    day_zh = f"到期前{-end}天" if end < 0 else ("到期日" if end == 0 else f"到期后{end}天")
    return Feature(
        name=step_name(end), unit=Unit.SHARE, risk=Risk.NONE,
        value=ratio(_recent_first(paid_in_step), _recent_first(seen)),
        meaning=f"Of the invoices unpaid until the step before, the share paid by {day_en}; "
                "recent invoices weigh more (two years).",
        reason={"en": f"of the invoices still unpaid, {{value}} are usually paid by {day_en}",
                "zh": f"尚未付清的发票中，通常有 {{value}} 在{day_zh}前付清"},
    )  # fmt: skip


def _weekday(number: int, name: str, en: str, zh: str) -> Feature:
    return Feature(
        name=f"payment_{name}_share_12m", unit=Unit.SHARE, risk=Risk.NONE,
        value=share(row("weekday").equals(number), of=payments_within(365)),
        meaning=f"Share of the payments of the last 365 days made on {en}.",
        reason={"en": f"{{value}} of the payments come on {en}", "zh": f"{{value}} 的付款发生在{zh}"},
    )  # fmt: skip


FEATURES = (
    *(_step(start, end) for start, end in zip((None, *STEPS), STEPS, strict=False)),
    Feature(
        name="habit_weight", unit=Unit.COUNT, risk=Risk.NONE, value=_recent_first(None),
        meaning="Invoices behind the curve of payment, those due in the last 90 days counted 4 times, in the last 365 "
                "twice.",
        reason={"en": "the customer's habit rests on {value} weighted invoices",
                "zh": "付款习惯基于 {value} 张加权发票"},
    ),
    *(_weekday(number, *words) for number, words in enumerate(WEEKDAYS)),
    Feature(
        name="days_late_last_due", unit=Unit.DAYS, risk=Risk.NONE,
        value=last(DAYS_LATE, of=owed.only(row("age:due_on") > 0)),
        meaning="Days late of the invoice that fell due last before as_of, early below 0, unpaid up to as_of.",
        reason={"en": "the last invoice due was {value} late", "zh": "最近一张到期发票逾期 {value}"},
    ),
    Feature(
        name="days_late_last_settled", unit=Unit.DAYS, risk=Risk.NONE,
        value=last(DAYS_LATE, of=Rows("invoices", "closed_on", None, row("is_paid"))),
        meaning="Days late of the invoice that was paid in full last, early below 0.",
        reason={"en": "the last invoice settled was {value} late", "zh": "最近结清的发票逾期 {value}"},
    ),
    Feature(
        name="days_since_late_5", unit=Unit.DAYS, risk=Risk.FALLS,
        value=days_since(owed.only(DAYS_LATE >= 5)),
        meaning="Days since the due date of the last invoice that was or is at least 5 days late.",
        reason={"en": "the last invoice at least 5 days late fell due {value} ago",
                "zh": "最近一张逾期至少5天的发票于 {value} 前到期"},
    ),
    Feature(
        name="late_5_share_1m", unit=Unit.SHARE, risk=Risk.RISES,
        value=share(DAYS_LATE >= 5, of=due_within(30)),
        meaning="Share of the invoices due in the last 30 days that were or are at least 5 days late.",
        reason={"en": "{value} of the invoices due in the last 30 days were or are at least 5 days late",
                "zh": "过去30天到期的发票中有 {value} 逾期至少5天"},
    ),
    Feature(
        name="days_late_settled_mean_1m", unit=Unit.DAYS, risk=Risk.NONE,
        value=mean(DAYS_LATE, of=settled_within(30)),
        meaning="Mean days late of the invoices paid in full in the last 30 days.",
        reason={"en": "invoices settled in the last 30 days were {value} late on average",
                "zh": "过去30天结清的发票平均逾期 {value}"},
    ),
)  # fmt: skip

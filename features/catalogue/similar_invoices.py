"""Declare the columns on earlier invoices similar to the one scored: how invoices of its amount, its terms and its due day were paid.

A customer may pay small invoices on the day and dispute large ones, or pay each month's instalments in their own way.
Similarity is a weight, defined in `features/engine/similar_invoices.py`; the values are computed there, as known at the end of
as_of.
"""

from features.catalogue.habit import STEPS, step_name
from features.language import Feature, Level, Missing, Risk, Unit, given


def _similar(name: str, unit: Unit, meaning: str, en: str, zh: str, missing: Missing = Missing.NO_HISTORY) -> Feature:
    """Return an item's column without direction of risk: what is similar to an item changes with the item."""
    return Feature(
        name=name, unit=unit, value=given(name), meaning=meaning, risk=Risk.NONE, reason={"en": en, "zh": zh},
        missing=missing, level=Level.ITEM,
    )  # fmt: skip


_KINDS = (
    ("similar", "earlier invoices of similar amount and terms", "金额和账期相近的过往发票"),
    ("similar_terms", "earlier invoices of similar terms", "账期相近的过往发票"),
    ("similar_amount", "earlier invoices of similar amount", "金额相近的过往发票"),
    ("similar_weekday", "earlier invoices due on the same weekday", "到期星期相同的过往发票"),
    ("similar_month_day", "earlier invoices due at a near day of the month", "到期日在月内相近的过往发票"),
    ("recent", "invoices due recently (weights halve every 90 days)", "近期到期的发票（权重每90天减半）"),
)
_SHARES = {
    "late_share": ("paid or left unpaid after the due date", "were late", "逾期"),
    "late_5_share": ("at least 5 days late", "were at least 5 days late", "逾期至少5天"),
    "on_day_share": ("paid on the due date", "were paid on the due date", "在到期日付清"),
}
_DECLARED = {
    "similar": ("late_share", "late_5_share", "on_day_share", "days_late_mean"),
    "similar_terms": ("late_5_share", "days_late_mean"),
    "similar_amount": ("late_share", "late_5_share", "days_late_mean"),
    "similar_weekday": ("late_5_share",),
    "similar_month_day": ("late_5_share", "days_late_mean"),
    "recent": ("late_5_share", "days_late_mean"),
}


def _of_kind(kind: str, en: str, zh: str) -> list[Feature]:
    found = []
    for name in _DECLARED[kind]:
        if name == "days_late_mean":
            found.append(_similar(
                f"{kind}_days_late_mean", Unit.DAYS,
                f"Weighted mean days late (from -30 to 60) of {en}; unpaid ones count from 5 days past due.",
                f"{en} were {{value}} late on average", f"{zh}平均逾期 {{value}}",
            ))  # fmt: skip
        else:
            what, said, said_zh = _SHARES[name]
            found.append(_similar(
                f"{kind}_{name}", Unit.SHARE, f"Weighted share {what} of {en}.",
                f"{{value}} of the {en} {said}", f"{zh}中有 {{value}} {said_zh}",
            ))  # fmt: skip
    return found


def _curve_step(end: int) -> Feature:
    name = step_name(end).replace("habit", "similar")
    day_en = f"{-end} days before the due date" if end < 0 else f"{end} days after the due date"
    day_zh = f"到期前{-end}天" if end < 0 else f"到期后{end}天"
    return _similar(
        name, Unit.SHARE,
        "Of earlier invoices of similar amount, terms and weekday, unpaid until the step before, the weighted share paid by "
        f"{day_en}.",
        f"of similar invoices still unpaid, {{value}} were paid by {day_en}",
        f"相近且尚未付清的发票中，有 {{value}} 在{day_zh}前付清",
    )  # fmt: skip


FEATURES = (
    _similar("similar_invoices", Unit.COUNT, "Earlier invoices of similar amount and terms, each counted by its similarity.",
          "{value} earlier invoices are similar to this one", "有 {value} 张相近的过往发票"),
    _similar("similar_amount_invoices", Unit.COUNT, "Earlier invoices of similar amount, each counted by its similarity.",
          "{value} earlier invoices are of similar amount", "有 {value} 张金额相近的过往发票"),
    _similar("similar_terms_invoices", Unit.COUNT, "Earlier invoices of similar terms, each counted by its similarity.",
          "{value} earlier invoices are of similar terms", "有 {value} 张账期相近的过往发票"),
    _similar("similar_weekday_invoices", Unit.COUNT, "Earlier invoices due on the same weekday, each counted by its age.",
          "{value} earlier invoices were due on the same weekday", "有 {value} 张到期星期相同的过往发票"),
    *(feature for kind in _KINDS for feature in _of_kind(*kind)),
    _similar("similar_terms_last_days_late", Unit.DAYS,
          "Days late of the invoice of the same terms (to a day) that fell due last before as_of, unpaid up to as_of.",
          "the last invoice of the same terms was {value} late", "最近一张同账期发票逾期 {value}"),
    _similar("last_3_days_late_mean", Unit.DAYS, "Mean days late of the three invoices that were paid or past due and fell due last.",
          "the last three invoices were {value} late on average", "最近三张发票平均逾期 {value}"),
    _similar("last_5_days_late_max", Unit.DAYS, "Most days late among the five invoices that were paid or past due and fell due last.",
          "the worst of the last five invoices was {value} late", "最近五张发票中最多逾期 {value}"),
    _similar("days_since_due_before", Unit.DAYS, "Days from the customer's due date before the item's (or the same day) to the item's.",
          "the due date before it lies {value} earlier", "前一个到期日在 {value} 之前"),
    _similar("days_since_last_due", Unit.DAYS, "Days from the customer's latest due date to the item's, below 0 where it comes before.",
          "due {value} after the customer's latest due date", "在客户最晚到期日之后 {value} 到期"),
    _similar("invoices_7d", Unit.COUNT, "Invoices issued in the last 7 days.",
          "{value} invoices in the last 7 days", "过去7天有 {value} 张发票"),
    _similar("open_due_near", Unit.COUNT, "Open invoices due within 7 days of the item's due date.",
          "{value} open invoices are due within 7 days of it", "有 {value} 张未结发票在其到期日前后7天内到期"),
    _similar("days_after_last_due", Unit.DAYS, "Days from the customer's latest due date to as_of, below 0 where it is still to come.",
          "the customer's latest due date lies {value} back", "客户最晚到期日在 {value} 之前"),
    _similar("same_terms_late_5_share", Unit.SHARE,
          "Share at least 5 days late of the invoices of the same terms (to a day), as if six more, half of one late, were added.",
          "{value} of the invoices of the same terms were at least 5 days late", "同账期发票中有 {value} 逾期至少5天"),
    _similar("amount_to_late_5", Unit.RATIO,
          "The invoice's amount against the geometric mean amount of the invoices at least 5 days late.",
          "the invoice is {value} times those that were at least 5 days late", "发票金额是逾期至少5天的发票的 {value} 倍"),
    _similar("similar_curve_invoices", Unit.COUNT,
          "Earlier invoices behind the similar-invoice curve of payment, each counted by its similarity in amount, terms, weekday and age.",
          "the curve of similar invoices rests on {value} of them", "相近发票的付款曲线基于 {value} 张发票"),
    *(_curve_step(end) for end in STEPS),
)  # fmt: skip

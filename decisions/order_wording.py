"""The sentences of an order's answer: what each rule found, and what would release the order, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

from decisions.orders import Finding
from decisions.shared_limits import CountryStop
from decisions.wording import sentence

BLOCKED: Mapping[str, Mapping[str, str]] = {
    "in_default": {
        "en": "The customer is in default by the policy's definition.",
        "zh": "该客户按政策定义已处于违约状态。",
    },
    "days_overdue": {
        "en": "{amount:,.2f} is undisputed and more than {allowed:.0f} days past due; the oldest item is {days:.0f} days past due.",
        "zh": "无争议款项 {amount:,.2f} 逾期超过 {allowed:.0f} 天；最早一笔逾期 {days:.0f} 天。",
    },
    "arrears_amount": {
        "en": "The undisputed arrears of {arrears:,.2f} are above the {allowed:,.2f} that the policy allows.",
        "zh": "无争议逾期 {arrears:,.2f} 超过政策允许的 {allowed:,.2f}。",
    },
    "no_limit": {"en": "No credit limit is known.", "zh": "尚无信用额度。"},
    "limit_expired": {
        "en": "The credit limit ended {days_since:.0f} days ago.", "zh": "信用额度已于 {days_since:.0f} 天前到期。",
    },
    "review_overdue": {
        "en": "The review of the limit is {days_since:.0f} days overdue (allowed: {allowed:.0f}).",
        "zh": "额度复审已超期 {days_since:.0f} 天（允许 {allowed:.0f} 天）。",
    },
    "country": {
        "en": "Deliveries on credit to {country} are a person's decision.", "zh": "向 {country} 赊销须由人工决定。",
    },
    "grade": {
        "en": "The grade {grade} is worse than {worst}, the last that gets credit by this policy.",
        "zh": "信用等级 {grade} 低于政策可赊销的最低等级 {worst}。",
    },
    "new_customer": {
        "en": "The customer is new and the order of {amount:,.2f} is above {allowed:,.2f}.",
        "zh": "该客户为新客户，订单金额 {amount:,.2f} 超过 {allowed:,.2f}。",
    },
    "terms": {
        "en": "The order's terms of {terms:.0f} days are longer than the {granted:.0f} days granted.",
        "zh": "订单账期 {terms:.0f} 天，超过已批准的 {granted:.0f} 天。",
    },
    "over_limit": {
        "en": "The order of {amount:,.2f} is above the {available:,.2f} that the limit still allows.",
        "zh": "订单金额 {amount:,.2f} 超过额度余量 {available:,.2f}。",
    },
}  # fmt: skip
RELEASED: Mapping[str, Mapping[str, str]] = {
    "in_default": {"en": "A person decides.", "zh": "须由人工决定。"},
    "days_overdue": {
        "en": "Payment of {pay_amount:,.2f} (invoices {pay_items}) releases it.",
        "zh": "支付 {pay_amount:,.2f}（发票 {pay_items}）后放行。",
    },
    "arrears_amount": {
        "en": "Payment of {pay_amount:,.2f} of the arrears releases it.", "zh": "支付逾期款项 {pay_amount:,.2f} 后放行。",
    },
    "no_limit": {"en": "A limit granted by a person releases it.", "zh": "由人工核定额度后放行。"},
    "limit_expired": {"en": "A renewed limit releases it.", "zh": "额度续期后放行。"},
    "review_overdue": {"en": "The review releases it.", "zh": "完成复审后放行。"},
    "country": {"en": "A person decides.", "zh": "须由人工决定。"},
    "grade": {"en": "A person decides; prepayment needs no credit.", "zh": "须由人工决定；预付款无需授信。"},
    "new_customer": {
        "en": "An order of at most {order_at_most:,.2f}, or a person, releases it.",
        "zh": "订单金额不超过 {order_at_most:,.2f}，或经人工批准后放行。",
    },
    "terms": {
        "en": "Terms of at most {terms_at_most:.0f} days release it.", "zh": "账期不超过 {terms_at_most:.0f} 天即可放行。",
    },
    "country_risk": {"en": "A person decides, or prepayment.", "zh": "须由人工决定，或预付款。"},
    "over_limit": {
        "en": "An order of at most {order_at_most:,.2f}, a payment of {pay_or_raise_by:,.2f}, or a limit raised by as much "
        "releases it.",
        "zh": "订单不超过 {order_at_most:,.2f}，或付款 {pay_or_raise_by:,.2f}，或额度提高同等金额后放行。",
    },
}  # fmt: skip


def finding_text(finding: Finding, language: str) -> str:
    """Return the sentence of a rule that blocks."""
    if finding.rule == "country_risk":
        stop = CountryStop.of_json({"answer": "", "code": finding.values["code"], "numbers": finding.values})
        return sentence(stop.code, stop.numbers, language)
    return BLOCKED[finding.rule][language].format(**finding.values)


def release_text(finding: Finding, language: str) -> str:
    """Return the sentence on what would lift a rule that blocks."""
    return RELEASED[finding.rule][language].format(**finding.released_by)

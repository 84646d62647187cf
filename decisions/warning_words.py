"""Sentences about the signals of the watch list, in English and Chinese; each is made of the signal's own numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from decisions.early_warning import Signal, WatchChange

Words = Callable[[float, float], str]


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _count(number: float, noun: str) -> str:
    return f"{number:.0f} {noun}" if round(number) == 1 else f"{number:.0f} {noun}s"


WORDS: Mapping[str, Mapping[str, Words]] = {
    "score_move": {
        "en": lambda b, n: f"the PD rose from {_share(b)} to {_share(n)}, more than the model's own error",
        "zh": lambda b, n: f"违约概率由 {_share(b)} 升至 {_share(n)}，超出模型自身误差",
    },
    "high_pd": {
        "en": lambda b, n: f"the PD is {_share(n)}",
        "zh": lambda b, n: f"违约概率为 {_share(n)}",
    },
    "pay_run_missed": {
        "en": lambda b, n: f"no payment for {n:.1f} times its usual gap while items are past due",
        "zh": lambda b, n: f"距上次付款已达平常间隔的 {n:.1f} 倍，且有逾期款项",
    },
    "first_bounced": {
        "en": lambda b, n: f"{_count(n, 'payment')} bounced in 3 months, none in the months before",
        "zh": lambda b, n: f"近 3 个月有 {n:.0f} 笔付款被退回，此前没有",
    },
    "early_payment_lost": {
        "en": lambda b, n: f"only {_share(n)} of invoices are still paid early: discounts are no longer taken",
        "zh": lambda b, n: f"提前付款的发票仅剩 {_share(n)}：不再享用现金折扣",
    },
    "orders_jump": {
        "en": lambda b, n: f"purchases of 3 months jumped to {n:,.0f}",
        "zh": lambda b, n: f"近 3 个月采购额激增至 {n:,.0f}",
    },
    "orders_stop": {
        "en": lambda b, n: f"no invoice for {n:.0f} days, although it used to buy often",
        "zh": lambda b, n: f"已 {n:.0f} 天没有新发票，而此前采购频繁",
    },
    "exposure_jump": {
        "en": lambda b, n: f"it uses {_share(n)} of its limit, {_share(b)} before",
        "zh": lambda b, n: f"信用额度使用率由 {_share(b)} 升至 {_share(n)}",
    },
    "rating_worse": {
        "en": lambda b, n: f"the external rating moved from {_share(b)} to {_share(n)} of the way from best to worst",
        "zh": lambda b, n: f"外部评级在最好与最差之间的位置由 {_share(b)} 变为 {_share(n)}",
    },
    "promise_broken": {
        "en": lambda b, n: f"{_count(n, 'promise')} to pay broken in 3 months",
        "zh": lambda b, n: f"近 3 个月有 {n:.0f} 次付款承诺未兑现",
    },
    "older_arrears": {
        "en": lambda b, n: f"the oldest item is {n:.0f} days past due, {0 if math.isnan(b) else b:.0f} before",
        "zh": lambda b, n: f"最早一笔已逾期 {n:.0f} 天，此前为 {0 if math.isnan(b) else b:.0f} 天",
    },
    "disputes_rise": {
        "en": lambda b, n: f"{_count(n, 'dispute')} in 3 months, none in the 3 months before",
        "zh": lambda b, n: f"近 3 个月有 {n:.0f} 起争议，此前 3 个月没有",
    },
    "group_overdue": {
        "en": lambda b, n: f"{_share(n)} of its group's open amount is more than 30 days past due",
        "zh": lambda b, n: f"所属集团未结金额的 {_share(n)} 逾期超过 30 天",
    },
    "adverse_event": {
        "en": lambda b, n: f"an adverse event {n:.0f} days ago (insolvency, concession, write-off or order block)",
        "zh": lambda b, n: f"{n:.0f} 天前发生不利事件（破产、债务减让、核销或停止接单）",
    },
}  # fmt: skip
KINDS = {
    "en": {
        "entered": "came on the watch list",
        "left": "left the watch list",
        "changed": "is on the watch list, and newly",
    },
    "zh": {"entered": "进入观察名单", "left": "离开观察名单", "changed": "仍在观察名单，新增"},
}


def sentence(signal: Signal, language: str = "en") -> str:
    """Return one signal in words."""
    return WORDS[signal.code][language](signal.values["before"], signal.values["now"])


def sentences(signals: Sequence[Signal], language: str = "en") -> str:
    """Return all signals of a customer in words, the gravest first."""
    return ("; " if language == "en" else "；").join(sentence(signal, language) for signal in signals)


def change_words(change: WatchChange, language: str = "en") -> str:
    """Return one entry of the change feed in words."""
    head = KINDS[language][change.kind]
    if not change.signals:
        return head
    return (
        f"{head}: {sentences(change.signals, language)}"
        if language == "en"
        else f"{head}：{sentences(change.signals, language)}"
    )

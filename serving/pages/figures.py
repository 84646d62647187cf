"""How good a model was, as rows for a person: headline figures with intervals, the plain rules beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# metric of a run -> its words by language; what stands first on the page
HEADLINES: Mapping[str, Mapping[str, str]] = {
    "auc": {"en": "Order of customers (AUC)", "zh": "客户排序（AUC）"},
    "gini": {"en": "Order of customers (Gini)", "zh": "客户排序（Gini）"},
    "brier": {"en": "Squared error of the PD (Brier)", "zh": "违约概率的平方误差（Brier）"},
    "ece": {"en": "Calibration error (ECE)", "zh": "校准误差（ECE）"},
    "pd_mean": {"en": "Mean PD predicted", "zh": "平均预测违约概率"},
    "default_rate": {"en": "Default rate observed", "zh": "实际违约率"},
    "cold_door_auc": {"en": "Order, as if nobody had a history (AUC)", "zh": "假定无任何历史时的排序（AUC）"},
    "cold_first_months_auc": {
        "en": "Order in a customer's first three months (AUC)",
        "zh": "客户前三个月的排序（AUC）",
    },
    "mae_days": {"en": "Mean absolute error, days", "zh": "平均绝对误差（天）"},
    "within_3_days_share": {"en": "Share predicted within 3 days", "zh": "误差在3天内的占比"},
    "auc_late_5": {"en": "Order, at least 5 days late (AUC)", "zh": "逾期至少5天的排序（AUC）"},
    "auc_late_30": {"en": "Order, at least 30 days late (AUC)", "zh": "逾期至少30天的排序（AUC）"},
    "crps_days": {"en": "Error of the whole distribution (CRPS), days", "zh": "整体分布误差（CRPS，天）"},
    "coverage_80": {"en": "Outcomes inside the 80 % interval", "zh": "80%区间的覆盖率"},
}
RULES: Mapping[str, Mapping[str, str]] = {
    "truth": {"en": "the true PD", "zh": "真实违约概率"},
    "days_past_due": {"en": "rule: days past due", "zh": "规则：逾期天数"},
    "past_due_30": {"en": "rule: over 30 days past due", "zh": "规则：逾期超过30天"},
    "dbt": {"en": "rule: days beyond terms", "zh": "规则：超账期天数（DBT）"},
    "on_the_day": {"en": "rule: always on the day", "zh": "规则：总是按期"},
    "customer_mean": {"en": "rule: the customer's mean", "zh": "规则：客户均值"},
    "customer_median": {"en": "rule: the customer's median", "zh": "规则：客户中位数"},
    "customer_late_rate": {"en": "rule: the customer's late rate", "zh": "规则：客户逾期率"},
    "customer_distribution": {"en": "rule: the customer's distribution", "zh": "规则：客户分布"},
    "kaplan_meier": {"en": "rule: Kaplan–Meier", "zh": "规则：Kaplan–Meier"},
}


def headlines(metrics: Mapping[str, float | None], language: str) -> list[dict[str, Any]]:
    """Headline figures that the run has, each followed by the same figure of the rules and of the ceiling."""
    rows = []
    for metric, words in HEADLINES.items():
        if metrics.get(metric) is None:
            continue
        rows.append(_row(metrics, metric, words[language], is_model=True))
        for rule, rule_words in RULES.items():
            name = f"truth_{metric}" if rule == "truth" else f"baseline_{rule}_{metric}"
            if metrics.get(name) is not None:
                rows.append(_row(metrics, name, rule_words[language], is_model=False))
    return rows


def everything(metrics: Mapping[str, float | None]) -> list[dict[str, Any]]:
    """Every figure of the run under its own name; intervals beside their figure."""
    named = [name for name, value in metrics.items() if value is not None and not name.endswith(("_low", "_high"))]
    return [_row(metrics, name, name.replace("_", " "), is_model=True) for name in named]


def _row(metrics: Mapping[str, float | None], name: str, words: str, *, is_model: bool) -> dict[str, Any]:
    low, high = metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    interval = f"{plain(low)} – {plain(high)}" if low is not None and high is not None else ""
    return {"name": words, "value": plain(metrics[name]), "interval": interval, "is_model": is_model}


def plain(value: float | None) -> str:
    """A number of any size, short: whole numbers whole, small ones with four significant digits; '–' for none."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}" if abs(value) >= 100 else f"{value:.4g}"

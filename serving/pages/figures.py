"""How good a model was, as rows for a person: headline figures with intervals, the plain rules beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.pages.texts import N_
from serving.translations import Translation

# metric of a run -> its English text; the order is that of the page
HEADLINES: Mapping[str, str] = {
    "auc": N_("Order of customers (AUC)"),
    "gini": N_("Order of customers (Gini)"),
    "brier": N_("Squared error of the PD (Brier)"),
    "ece": N_("Calibration error (ECE)"),
    "pd_mean": N_("Mean PD predicted"),
    "default_rate": N_("Default rate observed"),
    "cold_door_auc": N_("Order, as if nobody had a history (AUC)"),
    "cold_first_months_auc": N_("Order in a customer's first three months (AUC)"),
    "mae_days": N_("Mean absolute error, days"),
    "within_3_days_share": N_("Share predicted within 3 days"),
    "auc_late_5": N_("Order, at least 5 days late (AUC)"),
    "auc_late_30": N_("Order, at least 30 days late (AUC)"),
    "crps_days": N_("Error of the whole distribution (CRPS), days"),
    "coverage_80": N_("Outcomes inside the 80 % interval"),
}
RULES: Mapping[str, str] = {
    "truth": N_("the true PD"),
    "days_past_due": N_("rule: days past due"),
    "past_due_30": N_("rule: over 30 days past due"),
    "dbt": N_("rule: days beyond terms"),
    "on_the_day": N_("rule: always on the day"),
    "customer_mean": N_("rule: the customer's mean"),
    "customer_median": N_("rule: the customer's median"),
    "customer_late_rate": N_("rule: the customer's late rate"),
    "customer_distribution": N_("rule: the customer's distribution"),
    "kaplan_meier": N_("rule: Kaplan–Meier"),
}


def headlines(metrics: Mapping[str, float | None], t: Translation) -> list[dict[str, Any]]:
    """Headline figures that the run has, each followed by the same figure of the rules and of the ceiling."""
    rows = []
    for metric, words in HEADLINES.items():
        if metrics.get(metric) is None:
            continue
        rows.append(_row(metrics, metric, t.text(words), is_model=True))
        for rule, rule_words in RULES.items():
            name = f"truth_{metric}" if rule == "truth" else f"baseline_{rule}_{metric}"
            if metrics.get(name) is not None:
                rows.append(_row(metrics, name, t.text(rule_words), is_model=False))
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

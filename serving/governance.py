"""What the registry, the promotion journal and the decision log say about a period, for the committee's report."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from ledger.errors import InputError
from serving.monitor_results import monitor_results

if TYPE_CHECKING:
    from pathlib import Path

    from decisions.monthly.committee import Governance
    from models.registry import Settings

METRICS = {
    "tradecredit-default": ("auc", "gini", "brier", "ece", "pd_mean", "default_rate"),
    "tradecredit-delay": ("mae_days", "within_3_days_share", "auc_late_5", "auc_late_30", "coverage_80"),
}  # fmt: skip
POLICIES = "policies"


def governance(settings: Settings, before: date, as_of: date, *, monitor: Path | None = None) -> Governance:
    """Return models, their changes, policies, overrides, decisions and monitor results until the end of `as_of`.

    Parameters
    ----------
    before : changes, decisions and overrides count from the end of this day.
    monitor : the JSON file of `tradecredit monitor LEDGER --json`; None: the newest result in MLflow's experiment monitoring.

    What is not there (no champion, no decision log, no monitor result) leaves its table empty, and `why_not` says so.

    Raises
    ------
    InputError
        The monitor file cannot be read, is no monitor result, or looks at a later day.
    """
    import pandas as pd

    from decisions.monthly.committee import Governance

    why_not: list[str] = []
    decided = _decided(settings, why_not)
    own = [d for d in decided if before.isoformat() < d["on"] <= as_of.isoformat()]
    counts = pd.DataFrame([{"kind": d["kind"], "action": d["action"]} for d in own], columns=["kind", "action"])
    return Governance(
        models=_models(settings, why_not), changes=_changes(settings, before, as_of),
        policies=_policies([d for d in decided if d["on"] <= as_of.isoformat()], before),
        overrides=_overrides([d for d in decided if d["on"] <= as_of.isoformat()]),
        decisions=counts.groupby(["kind", "action"]).size().rename("count").reset_index(),
        monitor=monitor_results(settings, as_of, why_not, file=monitor), why_not=tuple(why_not),
    )  # fmt: skip


def _models(settings: Settings, why_not: list[str]) -> Any:
    import pandas as pd

    from models import registry

    rows = []
    for name, metrics in METRICS.items():
        try:
            served = registry.load(settings, name)
        except registry.NoModel as absent:
            why_not.append(f"no champion of {name}: {absent}")
            continue
        for metric in metrics:
            if metric in served.metrics:
                rows.append({
                    "model": name, "version": served.version, "since": served.promoted_at[:19], "by": served.promoted_by, "metric": metric,
                    "value": served.metrics[metric], "low": served.metrics.get(f"{metric}_low"), "high": served.metrics.get(f"{metric}_high"),
                })  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "version", "since", "by", "metric", "value", "low", "high"])


def _changes(settings: Settings, before: date, as_of: date) -> Any:
    import pandas as pd

    from models.journal import Journal

    rows = []
    if (settings.home / "promotions.sqlite").exists():
        for entry in Journal.of(settings).entries():
            if before < entry.at.date() <= as_of:
                rows.append({"at": entry.at.isoformat(timespec="seconds"), "action": entry.action, "model": entry.model,
                             "version": entry.version, "by": entry.by, "why": entry.why})  # fmt: skip
    return pd.DataFrame(rows, columns=["at", "action", "model", "version", "by", "why"])


def _decided(settings: Settings, why_not: list[str]) -> list[dict[str, Any]]:
    """Every review and every person's decision of the log, as plain values; `on` is the day of the book that it is about."""
    from serving.decision_log import DecisionLog, Erased

    try:
        log = DecisionLog.existing(settings.store)
    except InputError as absent:
        why_not.append(f"no decisions: {absent}")
        return []
    found = []
    for decision_id, kind in log.listed(("review", "decide")):
        try:
            content = log.read(decision_id).content
        except Erased:
            continue
        answer = content["answer"]
        found.append({
            "decision_id": decision_id, "kind": kind, "on": answer["as_of"], "answer": answer,
            "action": answer.get("action") or answer.get("recommendation"), POLICIES: content.get(POLICIES, {}),
        })  # fmt: skip
    log.close()
    return found


def _policies(decided: list[dict[str, Any]], before: date) -> Any:
    """Which policy versions decisions used, from when to when."""
    import pandas as pd

    used: dict[tuple[str, str], list[str]] = {}
    for decision in decided:
        for kind, policy in decision[POLICIES].items():
            if isinstance(policy, dict) and "name" in policy:
                used.setdefault((f"{kind}: {policy['name']}", str(policy.get("version", ""))), []).append(
                    decision["on"]
                )
    rows = [
        {"policy": name, "version": version, "first_used": pd.Timestamp(min(days)), "last_used": pd.Timestamp(max(days)),
         "decisions": len(days), "is_new": min(days) > before.isoformat()}
        for (name, version), days in sorted(used.items())
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["policy", "version", "first_used", "last_used", "decisions", "is_new"])


def _overrides(decided: list[dict[str, Any]]) -> Any:
    import pandas as pd

    rows = []
    for decision in decided:
        answer = decision["answer"]
        if decision["kind"] == "decide" and answer.get("is_override") and answer.get("status") == "decided":
            recommended = answer["recommended"]
            rows.append({
                "decided_on": pd.Timestamp(decision["on"]), "decision_id": decision["decision_id"], "customer_id": answer["customer_id"],
                "by": answer["by"], "confirmed_by": answer.get("confirmed_by"), "recommended": _said(recommended["action"], recommended["limit"]),
                "decided": _said(answer["action"], answer["limit"]), "reason": answer["reason"],
            })  # fmt: skip
    return pd.DataFrame(
        rows,
        columns=["decided_on", "decision_id", "customer_id", "by", "confirmed_by", "recommended", "decided", "reason"],
    )


def _said(action: str, limit: float | None) -> str:
    return action if limit is None else f"{action} {limit:,.2f}"

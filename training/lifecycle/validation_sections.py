"""The sections of a validation report, in the order in which a model-risk department reads them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from models import metrics
from training.lifecycle.gates import Candidate
from training.lifecycle.gates import Report as GatesReport
from training.lifecycle.validation import Artifacts, Report, Section, Shown, as_table
from training.lifecycle.validation_figures import ROWS, figures, shown

GUIDANCE = (
    "SR 26-2 (supervisory guidance on model risk management, which replaced SR 11-7 in April 2026)",
    "EBA/GL/2017/16 (PD and LGD estimation), EBA/GL/2016/07 and Delegated Regulation (EU) 2018/171 (definition of default)",
    "ECB, Instructions for reporting the validation results of internal models (2019)",
)
PURPOSE = {
    "default": (
        "Purpose: the probability that a customer defaults within the horizon, for credit limits, reviews and expected loss of "
        "trade receivables. It orders customers and states a level; it does not replace a reviewer's decision.",
        "Not for: consumers, pricing of loans, regulatory capital; customers in default (answered as such); a ledger whose "
        "population differs from the one below.",
    ),
    "delay": (
        "Purpose: the distribution of the day on which an open or new item is paid, for cash forecasts and collections.",
        "Not for: whether an item is ever paid (that is the default model's question); amounts in dispute.",
    ),
}
OUTCOME = {
    "default": "Outcome: default within {horizon_months} months by policy {policy} version {policy_version}; snapshots at month "
    "ends, customers in default left out, outcomes that are not mature left out.",
    "delay": "Outcome: days from the due date to the day on which the item was settled; items not seen paid are censored. "
    "Evaluated: items due 30 or more days before the last day known.",
}
SENSITIVITY_INPUTS = 6
SENSITIVITY_ROWS = 500
FEW_DEFAULTERS = 30
LOW_AUC = 0.7


def build(artifacts: Artifacts, candidate: Candidate, gates: GatesReport) -> Report:
    """Return the validation report of a run.

    candidate : the run's registered model with its evidence; gates : its gates' results, with the champion on the same rows.
    """
    kind = artifacts.kind
    sections = [
        purpose(artifacts), data(artifacts), outcome(artifacts), population(artifacts),
        Section(
            title="Discrimination", figures=figures(artifacts, "discrimination"),
            shown=_plots(artifacts, ("roc", "cap", "score_by_outcome", "roc_late_5", "error_by_lateness")),
        ),
        calibration(artifacts), stability(artifacts), sensitivity(candidate), benchmark(artifacts, gates),
        explanations(artifacts), limits(artifacts), weaknesses(artifacts, gates),
    ]  # fmt: skip
    return Report(
        title=f"Validation report: {kind} model, run {artifacts.run_id[:8]}", run_id=artifacts.run_id, facts=artifacts.facts,
        sections=tuple(sections),
    )  # fmt: skip


def _plots(artifacts: Artifacts, names: tuple[str, ...]) -> tuple[Shown, ...]:
    return tuple(
        Shown(title=name.replace("_", " "), artifact=f"plots/{name}.png", uri=uri)
        for name in names
        if (uri := artifacts.plot(name)) is not None
    )


def _tables(artifacts: Artifacts, names: Mapping[str, str], rows: int = 20) -> tuple[Shown, ...]:
    return tuple(
        as_table(title, f"tables/{name}.csv", table.head(rows))
        for name, title in names.items()
        if (table := artifacts.table(name)) is not None
    )


def purpose(artifacts: Artifacts) -> Section:
    """Return purpose, use and the guidance that the report follows."""
    return Section(title="Purpose and use", text=(*PURPOSE[artifacts.kind], "Guidance: " + "; ".join(GUIDANCE) + "."))


def data(artifacts: Artifacts) -> Section:
    """Return where the data come from and their account: ledger, fingerprint, tables, dates."""
    run, parameters = artifacts.run, artifacts.run["parameters"]
    rows = [
        ("ledger", str(run["ledger"])), ("fingerprint", str(parameters["ledger_fingerprint"])),
        ("knowledge used up to", str(parameters["as_of"])), ("code commit", str(run["commit"])),
        *((f"rows of {name}", f"{int(count):,}") for name, count in run.get("ledger_rows", {}).items()),
    ]  # fmt: skip
    account = Shown(title="Account of the data", artifact="run.json", head=("what", "value"), rows=tuple(rows))
    text = "A fact counts from the day on which the books held it (booked_on): nothing booked after the day above was used."
    return Section(title="Data and its account", text=(text,), shown=(account,))


def outcome(artifacts: Artifacts) -> Section:
    """Return the definition of the outcome."""
    parameters = artifacts.run["parameters"]
    known = {name: parameters.get(name, "–") for name in ("horizon_months", "policy", "policy_version")}
    chosen = {
        k: v
        for k, v in parameters.items()
        if k.startswith(("policy", "horizon", "consecutive", "evaluation", "held_out"))
    }
    table = Shown(
        title="Parameters of the outcome", artifact="run.json", head=("parameter", "value"),
        rows=tuple((str(k), str(v)) for k, v in chosen.items()),
    )  # fmt: skip
    return Section(title="Outcome definition", text=(OUTCOME[artifacts.kind].format(**known),), shown=(table,))


def population(artifacts: Artifacts) -> Section:
    """Return who was evaluated, by segment."""
    return Section(
        title="Population", figures=figures(artifacts, "population"),
        text=("Evaluated out of time; default model: each customer scored only by fits that never saw it.",),
        shown=_tables(artifacts, {"segments": "By country and industry"}, rows=40),
    )  # fmt: skip


def calibration(artifacts: Artifacts) -> Section:
    """Return level, slope and calibration by decile and grade."""
    return Section(
        title="Calibration", figures=figures(artifacts, "calibration"),
        shown=(
            *_tables(artifacts, {"calibration": "By decile", "grades": "By grade, each customer once a horizon", "lateness_by_decile": "By decile"}),
            *_plots(artifacts, ("calibration", "calibration_by_grade", "default_rate_by_grade", "reliability_by_threshold", "pit")),
        ),
    )  # fmt: skip


def stability(artifacts: Artifacts) -> Section:
    """Return the figures month by month of the evaluation."""
    return Section(
        title="Stability over time",
        shown=(
            as_table("By month of the evaluation", ROWS, by_month(artifacts)),
            *_plots(artifacts, ("coverage_by_month",)),
        ),
    )


def by_month(artifacts: Artifacts) -> pd.DataFrame:
    """Return one row per month of the evaluation: rows, outcomes, mean prediction, observed share, AUC (NaN for one class)."""
    rows, lines = artifacts.rows, []
    if rows.empty:
        return pd.DataFrame(columns=["month", "rows", "predicted", "observed", "AUC"])
    for month, part in rows.groupby(rows["as_of"].dt.to_period("M")):
        if artifacts.kind == "default":
            y, p = part["y"].to_numpy(), part["pd"].to_numpy()
        else:
            known = (part["is_paid"] | (part["ended"] >= 5)).to_numpy()
            y, p = (part["ended"].to_numpy()[known] >= 5).astype(np.float64), part["p_late_5"].to_numpy()[known]
        lines.append((str(month), len(part), float(p.mean()), float(y.mean()), metrics.auc(y, p)))
    return pd.DataFrame(lines, columns=["month", "rows", "predicted", "observed", "AUC"])


def sensitivity(candidate: Candidate) -> Section:
    """Return how the mean prediction moves when one input at a time is set to its 10 % and 90 % quantile."""
    table = sensitivity_table(candidate)
    text = "One input at a time is set to its quantile on all sampled rows, all else equal; inputs by the size of the effect."
    return Section(
        title="Sensitivity",
        text=(text,),
        shown=(as_table("Mean prediction", "evidence/matrix.parquet and the model's files", table),),
    )


def sensitivity_table(candidate: Candidate) -> pd.DataFrame:
    """Return input, mean at the 10 % quantile, mean as it is, mean at the 90 % quantile; the most sensitive inputs first."""
    column = f"pd_{candidate.horizon_months}m" if candidate.kind == "default" else "p_late_5"
    matrix = candidate.matrix
    X = matrix.iloc[:: max(1, len(matrix) // SENSITIVITY_ROWS)].reset_index(drop=True)
    if X.empty:
        return pd.DataFrame(columns=["input", "at 10 %", "as it is", "at 90 %"])
    actual, lines = float(candidate.model.predict(X)[column].mean()), []
    names = [c for c in candidate.model.columns if matrix[c].nunique() > 1]
    parts = candidate.model.contributions(X.iloc[:60])[1]
    ranked = parts.abs().mean().reindex(names).sort_values(ascending=False)
    for name in ranked.index[:SENSITIVITY_INPUTS]:
        low, high = (
            float(candidate.model.predict(X.assign(**{str(name): matrix[name].quantile(q)}))[column].mean())
            for q in (0.1, 0.9)
        )
        lines.append((name, low, actual, high))
    return pd.DataFrame(lines, columns=["input", "at 10 %", "as it is", "at 90 %"])


def benchmark(artifacts: Artifacts, gates: GatesReport) -> Section:
    """Return the comparison with plain rules, challengers and the champion, and every gate."""
    challengers = [c for c in map(str, artifacts.rows.columns) if c.startswith("challenger ")]
    lines = []
    for name in challengers:
        y, p = artifacts.rows["y"].to_numpy(), artifacts.rows[name].to_numpy()
        lines.append((name.removeprefix("challenger "), metrics.auc(y, p), metrics.brier(y, p), metrics.log_loss(y, p)))
    table = as_table(
        "Challengers on the same rows",
        ROWS,
        pd.DataFrame(lines, columns=["challenger", "AUC", "Brier score", "log loss"]),
    )
    results = Shown(
        title=f"Gates {gates.gates}, version {gates.version}", artifact="evidence/ of this run and of the champion's",
        head=("gate", "result", "figures"),
        rows=tuple((c.gate, "note" if c.is_note else "passed" if c.is_passed else "refused", c.text) for c in gates.checks),
    )  # fmt: skip
    return Section(
        title="Benchmark: rules, challengers, champion", figures=figures(artifacts, "benchmark"),
        shown=(*((table,) if lines else ()), results),
    )  # fmt: skip


def explanations(artifacts: Artifacts) -> Section:
    """Return the importance of the inputs and shap's plots."""
    text = "Contributions are SHAP values in log-odds; with the base value they add up to each score (checked by the gate additivity)."
    return Section(
        title="Explanations", text=(text,),
        shown=(*_tables(artifacts, {"importance": "Largest inputs by gain"}, rows=12), *_plots(artifacts, ("shap_summary", "shap_bar", "shap_dependence"))),
    )  # fmt: skip


def limits(artifacts: Artifacts) -> Section:
    """Return the limits of use that follow from how the model is made."""
    parameters = artifacts.run["parameters"]
    text = (
        f"Evaluated on outcomes known on {parameters['as_of']}; later changes of the economy or of the books are not in it "
        "(`tradecredit monitor` watches them).",
        "The evaluated fit is older than the registered one, which learned from all that was known on that day.",
        "Intervals draw customers of this ledger: they hold for customers like these.",
    )
    return Section(title="Limits", text=text)


def weaknesses(artifacts: Artifacts, gates: GatesReport) -> Section:
    """Return the weaknesses that the artifacts show, each with its figure; says so where none is found."""
    found = [f"Gate {reason}." for reason in gates.reasons]
    rows = artifacts.rows
    if artifacts.kind == "default" and len(rows):
        defaulters = rows.loc[rows["y"] > 0, "customer_id"].nunique()
        if defaulters < FEW_DEFAULTERS:
            found.append(f"Only {defaulters} customers default in the evaluation: every figure above is uncertain.")
        thin = rows[rows["is_thin"]]
        if 0 < thin["y"].sum() < len(thin):
            auc = metrics.auc(thin["y"].to_numpy(), thin["log_odds"].to_numpy())
            if auc < LOW_AUC:
                found.append(f"Customers with a thin file ({len(thin):,} rows) are ordered with AUC {auc:.3f}.")
        rate, mean = float(rows["y"].mean()), float(rows["pd"].mean())
        if not 0.8 <= mean / rate <= 1.25:
            found.append(f"Mean PD {shown(mean, 'share')} against an observed {shown(rate, 'share')}.")
    months = by_month(artifacts)
    low = months[months["AUC"] < LOW_AUC]
    if len(low):
        worst = low.sort_values("AUC").iloc[0]
        found.append(
            f"AUC is below {LOW_AUC} in {len(low)} of {len(months)} months, lowest {worst['AUC']:.3f} in {worst['month']}."
        )
    constant = [c for c in artifacts.matrix.columns if artifacts.matrix[c].nunique(dropna=False) <= 1]
    if constant:
        found.append(f"{len(constant)} inputs have one value only in the evaluated rows: {', '.join(constant[:5])}.")
    return Section(title="Weaknesses found", text=tuple(found) or ("None of the checks of this report found one.",))

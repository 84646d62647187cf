"""The monitor's report: verdicts, matured outcomes, delay errors, inputs and freshness of one day, as text, JSON and HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd

from features.engine.prepared import prepare
from features.engine.snapshots import active
from ledger.errors import InputError
from ledger.known import known_on
from ledger.ledger import Ledger
from training.lifecycle.monitor import Observed, drift
from training.lifecycle.monitor_null import ALARM, NOTE, Verdict, verdicts
from training.lifecycle.monitor_outcomes import DelayErrors, Rung, delay_errors, ladder
from training.lifecycle.monitor_series import Months, Scores, champion_scores, ledger_series, score_series

TEMPLATE = Path(__file__).with_name("monitor.html")
MOST_MONTHS = 35
COLUMNS_NAMED = 3
FEWEST_FOR_DRIFT = 50
RHYTHM_DAYS = 730
MOST_RARE = 50  # days with rows in two years
NO_COLUMNS = pd.DataFrame(columns=["column", "psi", "limit", "is_moved"])


@dataclass(frozen=True, kw_only=True)
class Champion:
    """A champion as the monitor needs it. trained_on : the day whose knowledge it was trained on."""

    model: Any
    version: str
    trained_on: pd.Timestamp


@dataclass(frozen=True, kw_only=True)
class MonitorReport:
    """What the monitor found on a day. lines : alarms and notes as sentences, the cause first.

    columns : the champion's inputs against the day it was trained on (PSI), the most important first: notes, since tenure
    and season move by themselves. freshness : table -> (last day booked, days ago, longest usual gap). decisions : counts
    of the decision log, {} where there is none.
    """

    as_of: str
    reference: str
    customers: int
    verdicts: tuple[Verdict, ...]
    rungs: tuple[Rung, ...]
    delay: DelayErrors | None
    columns: pd.DataFrame
    score_columns: tuple[str, ...] = ()
    freshness: Mapping[str, tuple[str, int, float]] = field(default_factory=dict)
    decisions: Mapping[str, int] = field(default_factory=dict)

    @property
    def alarms(self) -> list[str]:
        """Return one sentence per alarm: causes in the feed and the data first, then behaviour, scores, outcomes."""
        found = [text for _, text in alarm_lines(self.verdicts, self.freshness)]
        found += [r.text for r in self.rungs if r.level == ALARM]
        if self.delay is not None and self.delay.level == ALARM:
            found.append(self.delay.text)
        if self.score_columns and any(v.series.family == "scores" and v.level == ALARM for v in self.verdicts):
            found.append("the scores moved mostly through: " + ", ".join(self.score_columns))
        return found

    @property
    def notes(self) -> list[str]:
        """Return one sentence per note: a change that is unusual but too small, or of a kind that moves by itself."""
        found = [v.text for v in self.verdicts if v.level == NOTE]
        found += [r.text for r in self.rungs if r.level == NOTE]
        if self.delay is not None and self.delay.level == NOTE:
            found.append(self.delay.text)
        if len(self.columns):
            moved = self.columns[self.columns["is_moved"]]
            if len(moved):
                named = ", ".join(moved["column"].head(COLUMNS_NAMED))
                found.append(
                    f"{len(moved)} of {len(self.columns)} of the champion's inputs differ from {self.reference} by more than chance, first {named}"
                )
        return found

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "as_of": self.as_of, "reference": self.reference, "customers": self.customers, "alarms": self.alarms, "notes": self.notes,
            "series": [
                {"name": v.series.name, "title": v.series.title, "family": v.series.family, "level": v.level, "cause": v.series.cause,
                 "scale": v.series.scale, "base": _finite(v.base), "change": _finite(v.change), "limit": _finite(v.limit),
                 "values": [_finite(x) for x in v.values]}
                for v in self.verdicts
            ],
            "outcomes": [
                {"name": r.name, "level": r.level, "text": r.text, "as_of": r.as_of, "customers": r.customers, "events": r.events,
                 "predicted": _finite(r.predicted), "jeffreys_p": _finite(r.jeffreys_p),
                 "auc": None if r.auc is None else [_finite(r.auc.value), _finite(r.auc.low), _finite(r.auc.high)]}
                for r in self.rungs
            ],
            "delay": None if self.delay is None else {
                "level": self.delay.level, "text": self.delay.text, "items": self.delay.items, "mae_days": _finite(self.delay.mae_days),
                "coverage": _finite(self.delay.coverage)},
            "columns": self.columns[["column", "psi", "limit", "is_moved"]].to_dict("records"),
            "freshness": {name: {"last": last, "days": days, "usual": usual} for name, (last, days, usual) in self.freshness.items()},
            "decisions": dict(self.decisions),
        }  # fmt: skip

    def metrics(self) -> dict[str, float]:
        """Return the figures that are logged to MLflow's monitoring experiment, month by month."""
        found = {"alarms": float(len(self.alarms)), "notes": float(len(self.notes)), "customers": float(self.customers)}
        found |= {
            f"series_{_key(v.series.name)}": float(v.values[-1]) for v in self.verdicts if np.isfinite(v.values[-1])
        }
        for r in self.rungs:
            if r.auc is not None:
                found[f"auc_{_key(r.name)}"] = r.auc.value
            if np.isfinite(r.predicted):
                found |= {f"observed_{_key(r.name)}": r.events / r.customers, f"predicted_{_key(r.name)}": r.predicted}
        if self.delay is not None and np.isfinite(self.delay.coverage):
            found |= {"delay_mae_days": self.delay.mae_days, "delay_coverage_80": self.delay.coverage}
        return found

    def to_html(self) -> str:
        """Return one self-contained HTML page with a line chart per series."""
        environment = jinja2.Environment(
            autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(report=self, path=_path)


def alarm_lines(found: Sequence[Verdict], fresh: Mapping[str, tuple[str, int, float]]) -> list[tuple[str, str]]:
    """Return (name, sentence) per alarm: rows that no longer come first, then series, causes before what follows."""
    stale = [
        (
            f"stale {name}",
            f"{name} no longer come: the last rows are of {last}, {days} days ago; at most {usual:.0f} days are usual",
        )
        for name, (last, days, usual) in fresh.items()
        if _is_stale(days, usual)
    ]
    return stale + [(v.series.name, v.text) for v in found if v.level == ALARM]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _key(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)


def _is_stale(days: int, usual: float) -> bool:
    return usual > 0 and days > max(2 * usual, usual + 14)


def _path(values: Sequence[float]) -> dict[str, Any]:
    """Return the points of a 300 × 70 line chart, the newest point, and the smallest and largest value."""
    known = [(k, float(v)) for k, v in enumerate(values) if np.isfinite(v)]
    if not known:
        return {"points": "", "x": 0.0, "y": 0.0, "low": "", "high": ""}
    low, high = min(v for _, v in known), max(v for _, v in known)
    span, width = (high - low) or 1.0, max(1, len(values) - 1)
    points = [(10 + 280 * k / width, 60 - 50 * (v - low) / span) for k, v in known]
    return {
        "points": " ".join(f"{x:.1f},{y:.1f}" for x, y in points), "x": points[-1][0], "y": points[-1][1],
        "low": f"{low:.3g}", "high": f"{high:.3g}",
    }  # fmt: skip


def monitor(
    ledger: Ledger, as_of: pd.Timestamp, default: Champion | None, delay: Champion | None = None, *, reference: pd.Timestamp | None = None,
    decisions: Mapping[str, int] | None = None,
) -> MonitorReport:  # fmt: skip
    """Compare a ledger on a day with its own past, and the champions' predictions with outcomes.

    Parameters
    ----------
    ledger : may know more than as_of; only what was booked until then is used.
    default, delay : the champions; without the default model's, scores, inputs and the ladder are left out. One is needed.
    reference : the day that the champion's inputs are compared with; None for the day that it was trained on.

    Raises
    ------
    InputError
        If as_of is not after the reference: a day is not compared with itself.
    """
    first_champion = default or delay
    if first_champion is None:
        raise InputError("there is no champion to monitor: `tradecredit promote` makes one.")
    reference = first_champion.trained_on if reference is None else reference
    if as_of <= reference:
        raise InputError(
            f"--as-of {as_of.date()} must lie after the reference day, {reference.date()}: a day compared with itself, or with a "
            "later one, says nothing. Load newer rows, or name an earlier --reference."
        )
    known = known_on(ledger, as_of)
    prepared = prepare(known)
    first = known.invoices["issued_on"].min()
    available = int((as_of.year - first.year) * 12 + as_of.month - first.month)
    months = Months.until(as_of, max(1, min(MOST_MONTHS, available)), known)
    series = ledger_series(known, months)
    errors = None if delay is None else delay_errors(delay.model, prepared, delay.trained_on, as_of)
    common: dict[str, Any] = {
        "as_of": str(as_of.date()), "reference": str(reference.date()), "delay": errors,
        "freshness": freshness(known, as_of), "decisions": decisions or {},
    }  # fmt: skip
    if default is None:
        return MonitorReport(
            customers=len(active(prepared, [as_of])), verdicts=tuple(verdicts(series)), rungs=(), columns=NO_COLUMNS,
            **common,
        )  # fmt: skip
    scores = champion_scores(default.model, prepared, months)
    return MonitorReport(
        customers=int((scores.rows["month"] == len(months.ends) - 1).sum()),
        verdicts=tuple(verdicts([*series, *score_series(scores, months)])),
        rungs=tuple(ladder(default.model, prepared, default.trained_on, as_of)),
        columns=_columns(default, prepared, reference, as_of),
        score_columns=_score_columns(default.model, scores, len(months.ends)), **common,
    )  # fmt: skip


def _columns(champion: Champion, prepared: Any, reference: pd.Timestamp, as_of: pd.Timestamp) -> pd.DataFrame:
    """Return the drift of the champion's own columns; empty where one of the two days has too few customers."""
    names = list(champion.model.needed)
    days = [Observed.on(prepared, day, names) for day in (reference, as_of)]
    if min(len(d.matrix) for d in days) < FEWEST_FOR_DRIFT:
        return NO_COLUMNS
    return drift(*days)


def _score_columns(model: Any, scores: Scores, months: int) -> tuple[str, ...]:
    """Return the inputs through which the mean score moved most from the months before to the newest."""
    newest = np.flatnonzero(scores.rows["month"].to_numpy() == months - 1)
    before = np.flatnonzero(scores.rows["month"].to_numpy() < months - 1)
    if not len(newest) or not len(before):
        return ()
    sample = before[:: max(1, len(before) // 400)]
    means = [model.contributions(scores.matrix.iloc[rows])[1].mean() for rows in (newest, sample)]
    moved = (means[0] - means[1]).abs().sort_values(ascending=False)
    return tuple(f"{name} ({means[0][name] - means[1][name]:+.3f} log-odds)" for name in moved.index[:COLUMNS_NAMED])


def freshness(known: Ledger, as_of: pd.Timestamp) -> dict[str, tuple[str, int, float]]:
    """Return per table, and per kind of event, the last day with rows, how many days ago, and the longest usual gap.

    The usual gap is the longest of the two years before the last row. Kinds with fewer than MOST_RARE days with rows in
    them are left out: they have no rhythm.
    """
    events = known["events"]
    feeds = {name: known[name] for name in ("invoices", "payments", "ratings", "attributes")}
    feeds |= {f"events of kind {kind}": part for kind, part in events.groupby("kind")}
    found = {}
    for name, table in feeds.items():
        column = "published_on" if name == "ratings" else "booked_on"
        if table.empty or column not in table:
            continue
        days = np.unique(table[column].dropna().to_numpy().astype("datetime64[D]"))
        days = days[days <= np.datetime64(as_of, "D")]
        recent = days[days > days[-1] - np.timedelta64(RHYTHM_DAYS, "D")] if len(days) else days
        if len(recent) < MOST_RARE:
            continue
        usual = float(np.diff(recent).astype(int).max())
        found[name] = (str(days[-1]), int((np.datetime64(as_of, "D") - days[-1]).astype(int)), usual)
    return found

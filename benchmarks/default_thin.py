"""`python -m benchmarks.default_thin`: customers without history and with thin files, on sample ledgers of several seeds.

Door, history and their mixture are fitted and calibrated as training does, at the evaluation origin, and score later
months of customers that their members never saw; beside outcomes and the generator's true PDs. `--keep FOLDER` writes
each seed's scored rows there and reads those that are there already, so that a long run can be done in pieces.
`--datarisk` prints the same of a real ledger; `--choose` prints what the half-way point of the mixture was chosen from (seeds 11 to 14, not those of the other tables).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from benchmarks.default_book import SHARED, imported, print_table, sample_histories
from features.engine.histories import build
from features.engine.snapshots import month_ends
from ledger.default_status import SHORT_HISTORY
from models import metrics
from models.default.cold_start import DAYS_A_MONTH, history_weight
from training.default import fit as default_fit
from training.default.calibration import margins
from training.default.data import Histories
from training.default.evaluation import true_pd
from training.default.fit import SELECTED, Options, bags_until, cold_start, evaluation_origin, later_log_odds
from training.default.stages import shape_on

DATARISK_DAY = "2020-06-30"
CHOSEN_ON = (11, 12, 13, 14)
HALVES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
SETTLED = ((0, 1), (1, 3), (3, 6), (6, 12), (12, 10**9))
MONTHS = ((0, 1), (1, 2), (2, 3), (3, 6), (6, 12), (12, 24), (24, 10**9))
ARRIVED_DAYS = 365  # a customer of whom no invoice is known so long after it was taken on is none


def scored(seed: int, customers: int) -> pd.DataFrame:
    """Later snapshots of one sample: door and history (log-odds), days and settled, y, true; and customers without an
    invoice yet (history NaN)."""
    whole, truth = sample_histories(seed, customers=customers, months=48, columns=cold_start.with_door(SELECTED))
    data = cold_start.only(whole, SELECTED)
    origin = evaluation_origin(data)
    *bags, judged = bags_until(data, origin, shape_on(data, origin, Options()), Options(), 1)
    doors = cold_start.Doors.fitted(whole, bags, judged, judged, seed=1)
    rows = _later(data, origin)
    found = pd.DataFrame({
        "seed": seed, "customer_id": data.customer[rows], "as_of": data.on[rows],
        "door": doors.log_odds(rows), "history": later_log_odds(data, bags, judged, rows),
        "days": doors.days[rows], "settled": doors.settled[rows],
        "y": data.outcomes(data.as_of).within(12)[rows], "true": true_pd(data, rows, truth),
    })  # fmt: skip
    return pd.concat([found, _arrivals(seed, doors, origin, truth)], ignore_index=True)


def _later(data: Histories, origin: pd.Timestamp) -> NDArray[np.int64]:
    return np.flatnonzero(data.outcomes(data.as_of).usable(12) & (data.on > np.datetime64(origin, "D")))


def _arrivals(seed: int, doors: cold_start.Doors, origin: pd.Timestamp, truth: pd.DataFrame) -> pd.DataFrame:
    """The same of customers taken on in the year before of whom no invoice was known on the day."""
    data = doors.data
    taken_on = data.ledger.customers[["customer_id", "onboarded_on"]].dropna()
    parts = []
    for day in month_ends(origin + pd.Timedelta(days=1), data.as_of):
        since = day - pd.Timedelta(days=ARRIVED_DAYS)
        new = taken_on[(taken_on["onboarded_on"] <= day) & (taken_on["onboarded_on"] > since)]
        parts.append(new[["customer_id"]].assign(as_of=day))
    asked = pd.concat(parts, ignore_index=True).astype({"customer_id": "str", "as_of": "datetime64[s]"})
    matrix = build(data.prepared, asked, [*data.columns, "invoices_ever"])
    without = (matrix["invoices_ever"] == 0).to_numpy()
    new = replace(
        data, snapshots=asked[without].reset_index(drop=True), matrix=matrix[list(data.columns)][without].to_numpy()
    )
    rows = _later(new, origin)
    door = doors.judged_calibration.log_odds(margins(new, doors.judged, rows, of_unseen=True))
    return pd.DataFrame({
        "seed": seed, "customer_id": new.customer[rows], "as_of": new.on[rows], "door": door, "history": np.nan,
        "days": np.nan, "settled": 0.0, "y": new.outcomes(new.as_of).within(12)[rows],
        "true": true_pd(new, rows, truth),
    })  # fmt: skip


def mixed(rows: pd.DataFrame, half_months: float = cold_start.HALF_MONTHS) -> pd.Series:
    """The answer's log-odds: the door's where there is no history."""
    w = history_weight(rows["days"].to_numpy(), half_months)
    return (1.0 - w) * rows["door"] + w * rows["history"].fillna(0.0)


def bands(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Rows by thickness, each with its words."""
    has = rows["days"].notna()
    found = [("no invoice yet", rows[~has])]
    for low, high in SETTLED:
        words = f"{low}" if high == low + 1 else f"{low} to {high - 1}" if high < 10**9 else f"{low} and more"
        found.append((f"settled {words}", rows[has & (rows["settled"] >= low) & (rows["settled"] < high)]))
    months = rows["days"] / DAYS_A_MONTH
    for low, high in MONTHS:
        words = f"{low} to {high}" if high < 10**9 else f"from {low}"
        found.append((f"months {words}", rows[(months >= low) & (months < high)]))
    return [*found, ("all", rows)]


def excess(true: pd.Series, log_odds: pd.Series) -> float:
    """Expected log loss above that of the true PDs, in thousandths: 0 is the truth."""
    t, z = np.clip(true.to_numpy(), 1e-9, 1 - 1e-9), log_odds.to_numpy()
    return 1000 * float(np.mean(t * (logit(t) - z) + np.log1p(-t) + np.logaddexp(0.0, z)))


def _auc(y: pd.Series, z: pd.Series) -> str:
    return f"{metrics.auc(y, z):.3f}" if 0 < y.sum() < len(y) and z.notna().all() else "–"


def by_thickness(rows: pd.DataFrame) -> None:
    """Order and level by thickness of the file."""
    lines: list[Sequence[object]] = []
    for words, part in bands(rows):
        if part.empty:
            continue
        z = mixed(part)
        lines.append((
            words, len(part), part.loc[part["y"] > 0, ["seed", "customer_id"]].drop_duplicates().shape[0],
            _auc(part["y"], part["door"]), _auc(part["y"], part["history"]), _auc(part["y"], z),
            _auc(part["y"], part["true"]), _gini_share(part, z), f"{expit(z).mean():.4f}",
            f"{part['y'].mean():.4f}", f"{part['true'].mean():.4f}",
        ))  # fmt: skip
    print_table(lines, ["file", "snapshots", "defaulters", "AUC door", "AUC history", "AUC answer", "AUC true PD",
                        "Gini share, by true PD", "mean PD", "default rate", "mean true PD"])  # fmt: skip


def _gini_share(part: pd.DataFrame, z: pd.Series) -> str:
    true = part["true"]
    return f"{metrics.gini(true, z) / metrics.gini(true, true):.3f}" if len(part) > 1 and np.ptp(true) > 0 else "–"


def intervals(rows: pd.DataFrame) -> None:
    """The answer's AUC and the answer's gain over door and history, by bootstrap over customers."""
    lines: list[Sequence[object]] = []
    for words, part in bands(rows):
        if part.empty or part["history"].isna().any() or part["y"].sum() < 2:
            continue
        y, z, who = (
            part["y"].to_numpy(),
            mixed(part).to_numpy(),
            (part["seed"].astype(str) + part["customer_id"]).to_numpy(),
        )
        auc = metrics.by_customer(lambda w, y=y, z=z: metrics.auc(y, z, w), who, draws=200)
        gains = [_gain(y, z, part[other].to_numpy(), who) for other in ("door", "history")]
        lines.append((words, f"{auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})",
                      *(f"{g.value:+.3f} ({g.low:+.3f} to {g.high:+.3f})" for g in gains)))  # fmt: skip
    print_table(lines, ["file", "AUC of the answer", "above the door", "above the history"])


def _gain(y: NDArray[Any], z: NDArray[Any], other: NDArray[Any], who: NDArray[Any]) -> metrics.Interval:
    """How much the AUC of z is above that of another score, on the same draws of customers."""
    return metrics.paired_by_customer(
        lambda w: metrics.auc(y, z, w), lambda w: metrics.auc(y, other, w), who, draws=200
    )


def transition(rows: pd.DataFrame) -> None:
    """The way from door to history: mean weight and mean distances in log-odds by months of history."""
    has = rows[rows["days"].notna()]
    month = np.floor(has["days"] / DAYS_A_MONTH).astype(int)
    lines: list[Sequence[object]] = []
    for m in (0, 1, 2, 3, 4, 5, 6, 9, 12, 18, 24, 36):
        part = has[month == m]
        if part.empty:
            continue
        z, w = mixed(part), history_weight(part["days"].to_numpy(), cold_start.HALF_MONTHS)
        apart = float((part["history"] - part["door"]).abs().mean())
        daily = apart / (cold_start.HALF_MONTHS * DAYS_A_MONTH) * float(np.mean((1 - w) ** 2))
        lines.append((m, len(part), f"{w.mean():.3f}", f"{apart:.3f}", f"{(z - part['door']).abs().mean():.3f}",
                      f"{(z - part['history']).abs().mean():.3f}", f"{daily:.4f}"))  # fmt: skip
    print_table(lines, ["months since the first invoice", "snapshots", "weight of the history", "door to history",
                        "door to answer", "answer to history", "a day's own step"])  # fmt: skip


def choose(rows: pd.DataFrame) -> None:
    """Expected log loss above the truth's by the months at which door and history weigh the same."""
    rows = rows[rows["days"].notna()]
    named = [(w, p) for w, p in bands(rows) if len(p) and w != "no invoice yet"]
    lines: list[Sequence[object]] = []
    for words, part in named:
        losses = [excess(part["true"], mixed(part, half)) for half in HALVES]
        lines.append((words, len(part), f"{excess(part['true'], part['history']):.2f}", *(f"{v:.2f}" for v in losses),
                      f"{excess(part['true'], part['door']):.2f}"))  # fmt: skip
    print_table(lines, ["file", "snapshots", "history alone", *(f"half at {h:g}" for h in HALVES), "door alone"])


def _rows(seeds: Sequence[int], customers: int, keep: Path | None) -> pd.DataFrame:
    parts = []
    for seed in seeds:
        kept = None if keep is None else keep / f"thin_{customers}_{seed}.parquet"
        if kept is not None and kept.exists():
            parts.append(pd.read_parquet(kept))
            continue
        parts.append(scored(seed, customers))
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            parts[-1].to_parquet(kept)
    rows = pd.concat(parts, ignore_index=True)
    return rows[rows["true"].notna()].reset_index(drop=True)


def datarisk() -> None:
    """The same on a real ledger, as training measures it: outcomes only, and few of them."""
    source = SHARED / "datarisk"
    if not source.exists():
        print("skipped: ../shared/data/datarisk is not here.")
        return
    ledger = imported("datarisk", *sorted(source.glob("*.csv")))
    found = default_fit.fit(ledger, as_of=DATARISK_DAY, policy=SHORT_HISTORY)
    m = found.metrics
    print(
        f"Datarisk as of {DATARISK_DAY}, policy {SHORT_HISTORY.name}, month ends after "
        f"{found.parameters['evaluation_origin']} up to {found.parameters['evaluation_until']}.\n"
    )
    named = {"cold_door": "door, everybody", "cold_unsettled": "answer, nothing settled",
             "cold_first_months": "answer, first 91 days"}  # fmt: skip
    lines: list[Sequence[object]] = []
    for name, words in named.items():
        lines.append((words, f"{m[f'{name}_snapshots']:.0f}", f"{m[f'{name}_defaulters']:.0f}",
                      _with_interval(m, f"{name}_auc"), m[f"{name}_pd_mean"], m[f"{name}_default_rate"]))  # fmt: skip
    lines.append(
        (
            "answer, everybody",
            f"{m['snapshots']:.0f}",
            f"{m['defaulters']:.0f}",
            _with_interval(m, "auc"),
            m["pd_mean"],
            m["default_rate"],
        )
    )
    print_table(lines, ["", "snapshots", "defaulters", "AUC", "mean PD", "default rate"])


def _with_interval(m: dict[str, float], name: str) -> str:
    return f"{m[name]:.3f} ({m[f'{name}_low']:.3f} to {m[f'{name}_high']:.3f})" if name in m else "–"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+")
    parser.add_argument("--customers", type=int, default=3000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--datarisk", action="store_true")
    asked: Any = parser.parse_args(arguments)
    if asked.datarisk:
        datarisk()
        return
    seeds = asked.seeds or (CHOSEN_ON if asked.choose else (1, 2, 3, 4, 5))
    rows = _rows(seeds, asked.customers, asked.keep)
    print(
        f"Sample ledgers of {asked.customers:,} customers and 48 months, seeds {', '.join(map(str, seeds))}; later months"
    )
    print(f"of unseen customers; door and history weigh the same at {cold_start.HALF_MONTHS:g} month.\n")
    if asked.choose:
        choose(rows)
        return
    by_thickness(rows)
    intervals(rows)
    transition(rows)


if __name__ == "__main__":
    main()

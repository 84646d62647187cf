"""The delay model on the real ledgers, asked on the day before issue: python -m benchmarks.delay_real [SET …]

SET is one of datarisk, datarisk_covid, highradius (the splits of the shared data's README), datarisk_quarters,
highradius_quarters (an origin every quarter), datarisk_months, highradius_months (an origin every month),
datarisk_unseen, highradius_unseen (no customer asked about was in the training), datarisk_due_dates (invoices with terms
of more than a year). Reads ../shared/data where it is there. HighRadius has no issue date: the importer takes the due
date less 15 days.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.delay_plain import plain_boosting, plain_figures
from cli.output import table
from features.engine.due_dates import LONG_TERMS
from features.engine.histories import build_items
from features.engine.prepared import prepare
from importing.engine.run import Options, import_files
from importing.formats import format_named
from ledger.ledger import Ledger, read_ledger
from models import metrics
from models.delay.payment_steps import DUE_MOVED
from training.delay.evaluation import BASELINE_INPUTS, MATURE_DAYS, Scored, evaluate
from training.delay.fit import train
from training.delay.samples import Asked, outcomes, questions
from training.evaluation.backtest import Window, delay_window, windows
from training.splits import customer_folds

SHARED = Path(__file__).parents[2] / "shared" / "data"
FOLDS = 3
DAY = pd.Timedelta(days=1)
SPLITS = {
    "datarisk": ("datarisk", "datarisk", "2019-08-01", "2020-01-31"),
    "datarisk_covid": ("datarisk", "datarisk", "2020-02-01", "2020-06-30"),
    "highradius": ("highradius", "highradius/invoices.csv", "2019-09-27", "2019-12-03"),
}
QUARTERS = {
    "datarisk": ("datarisk", "datarisk", "2019-04-01", "2020-06-30"),
    "highradius": ("highradius", "highradius/invoices.csv", "2019-04-01", "2019-12-03"),
}
SMALLEST_SEGMENT = 500
COLUMNS = (
    ("AUC >=5", "auc_late_5"),
    ("AP >=5", "average_precision_late_5"),
    ("Brier", "brier_late_5"),
    ("MAE", "mae_days"),
    ("within 3", "within_3_days_share"),
    ("of likely", "within_3_days_of_likely_share"),
    ("pinball", "pinball_mean"),
    ("CRPS", "crps_days"),
    ("cover 80", "coverage_80"),
    ("by level", "coverage_80_levels"),
)
HEADER = ("", "items", *(title for title, _ in COLUMNS))
RULES = {
    "always on the day": "baseline_on_the_day_",
    "customer's mean": "baseline_customer_mean_",
    "customer's median": "baseline_customer_median_",
    "customer's late rate": "baseline_customer_late_rate_",
    "customer's distribution": "baseline_customer_distribution_",
    "Kaplan-Meier": "baseline_kaplan_meier_",
}
PLAIN = "plain boosting"


def imported(fmt: str, source: str) -> Ledger:
    """The ledger of a shared export, imported into a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as place:
        import_files(
            format_named(fmt),
            [SHARED / source],
            Path(place) / "ledger",
            Options(known_on=pd.Timestamp("2026-01-01").date(), currency=None),
        )
        return read_ledger(Path(place) / "ledger")


def line(name: str, figures: Mapping[str, float], prefix: str = "") -> list[str]:
    """One row of figures; those that a rule does not have stay empty."""
    cells = [f"{figures[prefix + c]:.3f}" if prefix + c in figures else "" for _, c in COLUMNS]
    return [name, f"{figures['items']:,.0f}" if not prefix and "items" in figures else "", *cells]


def interval_lines(figures: Mapping[str, float]) -> list[list[str]]:
    """The ends of the 95 % intervals over customers."""
    return [
        [f"  95 % {word}", "", *(f"{figures[c + end]:.3f}" if c + end in figures else "" for _, c in COLUMNS)]
        for word, end in (("from", "_low"), ("to", "_high"))
    ]


def segments(scored: Scored, asked_on: pd.Series) -> dict[str, np.ndarray]:
    """Large and small customers, seen and unseen, outcomes that had time to come, each month."""
    size = pd.Series(scored.customers).value_counts()
    large = np.isin(scored.customers, size.index[:10].to_numpy(dtype=object))
    first = scored.X["habit_weight"].fillna(0).to_numpy() == 0
    found = {"ten largest customers": large, "all others": ~large, "without history": first, "with history": ~first}
    found["due 30 days before the end"] = scored.observed_after_due >= MATURE_DAYS
    months = asked_on.dt.to_period("M").astype(str).to_numpy()
    return found | {f"issued in {m}": months == m for m in np.unique(months)}


def auc_within(late: np.ndarray, p: np.ndarray, group: np.ndarray) -> float:
    """AUC over pairs of one group only: what is left of order when no group is compared with another."""
    total, right = 0.0, 0.0
    for g in np.unique(group):
        y = late[group == g]
        pairs = float(y.sum()) * float((~y).sum())
        if pairs:
            total, right = total + pairs, right + pairs * metrics.auc(y.astype(np.float64), p[group == g])
    return right / total


def run(name: str) -> None:
    """Print one split: the model, its intervals, the plain rules, the segments of 500 items or more."""
    fmt, source, first, last = SPLITS[name]
    ledger = imported(fmt, source)
    window = Window(origin=pd.Timestamp(first) - DAY, first=pd.Timestamp(first), last=pd.Timestamp(last))
    prepared, truth = prepare(ledger), outcomes(ledger, pd.Timestamp(ledger.last_known_on), begun_only=False)
    frame, parts = delay_window(ledger, prepared, truth, window, 1)
    asked, past = _issued(truth, window), outcomes(ledger, window.origin)
    plain = plain_boosting(prepared, past, asked.items)
    whole = parts[0]
    begun = whole.ended > whole.curves.asked
    scored, frame = whole.only(begun), frame[begun]
    figures = evaluate(scored)
    rows = [line("model", figures), *interval_lines(figures)]
    rows.append(line(PLAIN, plain_figures(_only(plain, begun), asked.only(begun))))
    rows += [line(rule, figures, prefix) for rule, prefix in RULES.items()]
    if not begun.all():
        every = evaluate(whole, intervals=False)
        rows.append(line("with those paid before", every))
        rows += [line("  " + rule, every, prefix) for rule, prefix in list(RULES.items())[:4]]
    print(f"\n{name}: known before {first}, asked {first} to {last}, known outcomes\n")
    print(table(rows, HEADER))
    print(
        f"\n95 % over customers: days of error less than the customer's median "
        f"{figures['mae_gain_on_customer_median_low']:.2f} to {figures['mae_gain_on_customer_median_high']:.2f}, CRPS less "
        f"than the customer's distribution {figures['crps_gain_on_customer_distribution_low']:.2f} to "
        f"{figures['crps_gain_on_customer_distribution_high']:.2f}\n"
    )
    issued_in, late = (frame["scored_on"] + DAY).dt.to_period("M").astype(str).to_numpy(), scored.ended >= 5
    known = scored.is_paid | late
    print(
        "AUC >=5 among invoices of one month: "
        f"model {auc_within(late[known], scored.curves.at_least(5)[known], issued_in[known]):.3f}, "
        f"plain boosting {auc_within(late[known], plain.late[begun][known], issued_in[known]):.3f}\n"
    )
    rows = [
        line(part, evaluate(scored.only(which), intervals=False))
        for part, which in segments(scored, frame["scored_on"] + DAY).items()
        if which.sum() >= SMALLEST_SEGMENT
    ]
    print(table(rows, HEADER), flush=True)


def run_quarters(name: str) -> None:
    """Print one line a quarter and kind: the model of the quarter's origin, the plain boosting and the plain rules."""
    fmt, source, first, last = QUARTERS[name]
    ledger = imported(fmt, source)
    prepared, truth = prepare(ledger), outcomes(ledger, pd.Timestamp(ledger.last_known_on))
    rows = []
    for window in windows(pd.Timestamp(first), pd.Timestamp(last), 3):
        _, parts = delay_window(ledger, prepared, truth, window, 1)
        asked = _issued(truth, window)
        figures = evaluate(parts[0], intervals=False)
        rows.append(line(f"{window.first.date()} to {window.last.date()}", figures))
        rows.append(line("  " + PLAIN, plain_figures(plain_boosting(prepared, outcomes(ledger, window.origin), asked.items), asked)))  # fmt: skip
        rows += [line("  " + rule, figures, prefix) for rule, prefix in RULES.items()]
    print(f"\n{name}: every quarter by a model of what was known on the day before it, known outcomes\n")
    print(table(rows, HEADER), flush=True)


def run_months(name: str) -> None:
    """Print the quarters again, each of three months whose models are fitted on the day before them, as one that is kept
    fresh would be."""
    fmt, source, first, last = QUARTERS[name]
    ledger = imported(fmt, source)
    prepared, truth = prepare(ledger), outcomes(ledger, pd.Timestamp(ledger.last_known_on))
    quarters: dict[pd.Period, list[Scored]] = {}
    rows = []
    for window in windows(pd.Timestamp(first), pd.Timestamp(last), 1):
        _, parts = delay_window(ledger, prepared, truth, window, 1)
        quarters.setdefault(window.first.to_period("Q"), []).extend(parts)
        rows += [line(f"  {window.first:%Y-%m}", evaluate(part, intervals=False)) for part in parts]
    for quarter, parts in quarters.items():
        rows.append(line(str(quarter), evaluate(Scored.together(parts), intervals=False)))
    print(f"\n{name}: a model fitted on the day before each month, known outcomes; below, by quarter\n")
    print(table(rows, HEADER), flush=True)


def run_unseen(name: str) -> None:
    """Print the same split when the model has seen none of the customers asked about: in FOLDS parts by customer."""
    fmt, source, first, last = SPLITS[name]
    ledger = imported(fmt, source)
    prepared, origin = prepare(ledger), pd.Timestamp(first) - DAY
    past, truth = outcomes(ledger, origin), outcomes(ledger, pd.Timestamp(ledger.last_known_on))
    asked = truth.only(truth.items["issued_on"].between(pd.Timestamp(first), pd.Timestamp(last)).to_numpy())

    def of_fold(rows: Asked, fold: int, inside: bool) -> Asked:
        return rows.only((customer_folds(rows.items["customer_id"], FOLDS) == fold) == inside)

    parts = []
    for fold in range(FOLDS):
        model = train(prepared, questions(of_fold(past, fold, False), 1), seed=1, explain=False)
        some = of_fold(asked, fold, True)
        X = build_items(prepared, some.items, list(dict.fromkeys((*model.needed, *BASELINE_INPUTS))))
        parts.append(Scored.of(some, X, model))
    figures = evaluate(Scored.together(parts))
    print(f"\n{name}: each customer asked of a model that was fitted without it (no levels)\n")
    rows = [line("model", figures), *interval_lines(figures)]
    print(table([*rows, *(line(rule, figures, prefix) for rule, prefix in RULES.items())], HEADER), flush=True)


def run_due_dates(name: str) -> None:
    """Print when invoices with terms of more than a year were paid, by whether the due date counts as implausible."""
    fmt, source, first, _ = SPLITS[name]
    ledger = imported(fmt, source)
    items = ledger.invoices[(ledger.invoices["due_on"] - ledger.invoices["issued_on"]).dt.days > LONG_TERMS]
    items = items.assign(as_of=items["issued_on"] - DAY)
    is_moved = build_items(prepare(ledger), items, [DUE_MOVED])[DUE_MOVED].to_numpy() > 0
    paid_on = items["invoice_id"].map(ledger.payments.groupby("invoice_id")["paid_on"].max())
    days = (paid_on - items["issued_on"]).dt.days.to_numpy(np.float64)
    before = (items["issued_on"] < pd.Timestamp(first)).to_numpy()
    rows = []
    for words, which in ((f"issued before {first}", before), ("issued from then on", ~before)):
        for kind, chosen in (("implausible", which & is_moved), ("at its word", which & ~is_moved)):
            known = np.sort(days[chosen & ~np.isnan(days)])
            when = ", ".join(f"{day:.0f}" for day in known)
            rows.append([f"{words}, {kind}", f"{chosen.sum()}", f"{chosen.sum() - len(known)}", when])
    print(
        f"\n{name}: invoices with terms of more than {LONG_TERMS} days, what came of them by {ledger.last_known_on}\n"
    )
    print(table(rows, ["", "invoices", "unpaid", "days from issue to payment"]), flush=True)


def _issued(truth: Asked, window: Window) -> Asked:
    return truth.only(truth.items["issued_on"].between(window.first, window.last).to_numpy())


def _only(plain, rows):  # type: ignore[no-untyped-def]
    return type(plain)(late=plain.late[rows], days=plain.days[rows])


KINDS = {"_quarters": run_quarters, "_months": run_months, "_unseen": run_unseen, "_due_dates": run_due_dates}

if __name__ == "__main__":
    if not SHARED.exists():
        sys.exit("skipped: ../shared/data is not there; the sample ledger's figures come from benchmarks.delay_truth.")
    every = [
        *SPLITS,
        *(f"{name}{kind}" for kind in ("_quarters", "_months", "_unseen") for name in QUARTERS),
        "datarisk_due_dates",
    ]
    for asked_for in sys.argv[1:] or every:
        kind = next((k for k in KINDS if asked_for.endswith(k)), "")
        KINDS.get(kind, run)(asked_for.removesuffix(kind))

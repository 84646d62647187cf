"""`python -m benchmarks.gates`: both errors of the gates: spoilt challengers that must be refused, honest retrains that must
be accepted, on generated ledgers; each against the same champion on the same rows."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from unittest import mock

import numpy as np
import pandas as pd
from scipy.special import logit

from features.catalogue import CATALOGUE
from ledger.default_status import SHORT_HISTORY
from ledger.ledger import Ledger
from sample.generator import sample
from training.default import fit as default_fit
from training.default.data import Histories
from training.lifecycle.gates import Candidate, Report, run_gates
from training.lifecycle.gates_file import read_gates
from training.result import Fitted

SPOILT = ("labels flipped", "PD × 1.5", "a constant input", "a broken constraint", "one industry spoilt")
CHAMPION_BEFORE_END = 6  # months


@dataclass(frozen=True, kw_only=True)
class World:
    """A ledger, its champion and the honest model of its last day."""

    ledger: Ledger
    champion: Candidate
    honest: Candidate
    importance: pd.DataFrame


def candidate(fitted: Fitted, as_of: pd.Timestamp, name: str) -> Candidate:
    """Return a fit as the gates take it, without a registry."""
    names = fitted.evidence["matrix"].columns
    return Candidate(
        name=name, kind="default", model=fitted.model, rows=fitted.evidence["rows"], matrix=fitted.evidence["matrix"],
        directions={n: int(CATALOGUE[n].risk) for n in names}, as_of=as_of,
        policy=f"{fitted.parameters['policy']} {fitted.parameters['policy_version']}",
        horizon_months=int(fitted.parameters["horizon_months"]),
    )  # fmt: skip


def fitted_on(ledger: Ledger, as_of: pd.Timestamp, seed: int) -> Fitted:
    """Return a default model of a day, with the policy for short ledgers: more defaults on a small ledger."""
    return default_fit.fit(ledger, as_of=as_of, policy=SHORT_HISTORY, seed=seed)


def month_before(ledger: Ledger, months: int) -> pd.Timestamp:
    """Return the month end so many months before the ledger's last known day."""
    return pd.Timestamp(ledger.last_known_on) - pd.offsets.MonthEnd(months)


def world(seed: int, customers: int, months: int) -> World:
    """Return a generated ledger with a champion of six months earlier and an honest retrain of its last day."""
    ledger = sample(customers=customers, months=months, seed=seed).ledger
    day, last = month_before(ledger, CHAMPION_BEFORE_END), pd.Timestamp(ledger.last_known_on)
    honest = fitted_on(ledger, last, 1)
    return World(
        ledger=ledger, champion=candidate(fitted_on(ledger, day, 1), day, "champion"),
        honest=candidate(honest, last, "honest"), importance=honest.tables["importance"],
    )  # fmt: skip


def spoilt(made: World, how: str) -> Candidate:
    """Return a challenger of the last day spoilt in one of the ways of SPOILT."""
    if how == "labels flipped":  # a model that learned from 1 − y predicts 1 − p
        rows = made.honest.rows
        return replace(made.honest, rows=rows.assign(log_odds=-rows["log_odds"], pd=1 - rows["pd"]))
    if how == "PD × 1.5":
        pds = (1.5 * made.honest.rows["pd"]).clip(upper=0.999)
        return replace(made.honest, rows=made.honest.rows.assign(pd=pds, log_odds=logit(pds)))
    top = [str(c) for c in made.importance["column"]]
    changed: dict[str, Callable[[Histories], Histories]] = {
        "a constant input": lambda data: _with_constant(data, top[0]),
        "a broken constraint": lambda data: data,
        "one industry spoilt": _one_industry_mixed_up,
    }
    last = pd.Timestamp(made.ledger.last_known_on)
    with _histories_changed(changed[how]), _directions_turned(how == "a broken constraint"):
        return candidate(fitted_on(made.ledger, last, 1), last, how)


def _with_constant(data: Histories, column: str) -> Histories:
    matrix = data.matrix.copy()
    matrix[:, data.columns.index(column)] = 0.0
    return replace(data, matrix=matrix)


def _one_industry_mixed_up(data: Histories) -> Histories:
    """Give the customers of the largest industry one another's histories, as a wrong join would."""
    industry = data.ledger.customers.set_index("customer_id")["industry"].reindex(data.customer).to_numpy()
    largest = pd.Series(industry).value_counts().index[0]
    rows = np.flatnonzero(industry == largest)
    matrix = data.matrix.copy()
    matrix[rows] = data.matrix[np.random.default_rng(0).permutation(rows)]
    return replace(data, matrix=matrix)


@contextlib.contextmanager
def _histories_changed(change: Callable[[Histories], Histories]) -> Iterator[None]:
    original = default_fit.histories
    with mock.patch.object(default_fit, "histories", lambda *a, **k: change(original(*a, **k))):
        yield


@contextlib.contextmanager
def _directions_turned(turned: bool) -> Iterator[None]:
    if not turned:
        yield
        return
    with mock.patch.object(
        Histories, "monotone", property(lambda self: [-int(CATALOGUE[n].risk) for n in self.columns])
    ):
        yield


def honest_retrains(made: World, count: int) -> Iterator[tuple[str, Candidate]]:
    """Yield retrains on the last month ends, with other seeds."""
    for k in range(count):
        day, seed = month_before(made.ledger, k % 5), 2 + k
        yield f"{day.date()}, seed {seed}", candidate(fitted_on(made.ledger, day, seed), day, f"retrain {k}")


def main() -> None:
    """Print one line per challenger and the two error rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[41])
    parser.add_argument("--customers", type=int, default=500)
    parser.add_argument("--months", type=int, default=42)
    parser.add_argument("--honest", type=int, default=10)
    parser.add_argument("--spoilt-only", action="store_true")
    asked = parser.parse_args()
    gates, refused, accepted, tried = read_gates(), 0, 0, 0
    print("| ledger | challenger | result | refused by |\n|---|---|---|---|")
    for seed in asked.seeds:
        made = world(seed, asked.customers, asked.months)

        def line(name: str, report: Report, seed: int = seed) -> None:
            by = ", ".join(c.gate for c in report.checks if not c.is_passed)
            print(f"| seed {seed} | {name} | {'accepted' if report.is_passed else 'refused'} | {by} |", flush=True)

        for how in SPOILT:
            report = run_gates(spoilt(made, how), made.champion, gates)
            refused += not report.is_passed
            line(how, report)
        if not asked.spoilt_only:
            for name, honest in honest_retrains(made, asked.honest):
                report = run_gates(honest, made.champion, gates)
                accepted, tried = accepted + report.is_passed, tried + 1
                line(f"honest retrain {name}", report)
    print(f"\n{refused} of {len(SPOILT) * len(asked.seeds)} spoilt challengers refused, {accepted} of {tried} honest retrains accepted "
          f"({asked.customers} customers × {asked.months} months).")  # fmt: skip


if __name__ == "__main__":
    main()

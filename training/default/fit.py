"""Fit, calibrate and judge the default model on what a ledger knew on a day.

Three bags are fitted at earlier days, each on what was known then. They score later months, which gives a calibration
out of time; the last of them is the one that is judged, on later months and, for its figures, only by those of its
members that never saw the customer. The model handed over is fitted again on all that is known on as_of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from features.engine.peer_reference import PeerReference
from ledger.default_status import PRIMARY, SHORT_HISTORY, DefaultPolicy
from ledger.errors import InputError
from ledger.ledger import Ledger
from ledger.lgd import LgdTable, lgd_table
from models.calibration import Calibration
from models.default.model import DefaultModel
from models.lineage import LearnedFrom
from models.rating_scale import MASTER_SCALE
from training.default import cold_start
from training.default.calibration import calibrate, margins, moved
from training.default.challengers import fit_challengers
from training.default.columns import SELECTED
from training.default.data import Histories, histories
from training.default.ensembles import Bag, Shape, gains, jackknife_widening
from training.default.evaluation import Judged, judge
from training.default.evidence import evidence_rows, kept_rows
from training.default.stages import FittedBag, Options, fit_at, fitted_or_none, judged_shape, shape_on
from training.labels import last_mature_as_of
from training.result import Fitted

Floats = NDArray[np.float64]

CALIBRATION_STEPS = 2


class TooShort(InputError):
    """The ledger does not reach far enough back to evaluate a PD over the policy's horizon.

    short_history_helps : whether the policy for short ledgers could be evaluated on it.
    """

    def __init__(self, message: str, *, short_history_helps: bool) -> None:
        super().__init__(message)
        self.short_history_helps = short_history_helps


def fit(
    ledger: Ledger,
    *,
    as_of: date | str | pd.Timestamp,
    policy: DefaultPolicy = PRIMARY,
    seed: int = 1,
    truth: pd.DataFrame | None = None,
    shape: Shape | None = None,
    options: Options | None = None,
    columns: Sequence[str] | None = None,
    with_challengers: bool = False,
) -> Fitted:
    """The default model of a ledger on a day, with its evidence.

    truth : the sample generator's true PDs (customer_id, as_of, true_pd_{h}m), for the ceiling; None for a real ledger.
    shape : None for the one served where as many defaulters are known (`shape_on`) as at the evaluation origin.
    columns : catalogue columns to use; None for those that SELECTED names.
    with_challengers : also fit scikit-learn challengers on the same rows (training/default/challengers.py).

    The metrics are those of the bag fitted at `evaluation_origin` (a parameter), on the month ends after it whose
    outcomes are mature on as_of: out of time, and each customer scored only by members that never saw it. Raises
    InputError where the ledger is too short, or has too few defaults, to fit and to judge.
    """
    chosen = SELECTED if columns is None else tuple(columns)
    whole = histories(ledger, as_of, policy, cold_start.with_door(chosen))
    from_ledger = FromLedger(
        lgd=lgd_table(whole.ledger, policy, until=whole.as_of, settlement=whole.prepared_ledger.settlement),
        learned_from=LearnedFrom.of(ledger, whole.as_of), peers=PeerReference.of(whole.prepared_ledger, whole.as_of),
    )  # fmt: skip
    return fit_histories(
        whole, from_ledger, chosen, seed=seed, truth=truth, shape=shape, options=options,
        with_challengers=with_challengers,
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FromLedger:
    """What a model takes from the whole ledger beside its histories."""

    lgd: LgdTable
    learned_from: LearnedFrom
    peers: PeerReference


def fit_histories(
    whole: Histories, from_ledger: FromLedger, chosen: Sequence[str], *, seed: int, truth: pd.DataFrame | None = None,
    shape: Shape | None = None, options: Options | None = None, with_challengers: bool = False,
) -> Fitted:  # fmt: skip
    """Return the default model of histories with the columns of `cold_start.with_door(chosen)`, with its evidence.

    The other parameters are those of `fit`.
    """
    options = options or Options()
    parts = fit_parts(whole, chosen, seed=seed, truth=truth, shape=shape, options=options)
    data, origin, final, judged, calibration = parts.data, parts.origin, parts.final, parts.judged, parts.calibration
    lgd = from_ledger.lgd
    model = replace(parts.model, lgd=lgd, learned_from=from_ledger.learned_from, peers=from_ledger.peers)
    inputs = cold_start.only(whole, model.needed)
    example = inputs.frame(np.flatnonzero(data.on == data.on.max())[:5])
    rows = later_rows(data, origin)
    evidence = {"rows": judged.evidence, "matrix": inputs.frame(rows)}
    beside = fit_challengers(data, origin, rows) if with_challengers else ()
    for challenger in beside:
        evidence["rows"] = evidence["rows"].assign(**{f"challenger {challenger.name}": challenger.pd})
    kept = kept_rows(data, rows)
    return Fitted(
        model=model, parameters=_parameters(data, origin, final, parts.shape, options, seed),
        metrics={**judged.metrics, **level_evidence(data, final, calibration), **lgd_evidence(lgd)},
        example=example, tables={**judged.tables, "importance": _importance(final.bag, data), "lgd": lgd_rows(lgd)},
        figures=judged.figures,
        evidence={name: frame[kept].reset_index(drop=True) for name, frame in evidence.items()},
        challengers={c.name: c.parameters for c in beside},
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What is fitted and evaluated on histories alone: the bags' days and shape, the final bag, its calibration, the
    evaluation on later rows, and the model without what the whole ledger adds (LGD, peers, where it learned)."""

    data: Histories
    origin: pd.Timestamp
    shape: Shape
    final: FittedBag
    calibration: Calibration
    judged: Judged
    model: DefaultModel


def fit_parts(
    whole: Histories, columns: Sequence[str], *, seed: int, truth: pd.DataFrame | None, shape: Shape | None,
    options: Options,
) -> Parts:  # fmt: skip
    """Fit, calibrate and evaluate on histories with the columns of `cold_start.with_door(columns)`."""
    data = cold_start.only(whole, columns)
    origin = evaluation_origin(data)
    shape = shape or shape_on(data, origin, options)
    *bags, judged_bag = bags_until(data, origin, shape, options, seed)
    final = fit_at(data, data.as_of, shape, options, seed)
    doors = cold_start.Doors.fitted(whole, bags, judged_bag, final, seed=seed)
    judged = _judged(data, bags, judged_bag, truth, doors)
    calibration = moved(calibrate(data, [*bags, judged_bag], final, options, of_unseen=False), data, final, options)
    model = DefaultModel(
        columns=data.columns, members=final.bag.members, term_structure=final.term_structure,
        calibration=calibration, policy=whole.policy, scale=MASTER_SCALE,
        interval_widening=jackknife_widening(shape.folds),
        cold=doors.model(calibration, doors.quality(judged.metrics)),
        facts={
            "as_of": str(data.as_of.date()), "rows": final.count_rows, "default_rows": final.count_defaults,
            "defaulters": final.count_defaulters,
        },
    )  # fmt: skip
    return Parts(
        data=data, origin=origin, shape=shape, final=final, calibration=calibration, judged=judged, model=model
    )


def outcome_days(as_of: date | str | pd.Timestamp, policy: DefaultPolicy) -> list[pd.Timestamp]:
    """Return the days on which a fit on `as_of` asks about outcomes: those of its bags, and as_of."""
    origin, step = _origin(pd.Timestamp(as_of), policy), step_months(policy)
    return [*(origin - pd.offsets.MonthEnd(step * k) for k in range(CALIBRATION_STEPS, -1, -1)), pd.Timestamp(as_of)]


def step_months(policy: DefaultPolicy) -> int:
    """Months between the days at which bags are fitted for calibration and judgement: half the horizon."""
    return max(1, policy.horizon_months // 2)


def evaluation_origin(data: Histories) -> pd.Timestamp:
    """Return the month end at which the evaluated bag is fitted: a step before the last month end with a mature outcome.

    Raises TooShort where that lies before the first snapshot; it advises the policy for short ledgers only where that
    policy's own origin does not.
    """
    return checked_origin(pd.Timestamp(data.on.min()), data.as_of, data.policy)


def checked_origin(first: pd.Timestamp, as_of: pd.Timestamp, policy: DefaultPolicy) -> pd.Timestamp:
    """Return the evaluation origin of a ledger whose first snapshots are on `first`. Raises TooShort as above."""
    latest, origin = last_mature_as_of(as_of, policy.horizon_months, policy), _origin(as_of, policy)
    if origin < first:
        helps = policy.name != SHORT_HISTORY.name and _origin(as_of, SHORT_HISTORY) >= first
        raise TooShort(
            f"the ledger is too short to evaluate a {policy.horizon_months}-month PD on {as_of.date()}: "
            f"outcomes are mature only up to {latest.date()}. Use a longer ledger"
            f"{', or the policy short_history' if helps else ''}.",
            short_history_helps=helps,
        )
    return origin


def _origin(as_of: pd.Timestamp, policy: DefaultPolicy) -> pd.Timestamp:
    """Return the month end half a horizon before the last one whose outcome under a policy is mature."""
    latest = last_mature_as_of(as_of, policy.horizon_months, policy)
    origin = latest + pd.offsets.MonthEnd(0) - pd.offsets.MonthEnd(step_months(policy))
    return origin - pd.offsets.MonthEnd(1) if latest + pd.offsets.MonthEnd(0) > latest else origin


def bags_until(data: Histories, origin: pd.Timestamp, shape: Shape, options: Options, seed: int) -> list[FittedBag]:
    """The bags that judge and calibrate: a step and two steps before `origin`, where enough was known, and at it."""
    step, wide = step_months(data.policy), judged_shape(shape)
    earlier = [origin - pd.offsets.MonthEnd(step * k) for k in range(CALIBRATION_STEPS, 0, -1)]
    found = [b for o in earlier if (b := fitted_or_none(data, o, wide, options, seed)) is not None]
    return [*found, fit_at(data, origin, wide, options, seed)]


def later_rows(data: Histories, origin: pd.Timestamp) -> NDArray[np.int64]:
    """The snapshots that judge a bag of `origin`: at month ends after it, not in default, mature on the data's day."""
    usable = data.outcomes(data.as_of).usable(data.policy.horizon_months)
    return np.flatnonzero(usable & (data.on > np.datetime64(origin, "D")))


def judged_calibration(data: Histories, bags: Sequence[FittedBag], fitted: FittedBag) -> Calibration:
    """The judged bag's, from outcomes known on its day."""
    return calibrate(data, bags, fitted, Options(), of_unseen=True)


def later_log_odds(data: Histories, bags: Sequence[FittedBag], fitted: FittedBag, rows: NDArray[np.int64]) -> Floats:
    """The judged bag's calibrated log-odds of later rows, by members that never saw the customer."""
    return judged_calibration(data, bags, fitted).log_odds(margins(data, fitted, rows, of_unseen=True))


def _judged(
    data: Histories, bags: Sequence[FittedBag], fitted: FittedBag, truth: pd.DataFrame | None, doors: cold_start.Doors
) -> Judged:
    """The judged bag's figures on later rows, with the door's share of short histories."""
    final, rows = data.outcomes(data.as_of), later_rows(data, fitted.origin)
    log_odds = doors.mixed(rows, later_log_odds(data, bags, fitted, rows))
    pds = {h: expit(log_odds) * fitted.term_structure.share(log_odds, h) for h in data.policy.horizons_months}
    judged = judge(data, final, rows, log_odds, pds, truth)
    cold = doors.figures(rows, log_odds, final.within(data.policy.horizon_months)[rows], truth)
    y = final.within(data.policy.horizon_months)[rows]
    return replace(judged, metrics={**judged.metrics, **cold}, evidence=evidence_rows(data, rows, y, log_odds, pds))


def level_evidence(data: Histories, final: FittedBag, calibration: Calibration) -> dict[str, float]:
    """What the model's level is and rests on: mean PD of the last month end's customers, and the luck in it.

    level_luck : standard error of the logarithm of a rate of so many defaulters, 1/√defaulters. The turns that the cycle
    takes after as_of come on top: no ledger shows them. A central tendency has other evidence than the ledger: there the
    luck is that of the level before the shift.
    """
    latest = final.bag.margin(data.matrix[data.on == data.on.max()])
    return {
        "level_pd_mean": float(calibration.probability(latest).mean()),
        "level_defaulters": float(final.count_defaulters),
        "level_luck": float(final.count_defaulters**-0.5),
    }


def lgd_evidence(lgd: LgdTable) -> dict[str, float]:
    """Return the book's LGD as metrics: the value used, the measured one with its interval where there is any, counts."""
    book = lgd.book
    figures = {"lgd_value": book.value, "lgd_weight": book.weight, "lgd_closed_defaults": float(book.defaults)}
    measured = {"lgd_measured": book.measured, "lgd_low": book.low, "lgd_high": book.high}
    return figures | {name: value for name, value in measured.items() if value is not None}


def lgd_rows(lgd: LgdTable) -> pd.DataFrame:
    """Return the LGD of the book and of its segments, one row each."""
    return pd.DataFrame([asdict(value) for value in (lgd.book, *lgd.segments.values())])


def _importance(bag: Bag, data: Histories) -> pd.DataFrame:
    """Columns by their share of the total gain, descending."""
    found = pd.DataFrame({"column": list(data.columns), "gain_share": list(gains(bag, data.columns).values())})
    return found.sort_values("gain_share", ascending=False, kind="stable").reset_index(drop=True)


def _parameters(
    data: Histories, origin: pd.Timestamp, final: FittedBag, shape: Shape, options: Options, seed: int
) -> dict[str, Any]:
    """What a run logs: the policy by name and version, the split's dates, the shape, the counts."""
    latest = last_mature_as_of(data.as_of, data.policy.horizon_months, data.policy)
    return {
        "policy": data.policy.name, "policy_version": data.policy.version, "horizon_months": data.policy.horizon_months,
        "consecutive_days": data.policy.consecutive_days,
        "item_days_past_due": data.policy.item_days_past_due, "seed": seed, "columns": len(data.columns),
        "scale": MASTER_SCALE.name, "scale_version": MASTER_SCALE.version,
        "evaluation_origin": str(origin.date()), "evaluation_until": str(latest.date()),
        "metrics_are_of": "the fit at evaluation_origin, on later month ends, by members that never saw the customer",
        "training_rows": final.count_rows, "training_default_rows": final.count_defaults,
        "training_defaulters": final.count_defaulters,
        "level": "point in time" if options.central_tendency is None else "through the cycle",
        "calibration": "line on log-odds by customers left out, its slope moved out of time; neither with fewer than two defaulters",
        **({} if (drawn := data.sampling) is None else {
            "sample_goods": drawn.rate, "sample_goods_seed": drawn.seed, "rows_before_sampling": drawn.rows,
            "rows_kept": drawn.kept,
        }),
        **{f"option_{k}": v for k, v in options.__dict__.items()},
        **{f"shape_{k}": v for k, v in shape.to_json().items()},
    }  # fmt: skip

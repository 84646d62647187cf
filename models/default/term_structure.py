"""When within the horizon a default comes: the share of the long PD that falls into each shorter horizon.

PD_h = PD · σ(a_h + d · z), z the calibrated log-odds of the long PD, a_h rising with h, d ≥ 0: a customer near the end
defaults soon, a healthy one at any time. PDs rise with the horizon, and with z, by construction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit

from ledger.errors import InputError

Floats = NDArray[np.float64]

PRIOR_EVENTS = 4.0  # as many made-up defaults, evenly spread over the months: no month has a share of exactly 0 or 1


@dataclass(frozen=True, kw_only=True)
class TermStructure:
    """months: the long horizon; intercepts[h]: a_h for h = 1 … months − 1, rising; slope: d ≥ 0."""

    months: int
    intercepts: tuple[float, ...]
    slope: float

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.intercepts[:-1], self.intercepts[1:], strict=True))
        if len(self.intercepts) != self.months - 1 or not rising or self.slope < 0.0:
            raise InputError(
                f"A term structure over {self.months} months must have {self.months - 1} rising intercepts and a slope "
                f"of 0 or above. Got {self.intercepts} and {self.slope} instead."
            )

    def share(self, log_odds: Floats, months: NDArray[np.int64] | int) -> Floats:
        """Return share of the long PD that falls within `months` (one number, or one a row); 1 at the long horizon."""
        a = np.append(np.array([-np.inf, *self.intercepts]), np.inf)[np.asarray(months)]
        return np.asarray(expit(a + self.slope * np.asarray(log_odds, dtype=np.float64)), dtype=np.float64)

    def offset(self, log_odds: Floats, months: NDArray[np.int64]) -> Floats:
        """Return what turns log-odds of the long PD into those of the PD within each row's `months`; 0 at the long one."""
        z = np.asarray(log_odds, dtype=np.float64)
        return np.asarray(logit(expit(z) * self.share(z, months)) - z, dtype=np.float64)

    def to_json(self) -> dict[str, Any]:
        return {"months": self.months, "intercepts": list(self.intercepts), "slope": self.slope}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> TermStructure:
        return cls(months=stored["months"], intercepts=tuple(stored["intercepts"]), slope=stored["slope"])


def evenly_spread(months: int) -> TermStructure:
    """Return the term structure of defaults that fall evenly over the months, whoever the customer."""
    return TermStructure(
        months=months, intercepts=tuple(float(v) for v in logit(np.arange(1, months) / months)), slope=0.0
    )


def fit_term_structure(
    log_odds: Floats, default_month: NDArray[np.int64], months: int, weight: Floats | None = None
) -> TermStructure:
    """Return the term structure of customers that defaulted within `months`, by maximum likelihood (an ordered logit).

    log_odds : (rows,) of the long PD. default_month : (rows,) 1 … months, the month in which each of them defaulted.
    A few made-up defaults (PRIOR_EVENTS), spread over all months at the mean log-odds, keep every intercept finite.
    """
    z, month = np.asarray(log_odds, dtype=np.float64), np.asarray(default_month, dtype=np.int64)
    if len(month) and (month.min() < 1 or month.max() > months):
        raise InputError(f"default_month must be from 1 to {months}. Got {month.min()} to {month.max()} instead.")
    if months == 1:
        return TermStructure(months=1, intercepts=(), slope=0.0)
    w = np.ones(len(z)) if weight is None else np.asarray(weight, dtype=np.float64)
    centre = float(np.average(z, weights=w)) if len(z) else 0.0
    z = np.concatenate([z, np.full(months, centre)]) - centre
    month = np.concatenate([month, np.arange(1, months + 1)])
    w = np.concatenate([w, np.full(months, PRIOR_EVENTS / months)])
    early = np.array([np.sum(w[month <= h]) for h in range(1, months)]) / np.sum(w)
    a = logit(early)
    start = np.concatenate([[a[0]], np.log(np.diff(a)), [np.log(0.3)]])

    def unpacked(theta: Floats) -> tuple[Floats, float]:
        return np.concatenate([[theta[0]], theta[0] + np.cumsum(np.exp(theta[1:-1]))]), float(np.exp(theta[-1]))

    def loss(theta: Floats) -> float:
        inner, d = unpacked(theta)
        levels = np.concatenate([[-np.inf], inner, [np.inf]])
        p = expit(levels[month] + d * z) - expit(levels[month - 1] + d * z)
        return float(-np.sum(w * np.log(np.maximum(p, 1e-300))) / np.sum(w))

    found = minimize(loss, start, method="L-BFGS-B", bounds=[(-15, 15)] + [(-8, 4)] * (months - 2) + [(-8, 2)])
    inner, d = unpacked(found.x)
    return TermStructure(months=months, intercepts=tuple(float(v) for v in inner - d * centre), slope=d)

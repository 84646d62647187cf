"""`python -m benchmarks.default_level`: where the default model's level and slope may come from, beside the true PDs.

Each way is fitted at the evaluation origin on what was known then, and scores later months of customers that it never
saw. The seeds are others than those of `benchmarks.default_sample`: the way that is served was chosen here.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from benchmarks.default_book import print_table, sample_histories
from models import metrics
from models.calibration import Calibration, shift_to_mean
from training.default.calibration import Scored, calibrate, later_scored, margins
from training.default.evaluation import true_pd, truth_deciles
from training.default.fit import SELECTED, Options, bags_until, evaluation_origin, later_rows
from training.default.stages import SHORTEST_MONTHS, shape_on

Floats = NDArray[np.float64]
AS_FITTED = Calibration(slope=1.0, intercept=0.0)


def moved_too(line: Calibration, later: Scored) -> Calibration:
    """The line whose level, too, is that of months after earlier bags' days: the mistake that counted luck twice."""
    shift = shift_to_mean(line.log_odds(later.margin) + later.offset, float(np.average(later.y, weights=later.weight)))
    return replace(line, intercept=line.intercept + shift)


def of_seed(seed: int) -> dict[str, tuple[float, float, float]]:
    """(log of mean PD over mean true PD, deciles near the truth, slope of true log-odds) of each way."""
    data, truth = sample_histories(seed, customers=3000, months=48, columns=SELECTED)
    origin = evaluation_origin(data)
    *earlier, bag = bags_until(data, origin, shape_on(data, origin, Options()), Options(), 1)
    rows, seen = later_rows(data, origin), data.outcomes(origin)
    rows = rows[~np.isnan(true_pd(data, rows, truth))]
    true, margin = true_pd(data, rows, truth), margins(data, bag, rows, of_unseen=True)
    left_out = calibrate(data, [], bag, Options(), of_unseen=True)
    served = calibrate(data, earlier, bag, Options(), of_unseen=True)
    learned = np.flatnonzero(seen.usable(SHORTEST_MONTHS) & (data.on <= np.datetime64(origin, "D")))
    learned = learned[~np.isnan(true_pd(data, learned, truth))]
    there = served.log_odds(margins(data, bag, learned, of_unseen=True))
    z = served.log_odds(margin)
    ways = {
        "the bag as fitted": AS_FITTED.log_odds(margin), "customers left out": left_out.log_odds(margin),
        "… and a slope moved by later months (served)": z,
        "… and a level moved by them": moved_too(served, later_scored(data, earlier, bag, of_unseen=True)).log_odds(margin),
        "the level without luck": z + shift_to_mean(there, float(true_pd(data, learned, truth).mean())),
        "the level of the months judged": z + shift_to_mean(z, float(true.mean())),
    }  # fmt: skip
    return {name: _figures(log_odds, true) for name, log_odds in ways.items()}


def _figures(log_odds: Floats, true: Floats) -> tuple[float, float, float]:
    p = expit(log_odds)
    close = float(truth_deciles(p, true)["is_close"].sum())
    return float(np.log(p.mean() / true.mean())), close, metrics.log_odds_slope(true, p)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(11, 21)))
    seeds = parser.parse_args().seeds
    found = [of_seed(seed) for seed in seeds]
    print(f"Sample ledgers of 3,000 customers and 48 months, seeds {', '.join(map(str, seeds))}; without the door.\n")
    lines = []
    for name in found[0]:
        level, close, slope = np.array([f[name] for f in found]).T
        lines.append((
            name, f"{level.mean():+.3f}", float(np.sqrt(np.mean(level**2))), f"{int((np.abs(level) <= 0.15).sum())}",
            f"{close.mean():.1f}", float(np.sqrt(np.mean((slope - 1.0) ** 2))), f"{int((np.abs(slope - 1.0) <= 0.1).sum())}",
        ))  # fmt: skip
    header = ["level and slope by", "log of mean PD over true, mean", "its root mean square", "samples within 0.15",
              "deciles near the truth", "root mean square of slope − 1", "slopes within 0.9 to 1.1"]  # fmt: skip
    print_table(lines, header)


if __name__ == "__main__":
    main()

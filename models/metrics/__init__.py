"""How good a model is: order, probability, rates, distributions, censored outcomes, and the uncertainty of each figure.

One name one formula, as the project's definitions state them; every figure that a document quotes comes from here.
"""

from models.metrics.bootstrap import Interval, by_customer, intervals_by_customer, paired_by_customer
from models.metrics.censored import auc_ipcw, brier_ipcw, c_index, censoring_survival, ipcw_weights
from models.metrics.distribution import (
    coverage,
    crps_of_cdf,
    crps_of_each_cdf,
    crps_of_quantiles,
    crps_of_sample,
    pinball,
)
from models.metrics.order import Ranking, auc, average_precision, gini, ks
from models.metrics.probability import Reliability, brier, calibration_table, ece, log_loss, log_odds_slope
from models.metrics.rates import Bins, jeffreys, jeffreys_upper, pluto_tasche, psi, psi_limit

__all__ = [
    "Bins", "Interval", "Ranking", "Reliability", "auc", "auc_ipcw", "average_precision", "brier", "brier_ipcw", "by_customer", "c_index",
    "calibration_table", "censoring_survival", "coverage", "crps_of_cdf", "crps_of_each_cdf", "crps_of_quantiles",
    "crps_of_sample", "ece", "gini", "intervals_by_customer", "ipcw_weights", "jeffreys", "jeffreys_upper", "ks", "log_loss", "log_odds_slope", "paired_by_customer",
    "pinball", "pluto_tasche", "psi", "psi_limit",
]  # fmt: skip

"""Plots that several evaluations use."""

from __future__ import annotations

from typing import Any

import pandas as pd


def calibration_figure(
    table: pd.DataFrame, *, predicted: str, observed: str, title: str = "Calibration by decile"
) -> Any:
    """Return predicted against observed shares on logarithmic axes, a point a tenth of the predictions.

    table : frame with `predicted` and `observed`; tenths without an outcome have no place on such axes and are left out.
    predicted, observed : the axes' labels. title : above the plot.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    shown = table[table["observed"] > 0]
    low, high = float(table["predicted"].min()), float(max(table["predicted"].max(), shown["observed"].max()))
    axes.plot([low, high], [low, high], color="grey", linewidth=1)
    axes.plot(shown["predicted"], shown["observed"], "o", color="black")
    axes.set(xscale="log", yscale="log", xlabel=predicted, ylabel=observed, title=title)
    return figure

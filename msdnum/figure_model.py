"""Figures of a real transformer: its linear layers."""

from collections.abc import Sequence

from msdnum.plotting import (
    MARKS,
    PAGE,
    Axes,
    Figure,
    Records,
    bound,
    curve,
    figure,
    legend,
    named,
    numbers,
    only,
    values,
)

__all__ = ["linears"]


def linears(records: Records) -> Figure:
    """Draw the error of each linear layer of the model, beside its bound."""
    page = figure(PAGE, 3.2)
    weights = [weight for weight in ("INT8", "MXFP4") if weight in values(records, "weight")]
    panels = page.subplots(len(weights), 1, sharex=True, squeeze=False)[:, 0]
    for weight, axes in zip(weights, panels, strict=True):
        _layers(axes, only(records, weight=weight))
        axes.set_title(f"{weight} weights")
        axes.set_ylabel("relative L2 error")
    legend(page, panels, 7)
    return page


def _layers(axes: Axes, rows: Records) -> None:
    for baseline in ("weight in BF16", "scale after", "MXFP8 ceil", "float32"):
        line = only(rows, baseline=baseline)
        _bounded(axes, numbers(line, "baseline_l2"), numbers(line, "baseline_bound_l2"), baseline)
    _bounded(axes, numbers(line, "msd_l2"), numbers(line, "msd_bound_l2"), named(line[0]["scheme"]))
    names = [f"{row['layer']} {row['linear']}" for row in line]
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yscale("log")


def _bounded(axes: Axes, errors: Sequence[float], bounds: Sequence[float], name: str) -> None:
    places = range(len(errors))
    curve(axes, places, errors, MARKS[name], name)
    bound(axes, places, bounds, MARKS[name])

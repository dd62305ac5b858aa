"""Figures of emulated products: conditioning, crossing points, the model's layers, Ozaki."""

from itertools import cycle

from msdnum.plotting import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    MARKS,
    ORANGE,
    PAGE,
    PURPLE,
    VERMILLION,
    Axes,
    Figure,
    Mark,
    Records,
    bound,
    curve,
    figure,
    legend,
    numbers,
    only,
    values,
)

__all__ = ["conditions", "crossings", "linears", "ozaki"]


def _named(scheme: str) -> str:
    """Return the name of a scheme as a legend has it."""
    return scheme.replace("_X", " x")


def conditions(records: Records) -> Figure:
    """Draw the L2 error of ill-conditioned products beside its bound."""
    page = figure(PAGE, 2.9)
    weights = [w for w in ("INT8", "MXFP4", "MXFP8") if w in values(records, "weight")]
    panels = page.subplots(1, len(weights), sharey=True, squeeze=False)[0]
    for weight, axes in zip(weights, panels, strict=True):
        for method in values(only(records, weight=weight), "method"):
            rows = only(records, weight=weight, method=method)
            x, mark = numbers(rows, "condition_median"), MARKS[_named(method)]
            curve(axes, x, numbers(rows, "l2"), mark, _named(method))
            bound(axes, x, numbers(rows, "bound_l2"), mark)
        axes.set_title(f"{weight} weights")
        axes.set_xlabel("median condition number $|A||B|\\,/\\,|AB|$")
        axes.loglog()
    panels[0].set_ylabel("relative L2 error")
    legend(page, panels, 5)
    return page


CROSSINGS = {
    "one outlier per row: INT8 x2, weight in BF16": (
        "one outlier per row:\nINT8 x2 / weight in BF16", "inner dimension $k$",
    ),
    "long k, uniform: INT8 x2, float32 in order": (
        "uniform:\nINT8 x2 / float32 in order", "inner dimension $k$",
    ),
    "binade below alpha: MXFP4 x2, MXFP8 ceil": (
        "one binade:\nMXFP4 x2 / MXFP8 ceil", "binades below $\\alpha$",
    ),
    "block size, normal: MXFP4 x2, MXFP8 ceil": (
        "normal:\nMXFP4 x2 / MXFP8 ceil", "block size",
    ),
}  # fmt: skip
"""Title and horizontal axis of each study."""


def crossings(records: Records) -> Figure:
    """Draw the error of MSD over that of its baseline, measured and in closed form."""
    page = figure(PAGE, 2.2)
    studies = [study for study in CROSSINGS if study in values(records, "study")]
    panels = page.subplots(1, len(studies), squeeze=False)[0]
    for study, axes in zip(studies, panels, strict=True):
        _crossing(axes, only(records, study=study))
        title, label = CROSSINGS[study]
        axes.set_title(title)
        axes.set_xlabel(label)
    panels[0].set_ylabel("L2 error, MSD / baseline")
    legend(page, panels, 3)
    return page


def _crossing(axes: Axes, rows: Records) -> None:
    """Draw what was measured as points, and what was predicted as a line where there is any."""
    foretold = [row for row in rows if row["predicted_ratio"]]
    x, mark = numbers(rows, "value"), Mark(BLUE, "s", "none")
    axes.axhline(1, color=GREY, linewidth=0.8, label="equal")
    curve(axes, x, numbers(rows, "measured_ratio"), mark, "measured")
    predicted = numbers(foretold, "predicted_ratio")
    axes.plot(numbers(foretold, "value"), predicted, color=ORANGE, label="closed form")
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter("{x:g}")
    if x[0] > 0:
        axes.set_xscale("log", base=2)
    else:
        axes.set_xticks(x[::2])


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
    _bounded(
        axes, numbers(line, "msd_l2"), numbers(line, "msd_bound_l2"), _named(line[0]["scheme"])
    )
    names = [f"{row['layer']} {row['linear']}" for row in line]
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yscale("log")


def _bounded(axes: Axes, errors: list[float], bounds: list[float], name: str) -> None:
    places = range(len(errors))
    curve(axes, places, errors, MARKS[name], name)
    bound(axes, places, bounds, MARKS[name])


def ozaki(records: Records) -> Figure:
    """Draw the error of binary64 products against the number of slices."""
    page = figure(PAGE, 2.5)
    left, right = page.subplots(1, 2)
    marks = [Mark(c, m) for c, m in zip((BLUE, VERMILLION, GREEN, PURPLE), "os^D", strict=True)]
    phis = values(records, "phi")
    for phi, mark in zip(phis, cycle(marks)):
        rows = only(records, phi=phi)
        x = numbers(rows, "slices")
        curve(left, x, numbers(rows, "error"), mark, f"$\\phi$ = {phi}")
        curve(right, x, numbers(rows, "mean_relative"), mark)
        plain = Mark(mark.color, "", ":")
        curve(right, x, numbers(rows, "binary64_mean_relative"), plain)
    one = only(records, phi=phis[0])
    bound(left, numbers(one, "slices"), numbers(one, "bound"), Mark(BLACK, ""))
    left.set_ylabel("largest error / $(k\\,\\alpha_i\\,\\beta_j)$")
    right.set_ylabel("mean relative error")
    for axes in (left, right):
        axes.set_yscale("log")
        axes.set_xlabel("INT8 slices")
    right.plot([], [], ":", color=GREY, label="binary64 GEMM")
    legend(page, (left, right), 6)
    return page

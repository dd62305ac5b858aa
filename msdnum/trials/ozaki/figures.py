"""The figure of the error curve."""

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle

from msdnum.experiments.plots import (
    BLACK,
    BLUE,
    GREEN,
    PAGE,
    PURPLE,
    VERMILLION,
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

__all__ = ["DRAWINGS"]


def _curve(records: Records) -> Figure:
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
        # It has no slices, and is the same in all rows.
        plain = numbers(rows[:1], "binary64_mean_relative")
        curve(right, [max(x) + 2.5], plain, replace(mark, line="none"))
    one = only(records, phi=phis[0])
    bound(left, numbers(one, "slices"), numbers(one, "bound"), Mark(BLACK, ""))
    left.set_ylabel("largest error / $(k\\,\\alpha_i\\,\\beta_j)$")
    right.set_ylabel("mean relative error")
    for axes in (left, right):
        axes.set_yscale("log")
        axes.set_xlabel("INT8 slices")
    ticks = [tick for tick in x if tick % 4 == 1]
    right.set_xticks([*ticks, max(x) + 2.5], [*(f"{tick:g}" for tick in ticks), "binary64\nGEMM"])
    left.set_title("$a_{ij} = (u_{ij} - 1/2)\\,e^{\\phi z_{ij}}$")
    legend(page, (left, right), 6)
    return page


DRAWINGS: dict[str, Callable[[Records], Figure]] = {"gemm_ozaki": _curve}
"""By the name of their table."""

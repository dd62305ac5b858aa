"""The figures of the trial, each from the table of its name."""

from collections.abc import Callable

from msdnum.experiments.plots import (
    BLUE,
    GREY,
    PAGE,
    VERMILLION,
    Figure,
    Mark,
    Records,
    curve,
    figure,
    legend,
    numbers,
    only,
    spread,
)
from msdnum.trials.int_or_fp.closed_form import RIVALRIES

__all__ = ["DRAWINGS"]


def _crests(records: Records) -> Figure:
    """Draw ratios by crest factor, a pair in each panel."""
    page = figure(PAGE, 2.3)
    panels = page.subplots(1, 3)
    for axes, pair in zip(panels, RIVALRIES[:3], strict=True):
        rows = only(records, pair=pair.name)
        x = numbers(rows, "kappa")
        for kind, color in (("int", BLUE), ("fp", VERMILLION)):
            name = kind.upper()
            curve(axes, x, numbers(rows, f"{kind}_integral"), Mark(color, ""), f"{name}, integral")
            mark = Mark(color, "", ":")
            curve(axes, x, numbers(rows, f"{kind}_form"), mark, f"{name}, closed form")
        axes.axvline(pair.reported, color=GREY, linewidth=0.5)
        axes.set_xscale("log")
        axes.set_xticks([2, 4, 8, 16], ["2", "4", "8", "16"])
        axes.set_xlabel("$\\kappa$, amax over $\\sigma$")
        axes.set_title(pair.name)
    panels[0].set_ylabel("signal over error, dB")
    legend(page, tuple(panels), 4)
    return page


def _rotations(records: Records) -> Figure:
    """Draw 4 bits with and without rotation by size of outliers."""
    page = figure(PAGE, 2.6)
    axes = page.subplots(1, 1)
    x = numbers(records, "size")
    for name, color in (("NVINT4", BLUE), ("NVFP4", VERMILLION)):
        for length, line, marker in (("plain", "-", "o"), ("16", "-.", "^"), ("128", ":", "s")):
            label = f"{name}, {'plain' if length == 'plain' else 'rotated by ' + length}"
            column, mark = f"{name.lower()}_{length}", Mark(color, marker, line)
            spread(axes, records, "size", column, mark)
            curve(axes, x, numbers(records, column), mark, label)
    axes.set_xscale("log", base=2)
    axes.set_xlabel("size of 8 outlier channels among 1,024")
    axes.set_ylabel("signal over error, dB")
    legend(page, (axes,), 3)
    return page


DRAWINGS: dict[str, Callable[[Records], Figure]] = {
    "int_or_fp_crests": _crests,
    "int_or_fp_rotations": _rotations,
}
"""By the name of their table."""

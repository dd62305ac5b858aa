"""The figures of the trial, each from the table of its name."""

from collections.abc import Callable

from msdnum.experiments.plots import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PAGE,
    SKY,
    VERMILLION,
    Figure,
    Mark,
    Records,
    curve,
    figure,
    legend,
    numbers,
    only,
    values,
)

__all__ = ["DRAWINGS"]

COLOURS = (VERMILLION, ORANGE, SKY, BLUE)


def _sigmas(records: Records) -> Figure:
    """Draw the error against sigma, a line for each size, by distribution and format of scales."""
    page = figure(PAGE, 4.6)
    names = ("uniform", "normal", "Student t, 3")
    panels = page.subplots(2, 3, sharex=True, sharey=True)
    for row, scales in zip(panels, ("E4M3", "UE5M3"), strict=True):
        for axes, name in zip(row, names, strict=True):
            given = only(records, distribution=name, scales=scales)
            for size, colour in zip(values(given, "block"), COLOURS, strict=False):
                rows = only(given, block=size)
                curve(axes, numbers(rows, "sigma"), numbers(rows, "error"), Mark(colour, ""),
                      f"blocks of {size}")  # fmt: skip
            axes.set_title(f"{name}, {scales} scales")
            axes.set_xscale("log")
            axes.set_yscale("log")
            axes.set_ylim(3e-3, 1.2)
    for axes in panels[1]:
        axes.set_xlabel("sigma")
    for row in panels:
        row[0].set_ylabel("MSE / variance")
    legend(page, panels.flat, 4)
    return page


def _remedies(records: Records) -> Figure:
    """Draw the error against the size of blocks, a line for each way to choose scales."""
    page = figure(PAGE, 2.9)
    panels = page.subplots(1, 3, sharey=True)
    cases = (("normal", "0.01"), ("Student t, 3", "0.01"), ("uniform", "0.0136"))
    methods = (
        ("E4M3", "amax / 6", Mark(VERMILLION, "o")),
        ("E4M3", "no scale is zero", Mark(ORANGE, "s")),
        ("E4M3", "four over six", Mark(SKY, "^")),
        ("E4M3", "both", Mark(BLUE, "D")),
        ("E4M3", "every scale", Mark(BLACK, "x")),
        ("UE5M3", "amax / 6", Mark(GREEN, "v")),
        ("UE5M3", "four over six", Mark(GREY, "P")),
    )
    for axes, (name, sigma) in zip(panels, cases, strict=True):
        given = only(records, distribution=name, sigma=sigma)
        for scales, method, mark in methods:
            rows = only(given, scales=scales, method=method)
            label = f"{scales}, {method}"
            curve(axes, numbers(rows, "block"), numbers(rows, "error"), mark, label)
        axes.set_title(f"{name}, sigma {sigma}")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xticks([2, 4, 8, 16, 32, 64], ["2", "4", "8", "16", "32", "64"])
        axes.set_xlabel("elements of a block")
        axes.set_yticks(
            [0.002, 0.005, 0.01, 0.02, 0.05], ["0.002", "0.005", "0.01", "0.02", "0.05"]
        )
    panels[0].set_ylabel("MSE / mean square")
    legend(page, panels, 4)
    return page


DRAWINGS: dict[str, Callable[[Records], Figure]] = {
    "finer_sigmas": _sigmas, "finer_remedies": _remedies,
}  # fmt: skip
"""By the name of their table."""

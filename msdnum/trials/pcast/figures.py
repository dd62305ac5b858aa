"""The figures of the trial, each from the table of its name."""

from collections.abc import Callable

from msdnum.experiments.plots import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    PAGE,
    VERMILLION,
    Axes,
    Figure,
    Mark,
    Records,
    curve,
    figure,
    legend,
    numbers,
    only,
)

__all__ = ["DRAWINGS"]


def _scales(records: Records) -> Figure:
    """Draw the sawtooth of steps and errors, and how many P are zero or subnormal."""
    page = figure(PAGE, 2.5)
    left, right = page.subplots(1, 2)
    x = numbers(records, "scale")
    curve(
        left, x, numbers(records, "spacing_below"), Mark(BLUE, ""), "E4M3 spacing below S, over S"
    )
    curve(left, x, numbers(records, "gap"), Mark(GREEN, ""), "largest gap between casts of P")
    curve(left, x, numbers(records, "error"), Mark(VERMILLION, ""), "worst error of P")
    left.set_ylabel("in units of P")
    left.set_yscale("log")
    left.set_yticks([1 / 8, 1 / 16, 1 / 33], ["1/8", "1/16", "1/33"])
    curve(right, x, numbers(records, "normal"), Mark(BLACK, ""), "P cast to normal numbers")
    curve(
        right, x, numbers(records, "subnormal"), Mark(GREY, "", "-."), "P cast to subnormal numbers"
    )
    right.set_ylabel("BF16 numbers P in (0, 1]")
    for axes in (left, right):
        _mark_scales(axes)
    legend(page, (left, right), 3)
    return page


def _mark_scales(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.set_xlabel("static scale S")
    axes.set_xticks([64, 128, 264, 448], ["64", "128", "256  264", "448"])
    for scale in (256, 264):
        axes.axvline(scale, color=GREY, linewidth=0.5)


def _sinks(records: Records) -> Figure:
    """Draw what becomes zero, and what the remedies gain, against the strength of the sink."""
    page = figure(PAGE, 2.5)
    left, right = page.subplots(1, 2)
    for scale, color in (("1", VERMILLION), ("256", BLUE)):
        for order, line, marker in (("FORWARD", "-", "o"), ("REVERSE", "-.", "^")):
            rows = only(records, scale=scale, order=order)
            x, mark = numbers(rows, "delta"), Mark(color, marker, line)
            label = f"S = {scale}, {order.lower()}"
            curve(left, x, numbers(rows, "zero_elsewhere"), mark, label)
            curve(right, x, numbers(rows, "gain_null_sink"), mark)
        left.plot(x, numbers(only(records, scale=scale, order="FORWARD"), "phi"), ":", color=BLACK)
    left.plot([], [], ":", color=BLACK, label="the paper's $\\Phi$")
    left.set_ylabel("weights outside the sink's tile\nthat become zero")
    right.set_yscale("log")
    right.set_ylabel("MSE of forward, S = 1, over own")
    for axes in (left, right):
        axes.set_xlabel("$\\Delta$, strength of the sink")
    legend(page, (left, right), 5)
    return page


DRAWINGS: dict[str, Callable[[Records], Figure]] = {"pcast_scales": _scales, "pcast_sinks": _sinks}
"""By the name of their table."""

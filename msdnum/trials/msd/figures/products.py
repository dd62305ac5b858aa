"""Figures of emulated products: accumulators, C7, lengths, conditions, crossing points, Ozaki."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from msdnum.experiments.plots import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    MARKS,
    ORANGE,
    PAGE,
    PURPLE,
    SKY,
    VERMILLION,
    Axes,
    Figure,
    Mark,
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

__all__ = ["accuracy", "claim", "conditions", "crossings", "float32_reference", "length"]


METHODS = {
    "INT8": (("INT8_X1", "INT8_X2", "INT8_X3"), ("weight in BF16", "MXFP8 ceil", "float32")),
    "MXFP4": (("MXFP4_X1", "MXFP4_X2", "MXFP4_X3"), ("MXFP8 ceil", "float32")),
    "MXFP8": (("MXFP8_X1", "MXFP8_X2"), ("weight in BF16", "float32")),
}
"""What is drawn, by weight: schemes above, and baselines below."""


def length(records: Records) -> Figure:
    """Draw the L2 error of products against their length, beside its bounds."""
    page = figure(PAGE, 4.4)
    rows = only(records, input="normal")
    weights = values(rows, "weight")
    panels = page.subplots(2, len(weights), sharex=True, sharey=True, squeeze=False)
    for weight, (above, below) in zip(weights, panels.T, strict=True):
        for methods, axes in zip(METHODS[weight], (above, below), strict=True):
            for method in methods:
                line, name = only(rows, weight=weight, method=method), named(method)
                _against_length(axes, line, MARKS[name], name)
        above.set_title(f"{weight} weights, schemes")
        below.set_title(f"{weight} weights, baselines")
        below.set_xlabel("inner dimension $k$")
        below.set_xscale("log", base=2)
    for axes in panels[:, 0]:
        axes.set_ylabel("relative L2 error")
    panels[0, 0].set_yscale("log", nonpositive="mask")
    panels[0, -1].plot([], [], ":", color=BLACK, linewidth=0.9, label="probable bound")
    legend(page, panels.flat, 5)
    return page


def _against_length(axes: Axes, rows: Records, mark: Mark, label: str) -> None:
    x = numbers(rows, "k")
    curve(axes, x, numbers(rows, "l2"), mark, label)
    bound(axes, x, numbers(rows, "bound_l2"), mark)
    likely = [row for row in rows if _says_more(row)]
    bounds = numbers(likely, "probable_l2")
    axes.plot(numbers(likely, "k"), bounds, ":", color=mark.color, linewidth=0.9)


def _says_more(row: Mapping[str, str]) -> bool:
    """Whether a bound that holds with a probability is below the one that always holds."""
    return bool(row["probable_l2"]) and float(row["probable_l2"]) < float(row["bound_l2"])


ORDERS = {
    "in order": Mark(BLACK, "x"),
    "blocks of 256, as BLAS": Mark(ORANGE, "D"),
    "blocks of 32": Mark(BLUE, "s"),
    "pairwise": Mark(GREEN, "o"),
    "exact sum, rounded once": Mark(PURPLE, "v"),
}


def float32_reference(records: Records) -> Figure:
    """Draw the float32 product's own error against its length, by order of addition."""
    page = figure(PAGE, 2.8)
    inputs = values(records, "input")
    panels = page.subplots(1, len(inputs), sharey=True, squeeze=False)[0]
    for name, axes in zip(inputs, panels, strict=True):
        for order, mark in ORDERS.items():
            label = order.removesuffix(", as BLAS")
            _against_length(axes, only(records, input=name, order=order), mark, label)
        axes.set_title(f"{name} operands")
        axes.set_xlabel("inner dimension $k$")
        axes.set_xscale("log", base=2)
    panels[0].set_ylabel("relative L2 error")
    panels[0].set_yscale("log")
    panels[-1].plot([], [], ":", color=BLACK, linewidth=0.9, label="probable bound")
    legend(page, panels, 4)
    return page


UNITS = ("INT8_X2 x INT8", "MXFP4_X2 x MXFP4", "MXFP8_X1 x MXFP8", "MXFP8_X2 x MXFP8")


def accuracy(records: Records) -> Figure:
    """Draw error and bound of four products by accumulator."""
    page = figure(PAGE, 3.6)
    panels = page.subplots(1, len(UNITS), sharey=True)
    accumulators = sorted(values(records, "accumulator"), key=_maker)
    for axes, product in zip(panels, UNITS, strict=True):
        mark = replace(MARKS[named(product).rpartition(" x ")[0]], line="none")
        rows = only(records, product=product)
        for row in rows:
            place = accumulators.index(row["accumulator"])
            ends = numbers([row], "l2") + numbers([row], "bound_l2")
            bound(axes, ends, (place, place), mark)
            curve(axes, ends[:1], [place], mark)
        _undefined(axes, accumulators, values(rows, "accumulator"))
        axes.set_title(named(product))
        axes.set_xlabel("relative L2 error")
        axes.set_xscale("log")
    panels[0].set_yticks(range(len(accumulators)), accumulators)
    panels[0].invert_yaxis()
    _makers(panels, accumulators)
    curve(panels[0], [], [], Mark(GREY, "o", "none"), "error")
    legend(page, panels, 2)
    return page


ARCHITECTURES = ("VOLTA", "TURING", "AMPERE", "ADA", "HOPPER", "BLACKWELL")
MAKERS = ("orders", "NVIDIA", "AMD")


def _maker(accumulator: str) -> int:
    """Return the place in MAKERS of who builds an accumulator; orders of addition come first."""
    if "CDNA" in accumulator:
        return MAKERS.index("AMD")
    return MAKERS.index("NVIDIA" if any(a in accumulator for a in ARCHITECTURES) else "orders")


def _makers(panels: Sequence[Axes], accumulators: Sequence[str]) -> None:
    """Draw a line between makers, and write their names at the right."""
    makers = list(map(_maker, accumulators))
    for maker in sorted(set(makers)):
        first, count = makers.index(maker), makers.count(maker)
        for axes in panels if first else ():
            axes.axhline(first - 0.5, color=GREY, linewidth=0.6)
        panels[-1].text(
            1.03, first + (count - 1) / 2, MAKERS[maker], rotation=270, va="center",
            transform=panels[-1].get_yaxis_transform(),
        )  # fmt: skip


def _undefined(axes: Axes, accumulators: list[str], defined: list[str]) -> None:
    """Write where a product has no sum in an accumulator."""
    for place, name in enumerate(accumulators):
        if name not in defined:
            axes.text(
                0.04, place, "not defined", transform=axes.get_yaxis_transform(), va="center",
                color=GREY, fontsize=6,
            )  # fmt: skip


FAMILIES = {
    "normal": Mark(BLACK, "o", "none"),
    "uniform": Mark(BLUE, "s", "none"),
    "laplace": Mark(SKY, "^", "none"),
    "student_t": Mark(GREEN, "v", "none"),
    "outlier_per_block": Mark(ORANGE, "D", "none"),
    "outlier_per_row": Mark(VERMILLION, "P", "none"),
    "log_uniform_40": Mark(PURPLE, "X", "none"),
}


OFFSETS = {family: 0.12 * (place - 3) for place, family in enumerate(FAMILIES)}
"""Each family has a height of its own, so that none covers another."""


def claim(records: Records) -> Figure:
    """Draw the L2 error of MSD over that of each baseline, family by family (C7).

    Hollow markers are of another k than 1024, or of blocks of another size than the format's.
    """
    page = figure(PAGE, 4.4)
    weights = [w for w in ("INT8", "INT4", "MXFP4", "MXFP8") if w in values(records, "weight")]
    baselines = values(records, "baseline")
    panels = page.subplots(1, len(weights), sharey=True)
    for axes, weight in zip(panels, weights, strict=True):
        rows = only(records, weight=weight, accumulator="SEQUENTIAL")
        for row in sorted(rows, key=_usual):
            family, usual = row["input"], _usual(row)
            mark = replace(FAMILIES[family], filled=usual)
            place = baselines.index(row["baseline"]) + OFFSETS[family]
            label = family.replace("_", " ") if usual else None
            curve(axes, numbers([row], "l2_ratio"), [place], mark, label)
        axes.axvline(1, color=BLACK, linewidth=0.8)
        axes.set_title(f"{weight} weights,\n{named(rows[0]['scheme'])}")
        axes.set_xlabel("L2 error, MSD / baseline")
        axes.set_xscale("log")
    panels[0].set_yticks(range(len(baselines)), baselines)
    panels[0].invert_yaxis()
    other = Mark(GREY, "o", "none", filled=False)
    curve(panels[-1], [], [], other, "other $k$ or block size")
    legend(page, panels, 4)
    return page


def _usual(row: Mapping[str, str]) -> bool:
    """Whether a row is of the k of most rows, and of the format's own blocks."""
    return row["k"] == "1024" and not row["block_size"]


def conditions(records: Records) -> Figure:
    """Draw the L2 error of ill-conditioned products beside its bound."""
    page = figure(PAGE, 2.9)
    weights = [w for w in ("INT8", "MXFP4", "MXFP8") if w in values(records, "weight")]
    panels = page.subplots(1, len(weights), sharey=True, squeeze=False)[0]
    for weight, axes in zip(weights, panels, strict=True):
        for method in values(only(records, weight=weight), "method"):
            rows = only(records, weight=weight, method=method)
            x, mark = numbers(rows, "condition_median"), MARKS[named(method)]
            curve(axes, x, numbers(rows, "l2"), mark, named(method))
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

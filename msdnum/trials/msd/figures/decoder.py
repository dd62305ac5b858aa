"""Figures of a whole decoder: next-token distributions, layers, and outliers of activations."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from msdnum.experiments.plots import (
    BLACK,
    BLUE,
    GREEN,
    MARKS,
    ORANGE,
    PAGE,
    PURPLE,
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
from msdnum.trials.msd.figures.model import KINDS, linears_of

__all__ = ["decoder_attentions", "decoder_layers", "decoder_linears", "decoder_outliers"]

COLUMNS = {
    "divergence": ("from the weights as shipped", False),
    "quantized_divergence": ("from float64, same codes", True),
}
"""Columns, what they are divergences from, and whether the marker is filled."""


def decoder_linears(records: Records) -> Figure:
    """Draw the divergence of next tokens by how the linears are computed, with its spread."""
    panels = {f"{w} weights": only(records, weight=w) for w in values(records, "weight")}
    return _divergences(panels, linears_of)


def decoder_attentions(records: Records) -> Figure:
    """Draw the same by how the attentions are computed, over each cache."""
    panels = {f"{cache} cache": only(records, cache=cache) for cache in values(records, "cache")}
    return _divergences(panels, lambda row: row["attention"])


def _divergences(
    panels: Mapping[str, Records], label: Callable[[Mapping[str, str]], str]
) -> Figure:
    """Draw a panel for each title, two in a row, with a line for each variant."""
    lines = max(len(values(rows, "variant")) for rows in panels.values())
    across = -(-len(panels) // 2)
    page = figure(PAGE, 0.6 + across * (0.6 + 0.135 * lines))
    grid = list(page.subplots(across, 2, squeeze=False).flat)
    for (title, rows), axes in zip(panels.items(), grid, strict=False):
        _variants(axes, rows, label)
        axes.set_title(title)
    for axes in grid[max(0, len(panels) - 2) : len(panels)]:
        axes.set_xlabel("mean KL divergence of the next token (nats)")
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    legend(page, page.axes, 2)
    return page


def _variants(axes: Axes, rows: Records, label: Callable[[Mapping[str, str]], str]) -> None:
    """Draw the mean over texts as a marker, and a line from the least text to the largest."""
    names = values(rows, "variant")
    for place, name in enumerate(names):
        texts = only(rows, variant=name)
        for column, (what, filled) in COLUMNS.items():
            found = numbers(texts, column)
            mark = replace(KINDS[texts[0]["kind"]], filled=filled)
            curve(
                axes, [min(found), max(found)], [place, place], replace(mark, marker="", line="-")
            )
            mean = sum(found) / len(found)
            curve(axes, [mean], [place], mark, f"{texts[0]['kind']}, {what}")
    axes.set_yticks(range(len(names)), [label(only(rows, variant=name)[0]) for name in names])
    axes.invert_yaxis()
    axes.set_xscale("log", nonpositive="mask")


def decoder_layers(records: Records) -> Figure:
    """Draw what each layer of the decoder leaves, and its worst product with its bound."""
    weights, page = values(records, "weight"), figure(PAGE, 4.2)
    panels = page.subplots(2, len(weights), sharex=True, sharey="row", squeeze=False)
    for weight, (above, below) in zip(weights, panels.T, strict=True):
        for name in values(only(records, weight=weight), "variant"):
            _layers(above, below, only(records, variant=name))
        above.set_title(f"{weight} weights")
        below.set_xlabel("layer")
    panels[0][0].set_ylabel("relative L2 error of the layer")
    panels[1][0].set_ylabel("worst product, normwise")
    for axes in page.axes:
        axes.set_yscale("log")
    legend(page, page.axes, 6)
    return page


def _layers(above: Axes, below: Axes, line: Records) -> None:
    """Draw the line of a method of which a mark is known; CANN's kernels have theirs."""
    name = named(line[0]["scheme"])
    in_float32 = line[0]["kind"] == "MSD" and line[0]["activation"] == "BINARY32"
    if in_float32 or (name not in MARKS and line[0]["kind"] != "CANN"):
        return
    mark = replace(MARKS.get(name, replace(KINDS["CANN"], line="-")), filled=True)
    curve(above, numbers(line, "layer"), numbers(line, "quantized_state"), mark, name)
    known = [row for row in line if row["normwise"]]
    curve(below, numbers(known, "layer"), numbers(known, "normwise"), mark, name)
    promised = [row for row in known if row["bound_normwise"]]
    if promised:
        bound(below, numbers(promised, "layer"), numbers(promised, "bound_normwise"), mark)


INPUTS = {
    "attention": Mark(BLUE, "s"),
    "output": Mark(ORANGE, "D"),
    "feed-forward": Mark(GREEN, "o"),
    "down": Mark(PURPLE, "^"),
}
"""Whose input the activations are; ``normal`` is drawn as a level line."""
QUESTIONS = {
    "crest_median": "amax / rms of a token",
    "range_median": "range of a block (bits)",
    "mxfp4_x2_loses": "share of blocks lost",
    "loss_ratio": "loss, MXFP4 x2 / MXFP8",
}


def decoder_outliers(records: Records) -> Figure:
    """Draw how far the activations of each layer are from normal ones, and what that costs."""
    page = figure(PAGE, 3.4)
    panels = page.subplots(2, 2, sharex=True, squeeze=False).flat
    normal = only(records, input="normal")[0]
    for (column, text), axes in zip(QUESTIONS.items(), list(panels), strict=True):
        for name, mark in INPUTS.items():
            line = only(records, input=name)
            curve(axes, numbers(line, "layer"), numbers(line, column), mark, f"input of {name}")
        ends = numbers(line, "layer")[:: len(line) - 1]
        level = Mark(BLACK, "", ":")
        curve(axes, ends, [float(normal[column])] * 2, level, "normal numbers")
        axes.set_ylabel(text)
    for axes in page.axes[2:]:
        axes.set_xlabel("layer")
    legend(page, page.axes, 5)
    return page

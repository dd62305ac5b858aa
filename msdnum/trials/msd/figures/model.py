"""Figures of attention and of a real transformer: its linear layers, the whole of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from msdnum.experiments.plots import (
    BLACK,
    BLUE,
    GREEN,
    MARKS,
    ORANGE,
    PAGE,
    PURPLE,
    SKY,
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

__all__ = [
    "KINDS", "attention", "attentions", "layer_panels", "layers", "linears", "linears_of",
    "sentences",
]  # fmt: skip


ATTENTIONS = {
    "MSD": {"MSD": Mark(BLUE, "s"), "MSD, row max": Mark(SKY, "D")},
    "baselines": {
        "cache in BF16": Mark(ORANGE, "v"),
        "scales folded, BF16": Mark(PURPLE, "^"),
        "MXFP8 queries and weights": Mark(GREEN, "o"),
        "float32": Mark(BLACK, "x"),
    },
}
"""What is drawn above, and what below."""


def attention(records: Records) -> Figure:
    """Draw the L2 error of attention against the length of the cache, beside its bound.

    INT8 values with a scale for each token differ little from those with one for each channel.
    """
    caches = [cache for cache in values(records, "cache") if cache != "INT8_TOKEN"]
    page = figure(PAGE, 4.2)
    panels = page.subplots(2, len(caches), sharex=True, sharey=True, squeeze=False)
    for (what, methods), row in zip(ATTENTIONS.items(), panels, strict=True):
        for cache, axes in zip(caches, row, strict=True):
            _lengths(axes, only(records, cache=cache), methods)
            axes.set_title(f"{cache} cache, {what}")
        row[0].set_ylabel("L2 error")
    for axes in panels[-1]:
        axes.set_xlabel("cache length (tokens)")
    legend(page, panels.flat, 4)
    return page


def _cache(name: str) -> str:
    return name.replace("_TOKEN", " by token")


def _lengths(axes: Axes, rows: Records, methods: Mapping[str, Mark]) -> None:
    for method, mark in methods.items():
        line = only(rows, method=method)
        x = numbers(line, "length")
        curve(axes, x, numbers(line, "l2"), mark, method)
        bound(axes, x, numbers(line, "bound_l2"), mark)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")


def linears(records: Records) -> Figure:
    """Draw the error of each linear layer of the model, beside its bound, a short bar."""
    page = figure(PAGE, 3.2)
    weights = [weight for weight in ("INT8", "MXFP4") if weight in values(records, "weight")]
    panels = page.subplots(len(weights), 1, sharex=True, squeeze=False)[:, 0]
    for weight, axes in zip(weights, panels, strict=True):
        _layers(axes, only(records, weight=weight))
        axes.set_title(f"{weight} weights")
        axes.set_ylabel("relative L2 error")
    panels[0].plot([], [], "_", color=BLACK, markersize=4.5, label="bound")
    legend(page, panels, 6)
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
    places, mark = range(len(errors)), replace(MARKS[name], line="none")
    curve(axes, places, errors, mark, name)
    # Linears are categories: each has a bound of its own, and nothing lies between two.
    axes.plot(places, bounds, "_", color=mark.color, markersize=4.5)


WEIGHTS = ("INT8", "INT4", "MXFP4", "MXFP8")


def layers(records: Records) -> Figure:
    """Draw what each layer of the model leaves, beside float64 with the same weights."""
    rows = only(records, attention="float32", cache="float32")
    weights = [weight for weight in WEIGHTS if weight in values(rows, "weight")]
    return layer_panels(rows, weights, MARKS)


def layer_panels(records: Records, weights: Sequence[str], marks: Mapping[str, Mark]) -> Figure:
    """Draw a panel for each kind of weights, and in it a line over the layers for each method."""
    page = figure(PAGE, 2.6)
    panels = page.subplots(1, len(weights), sharey=True, squeeze=False)[0]
    for weight, axes in zip(weights, panels, strict=True):
        for line in _methods(only(records, weight=weight)):
            name = named(line[0]["scheme"])
            curve(axes, numbers(line, "layer"), numbers(line, "quantized_state"), marks[name], name)
        axes.set_title(f"{weight} weights")
        axes.set_xlabel("layer")
        axes.set_yscale("log")
    panels[0].set_ylabel("relative L2 error of the layer")
    legend(page, panels, 5)
    return page


def _methods(rows: Records) -> Iterator[Records]:
    """Yield the rows of each method with a mark of its own; MSD of BF16 activations alone."""
    for variant in values(rows, "variant"):
        line = only(rows, variant=variant)
        in_float32 = line[0]["kind"] == "MSD" and line[0]["activation"] == "BINARY32"
        if named(line[0]["scheme"]) in MARKS and not in_float32:
            yield line


KINDS = {
    "MSD": Mark(BLUE, "s", "none"),
    "baseline": Mark(ORANGE, "D", "none"),
    "CANN": Mark(PURPLE, "^", "none"),
}

DISTANCES = {
    "distance_mean": ("from the published model", False),
    "quantized_distance_mean": ("from float64, same codes", True),
}
"""Columns, what they are distances from, and whether the marker is filled."""


def sentences(records: Records) -> Figure:
    """Draw how far sentence embeddings are off by how the linears are computed."""
    weights = [w for w in WEIGHTS if w in values(records, "weight")] or values(records, "weight")
    return _embeddings({f"{w} weights": only(records, weight=w) for w in weights}, linears_of)


def attentions(records: Records) -> Figure:
    """Draw the same by how the attentions are computed, alone and with the linears."""
    caches = values(records, "cache")
    panels = {f"{_cache(c)} cache": only(records, cache=c) for c in caches}
    return _embeddings(panels, _both)


def _embeddings(panels: Mapping[str, Records], label: Callable[[Mapping[str, str]], str]) -> Figure:
    """Draw a panel for each title, two in a row, with a line for each variant."""
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    page = figure(PAGE, 0.6 + rows * (0.6 + 0.16 * max(map(len, panels.values()))))
    grid = list(page.subplots(rows, columns, squeeze=False).flat)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    for (title, variants), axes in zip(panels.items(), grid, strict=False):
        _variants(axes, variants, list(map(label, variants)))
        axes.set_title(title)
        axes.set_xlabel("mean cosine distance")
    legend(page, page.axes, len({row["kind"] for variants in panels.values() for row in variants}))
    return page


def _variants(axes: Axes, rows: Records, names: Sequence[str]) -> None:
    for place, row in enumerate(rows):
        for column, (what, filled) in DISTANCES.items():
            mark = replace(KINDS[row["kind"]], filled=filled)
            curve(axes, numbers([row], column), [place], mark, f"{row['kind']}, {what}")
    axes.set_yticks(range(len(rows)), names)
    axes.invert_yaxis()
    axes.set_xscale("log", nonpositive="mask")


def linears_of(row: Mapping[str, str]) -> str:
    """Return what computes the linears."""
    given = " of float32" if row["kind"] == "MSD" and row["activation"] == "BINARY32" else ""
    return named(row["scheme"]).replace("_", " ") + given


def _both(row: Mapping[str, str]) -> str:
    """Return what computes the attentions, and the linears if those are replaced, too."""
    if row["weight"] == "FLOAT32":
        return row["attention"]
    return f"{row['attention']}, {row['weight']} linears"

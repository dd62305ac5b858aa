"""Figures of attention and of a real transformer: its linear layers, the whole of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from msdnum.plotting import (
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

__all__ = ["attention", "layers", "linears", "sentences"]


ATTENTIONS = {
    "MSD": Mark(BLUE, "s"),
    "MSD, row max": Mark(SKY, "D"),
    "cache in BF16": Mark(ORANGE, "v"),
    "scales folded, BF16": Mark(PURPLE, "^"),
    "MXFP8 queries and weights": Mark(GREEN, "o"),
    "float32": Mark(BLACK, "x"),
}


def attention(records: Records) -> Figure:
    """Draw the L2 error of attention against the length of the cache, beside its bound."""
    families, caches = values(records, "family"), values(records, "cache")
    page = figure(PAGE, 0.9 + 1.5 * len(families))
    panels = page.subplots(len(families), len(caches), sharex=True, sharey="row", squeeze=False)
    for family, row in zip(families, panels, strict=True):
        for cache, axes in zip(caches, row, strict=True):
            _lengths(axes, only(records, family=family, cache=cache))
        row[0].set_ylabel(f"L2 error, {family.replace('_', ' ')}")
    for cache, top, bottom in zip(caches, panels[0], panels[-1], strict=True):
        top.set_title(f"{cache.replace('_TOKEN', ' by token')} cache")
        bottom.set_xlabel("cache length (tokens)")
    legend(page, panels.flat, 4)
    return page


def _lengths(axes: Axes, rows: Records) -> None:
    for method, mark in ATTENTIONS.items():
        line = only(rows, method=method)
        x = numbers(line, "length")
        curve(axes, x, numbers(line, "l2"), mark, method)
        bound(axes, x, numbers(line, "bound_l2"), mark)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")


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


WEIGHTS = ("INT8", "INT4", "MXFP4", "MXFP8")


def layers(records: Records) -> Figure:
    """Draw what each layer of the model leaves, beside float64 with the same weights."""
    page = figure(PAGE, 2.6)
    rows = only(records, attention="float32", cache="float32")
    weights = [weight for weight in WEIGHTS if weight in values(rows, "weight")]
    panels = page.subplots(1, len(weights), sharey=True, squeeze=False)[0]
    for weight, axes in zip(weights, panels, strict=True):
        for line in _methods(only(rows, weight=weight)):
            name = named(line[0]["scheme"])
            curve(axes, numbers(line, "layer"), numbers(line, "quantized_state"), MARKS[name], name)
        axes.set_title(f"{weight} weights")
        axes.set_xlabel("layer")
        axes.set_yscale("log")
    panels[0].set_ylabel("relative L2 error of the layer")
    legend(page, panels, 5)
    return page


def _methods(rows: Records) -> Iterator[Records]:
    """Yield the rows of each method that every figure knows; activations are BF16 or as they are."""
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

FORMATS = (("INT8", "INT4"), ("MXFP4", "MXFP8"))


def sentences(records: Records) -> Figure:
    """Draw how far sentence embeddings are off when parts of the model are computed otherwise."""
    page = figure(PAGE, 6)
    panels = page.subplots(2, 2, height_ratios=(19, 14))
    for formats, row in zip(FORMATS, panels, strict=True):
        for name, axes in zip(formats, row, strict=True):
            _variants(axes, [r for r in records if name in (r["weight"], _cache_only(r))])
            axes.set_title(f"{name} weights, cache or both")
            axes.set_xlabel("mean cosine distance")
    legend(page, panels.flat, 3)
    return page


def _cache_only(row: Mapping[str, str]) -> str:
    """Return the format of the cache where only attention is replaced."""
    return row["cache"] if row["weight"] == "FLOAT32" else ""


def _variants(axes: Axes, rows: Records) -> None:
    for place, row in enumerate(rows):
        for column, (what, filled) in DISTANCES.items():
            mark = replace(KINDS[row["kind"]], filled=filled)
            curve(axes, numbers([row], column), [place], mark, f"{row['kind']}, {what}")
    axes.set_yticks(range(len(rows)), map(_variant, rows))
    axes.invert_yaxis()
    axes.set_xscale("log", nonpositive="mask")


def _variant(row: Mapping[str, str]) -> str:
    """Return what is replaced, in words: linears, attention or both."""
    linears = named(row["scheme"]).replace("_", " ")
    if row["kind"] == "MSD" and row["activation"] == "BINARY32":
        linears += " of float32"
    if _cache_only(row):
        return f"attention {row['attention']}"
    if row["attention"] == "float32" == row["cache"]:
        return linears
    return f"{linears}, attention {row['attention']}"

"""Figures of attention and of a real transformer: its linear layers, the whole of it."""

from collections.abc import Sequence

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

__all__ = ["attention", "linears"]


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

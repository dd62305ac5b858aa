"""Figures of a decoder's caches: what they cost by the length of the context."""

from msdnum.experiments.plots import (
    BLUE,
    GREEN,
    ORANGE,
    PAGE,
    PURPLE,
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
    values,
)

__all__ = ["decoder_contexts"]

CACHES = {
    " along sums": Mark(BLUE, "s"),
    " by token": Mark(GREEN, "o"),
    " by channel": Mark(PURPLE, "v"),
    " by head": Mark(ORANGE, "D"),
}
"""What shares a scale, by what the name of a cache ends with."""
WAYS = {
    "MSD": Mark(VERMILLION, "s", "none", filled=False),
    "BF16": Mark(VERMILLION, "D", "none", filled=False),
    "attention_int8_x2": Mark(VERMILLION, "^", "none", filled=False),
}
USUAL = {"INT8": " by channel", "MXFP4": " along sums"}
"""What shares a scale where the name of the cache does not say."""


def decoder_contexts(records: Records) -> Figure:
    """Draw a panel for each format: float32 over each cache, other attentions over the usual."""
    page = figure(PAGE, 2.6)
    formats = [fmt for fmt in USUAL if any(row["cache"].startswith(fmt) for row in records)]
    panels = page.subplots(1, len(formats), squeeze=False)[0]
    for fmt, axes in zip(formats, panels, strict=True):
        _format(axes, [row for row in records if row["cache"].startswith(fmt)], fmt)
    panels[0].set_ylabel("mean KL divergence (nats)")
    legend(page, panels, 4)
    return page


def _format(axes: Axes, rows: Records, fmt: str) -> None:
    for cache in values(rows, "cache"):
        of = cache.removeprefix(fmt)
        line = only(rows, cache=cache, attention="float32")
        shared = of or USUAL[fmt]
        x, y = numbers(line, "context"), numbers(line, "divergence")
        curve(axes, x, y, CACHES[shared], shared.strip())
    for way, mark in WAYS.items():
        points = only(rows, cache=fmt, attention=way) if _has(rows, fmt, way) else []
        if points:
            x, y = numbers(points, "context"), numbers(points, "divergence")
            curve(axes, x, y, mark, way.replace("_", " "))
    axes.set_title(f"{fmt} cache")
    axes.set_xlabel("tokens of the context")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter("{x:.2g}")


def _has(rows: Records, cache: str, way: str) -> bool:
    return any(row["cache"] == cache and row["attention"] == way for row in rows)

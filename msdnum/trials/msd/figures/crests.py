"""Figures of crest factors: where MSD begins to lose as the largest number grows."""

from msdnum.experiments.plots import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PAGE,
    PURPLE,
    Axes,
    Figure,
    Mark,
    Records,
    curve,
    figure,
    legend,
    named,
    numbers,
    only,
    values,
)

__all__ = ["crests"]

PANELS = {
    "one outlier of fixed size: MXFP4 x2, MXFP8 ceil": (
        "one outlier of $2^k$:\nMXFP4 x2 / MXFP8 ceil", "$k$",
    ),
    "one outlier of varying size: MXFP4 x2, MXFP8 ceil": (
        "one of $2^k$ to $2^{k+1}$:\nMXFP4 x2 / MXFP8 ceil", "$k$",
    ),
    "blocks by size: MXFP4 x2, MXFP8 ceil": (
        "no outlier:\nMXFP4 x2 / MXFP8 ceil", "block size",
    ),
    "rows by length: INT8 x2, weight in BF16": (
        "no outlier:\nINT8 x2 / weight in BF16", "row length",
    ),
}  # fmt: skip
"""Title and horizontal axis of each study."""
INPUTS = {
    "uniform": Mark(BLUE, "s", "none"),
    "normal": Mark(ORANGE, "D", "none"),
    "laplace": Mark(GREEN, "o", "none"),
    "student_t": Mark(PURPLE, "^", "none"),
}


def crests(records: Records) -> Figure:
    """Draw the ratio of errors, expected as lines, measured as points with the spread of seeds."""
    page = figure(PAGE, 2.4)
    studies = [study for study in PANELS if study in values(records, "study")]
    panels = page.subplots(1, len(studies), squeeze=False)[0]
    for study, axes in zip(studies, panels, strict=True):
        axes.axhline(1, color=GREY, linewidth=0.8, label="equal")
        for name in values(records, "input"):
            _ratios(axes, only(records, study=study, input=name), INPUTS[name], named(name))
        axes.set_title(PANELS[study][0])
        axes.set_xlabel(PANELS[study][1])
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter("{x:g}")
        if study.startswith("one outlier"):
            axes.set_xticks(numbers(only(records, study=study, input="normal"), "value")[::2])
            axes.xaxis.set_major_formatter("{x:g}")
        else:
            axes.set_xscale("log", base=2)
    panels[0].set_ylabel("L2 error, MSD / baseline")
    legend(page, panels, 5)
    return page


def _ratios(axes: Axes, rows: Records, mark: Mark, label: str) -> None:
    x, least, most = (numbers(rows, name) for name in ("value", "least_ratio", "most_ratio"))
    axes.plot(x, numbers(rows, "predicted_ratio"), color=mark.color)
    axes.vlines(x, least, most, color=mark.color, linewidth=0.8)
    curve(axes, x, numbers(rows, "measured_ratio"), mark, label)

"""Figures of scale rules: what each loses on every family, beside the covering rule."""

from dataclasses import replace

from msdnum.experiments.plots import (
    GREY,
    PAGE,
    Figure,
    Records,
    curve,
    figure,
    legend,
    numbers,
    only,
    values,
)
from msdnum.trials.msd.figures.schemes import RULES

__all__ = ["scale_rules"]


MARKERS = {"CEIL": "s", "RCEIL": "o", "EVEN": "^", "FLOOR": "v"}


def scale_rules(records: Records) -> Figure:
    """Draw a row for each family, by which second scale in a panel each."""
    page = figure(PAGE, 3.6)
    # Midpoints that the covering rule keeps whole have no ratio.
    records = [row for row in records if row["over_covering"]]
    scales, families = values(records, "second_scale"), values(records, "input")
    panels = page.subplots(1, len(scales), sharex=True, sharey=True, squeeze=False)[0]
    for scale, axes in zip(scales, panels, strict=True):
        axes.axvline(1, color=GREY, linewidth=0.8, label="CEIL, s2 = s1/8")
        for rule in values(records, "rule"):
            rows = only(records, second_scale=scale, rule=rule)
            mark = replace(RULES[rule], marker=MARKERS[rule], line="none", filled=False)
            places = [float(families.index(row["input"])) for row in rows]
            curve(axes, numbers(rows, "over_covering"), places, mark, f"rule {rule}")
        axes.set_title(scale)
        axes.set_xlabel("L2 error / that of CEIL, s2 = s1/8")
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
    panels[0].set_yticks(range(len(families)), families)
    panels[0].invert_yaxis()
    legend(page, panels, 5)
    return page

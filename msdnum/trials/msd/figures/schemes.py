"""Figures of schemes: effective bits, passes, the binade, dynamic range, CANN, the design space."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import log2

from msdnum.experiments.plots import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    MARKS,
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
    spread,
    values,
)

__all__ = ["binade", "cann", "design_space", "dynamic_range", "effective_bits", "passes"]

DEFINITIONS = {
    "rms_relative": "RMS of error / $x$",
    "relative_l2": "L2 error / L2 norm",
    "error": "worst error / $\\alpha$ or $M$",
}
"""Definitions of effective bits, as columns, and their titles.

The last is relative to what the bounds are of; the table also has it relative to amax.
"""

CLAIMED = {"MXFP4 x2": 6.6, "MXFP8 x1": 5.24}
"""The paper's effective bits (C3); log-uniform input and RMS error give both."""


def effective_bits(records: Records) -> Figure:
    """Draw effective bits by scheme, input and definition."""
    page = figure(PAGE, 3.8)
    panels = page.subplots(1, len(DEFINITIONS), sharey=True)
    inputs = values(records, "input")
    schemes = [s for s in values(records, "scheme") if _mark(s)]
    for axes, (column, title) in zip(panels, DEFINITIONS.items(), strict=True):
        for scheme in schemes:
            bits = _bits(only(records, scheme=scheme), column)
            mark = replace(_mark(scheme) or OWN, line="none")
            heights = [place + _offset(scheme, schemes) for place in range(len(inputs))]
            _spread(axes, only(records, scheme=scheme), column, heights, mark)
            curve(axes, bits, heights, mark, named(scheme))
        axes.set_title(title)
        axes.set_xlabel("effective bits")
    _claims(panels[0], inputs.index("log_uniform"), schemes)
    _promises(panels[-1], records, schemes, len(inputs))
    panels[0].set_yticks(range(len(inputs)), [name.replace("_", " ") for name in inputs])
    panels[0].invert_yaxis()
    legend(page, panels, 6)
    return page


def _spread(
    axes: Axes, records: Records, column: str, heights: Sequence[float], mark: Mark
) -> None:
    """Draw from the least to the most bits of all seeds."""
    if f"least_{column}" in records[0]:
        least, most = (_bits(records, f"{end}_{column}") for end in ("least", "most"))
        axes.hlines(heights, least, most, color=mark.color, linewidth=2.2, alpha=0.45)


OWN = Mark(PURPLE, "P")


def _mark(scheme: str) -> Mark | None:
    """Return how a scheme is drawn: all of the user's alike, and some of the table not at all."""
    return OWN if scheme.startswith("own: ") else MARKS.get(named(scheme))


def _bits(records: Records, column: str) -> list[float]:
    """Return effective bits, which the table has but for those of an error itself."""
    found = numbers(records, column)
    return [-log2(error) for error in found] if column.endswith("error") else found


def _offset(scheme: str, schemes: Sequence[str]) -> float:
    """Return how far from its input a scheme is drawn, so that none covers another."""
    return 0.6 * ((schemes.index(scheme) + 0.5) / len(schemes) - 0.5)


def _claims(axes: Axes, place: int, schemes: Sequence[str]) -> None:
    claimed = [s for s in schemes if named(s) in CLAIMED]
    axes.plot(
        [CLAIMED[named(s)] for s in claimed], [place + _offset(s, schemes) for s in claimed], "o",
        markersize=7, markerfacecolor="none", color=BLACK, label="claimed by the paper",
    )  # fmt: skip


def _promises(axes: Axes, records: Records, schemes: list[str], count: int) -> None:
    for scheme in schemes:
        first = only(records, scheme=scheme)[:1]
        if first[0]["worst_case"]:
            bits = numbers(first, "worst_case")
            bound(axes, bits * 2, (-0.3, count - 0.7), replace(_mark(scheme) or OWN, marker=""))


LADDERS = {
    "INT8": Mark(BLUE, ""),
    "INT8 float32": Mark(SKY, ""),
    "MXFP4": Mark(VERMILLION, ""),
    "MXFP8": Mark(GREEN, ""),
}
BY_PASSES = {"1": "o", "2": "s", "3": "^", "4": "p"}
"""Markers, here as everywhere."""


def passes(records: Records) -> Figure:
    """Draw the worst and the RMS error against the number of passes, beside the bound."""
    page = figure(PAGE, 2.6)
    panels = page.subplots(1, 2)
    for axes, measure in zip(panels, values(records, "measure"), strict=True):
        for ladder in values(records, "ladder"):
            found = only(records, measure=measure, ladder=ladder)
            rows = [_worst(only(found, passes=count)) for count in values(found, "passes")]
            x, mark = numbers(rows, "passes"), LADDERS[ladder]
            bound(axes, x, numbers(rows, "bound"), mark)
            curve(axes, x, numbers(rows, "error"), mark, ladder)
            for row in rows:
                point = replace(mark, marker=BY_PASSES[row["passes"]], line="none")
                curve(axes, numbers([row], "passes"), numbers([row], "error"), point)
        axes.set_xticks((1, 2, 3, 4))
        axes.set_xlabel("passes")
        axes.set_ylabel(measure)
        axes.set_yscale("log", base=2)
    legend(page, panels, 5)
    return page


def _worst(rows: Records) -> Mapping[str, str]:
    """Return the row with the largest error, of BF16 pairs and of binary32 ties."""
    return max(rows, key=lambda row: float(row["error"]))


RULES = {
    "CEIL": Mark(BLUE, ""),
    "RCEIL": Mark(GREEN, ""),
    "EVEN": Mark(PURPLE, ""),
    "FLOOR": Mark(VERMILLION, ""),
}
WIDTHS = dict(zip(RULES, (4.2, 3.0, 1.9, 0.9), strict=True))
"""The first is drawn first and widest, so that those on top of it leave its edges to be seen."""


def binade(records: Records) -> Figure:
    """Draw the worst error of a block against the position of amax in its binade."""
    page = figure(PAGE, 2.6)
    chosen = [row for row in records if row["second_scale"] in ("", "s2 = s1/8")]
    counts = values(chosen, "passes")
    panels = page.subplots(1, len(counts), squeeze=False)[0]
    for axes, count in zip(panels, counts, strict=True):
        for rule in values(chosen, "rule"):
            _positions(axes, only(chosen, passes=count, rule=rule), RULES[rule], rule)
        axes.set_title(f"MXFP4 x{count}")
        axes.set_xlabel("amax / $\\alpha$")
        axes.set_ylabel("worst error / $\\alpha$")
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter(lambda value, _: f"1/{1 / value:g}")
    attained = Mark(GREY, "o", "none", filled=False)
    curve(panels[-1], [], [], attained, "bound attained")
    legend(page, panels, 6)
    return page


def _positions(axes: Axes, rows: Records, mark: Mark, rule: str) -> None:
    x = numbers(rows, "amax_over_alpha")
    errors = numbers(rows, "error")
    axes.plot(x, errors, color=mark.color, linewidth=WIDTHS[rule], label=f"rule {rule}")
    bound(axes, x, numbers(rows, "bound"), mark)
    attained = [row for row in rows if row["attains"] == "True"][::4]
    axes.plot(
        numbers(attained, "amax_over_alpha"), numbers(attained, "error"), "o", color=mark.color,
        markersize=3.5, markerfacecolor="white", zorder=3,
    )  # fmt: skip


PREFIXES = {"mxfp4": "MXFP4 x2", "mxfp8": "MXFP8 x1"}


def dynamic_range(records: Records) -> Figure:
    """Draw the error of MXFP4 x2 and of MXFP8 x1 against the range of x."""
    page = figure(PAGE, 2.7)
    studies = values(records, "study")
    panels = page.subplots(1, len(studies), sharey=True, squeeze=False)[0]
    for axes, study in zip(panels, studies, strict=True):
        rows = only(records, study=study)
        x = numbers(rows, "octaves")
        for prefix, name in PREFIXES.items():
            worst = Mark(MARKS[name].color, MARKS[name].marker, "none", filled=False)
            spread(axes, rows, "octaves", f"{prefix}_rms", MARKS[name])
            curve(axes, x, numbers(rows, f"{prefix}_rms"), MARKS[name], f"{name}, RMS")
            curve(axes, x, numbers(rows, f"{prefix}_worst_relative"), worst, f"{name}, worst")
            promised = replace(MARKS[name], marker="")
            bound(axes, x, numbers(rows, f"{prefix}_bound_worst_relative"), promised)
        axes.set_title(study.split(",")[0].removesuffix(" over this many octaves"))
    panels[0].set_xlabel("binades below $\\alpha$")
    panels[-1].set_xlabel("binades from $\\alpha$ down")
    panels[0].set_ylabel("error / $x$")
    panels[0].set_yscale("log", base=2)
    legend(page, panels, 5)
    return page


def cann(records: Records) -> Figure:
    """Draw the worst error of CANN's splits beside the paper's bound, from afar and near it."""
    page = figure(PAGE, 2.5)
    panels = page.subplots(1, 2, sharey=True)
    variants = values(records, "variant")
    for axes in panels:
        for place, variant in enumerate(variants):
            _variant(axes, only(records, variant=variant), place)
        axes.axvline(1, linestyle="--", color=BLACK, linewidth=0.9)
        axes.set_xlabel("worst error / ($M$/64516)")
    panels[0].set_xscale("log", base=2)
    panels[0].xaxis.set_major_formatter("{x:g}")
    panels[1].set_xlim(0.99, 1.022)
    panels[0].set_title("all variants")
    panels[1].set_title("near the bound")
    panels[0].set_yticks(range(len(variants)), [v.replace("_", " ") for v in variants])
    panels[0].invert_yaxis()
    legend(page, panels, 3)
    return page


SOURCES = {
    "False": Mark(GREY, "o", "none", filled=False),
    "True": Mark(VERMILLION, "D", "none"),
}


def _variant(axes: Axes, rows: Records, place: int) -> None:
    for row in sorted(rows, key=lambda row: row["as_in_source"]):
        source = row["as_in_source"]
        label = "as in the source" if source == "True" else "other division or fusion"
        curve(axes, numbers([row], "over_paper"), [place], SOURCES[source], label)


MEASURES = {
    "worst_bits": ("pareto_worst", "worst-case bits"),
    "rms_bits": ("pareto_rms", "RMS bits"),
}
"""Bits with the column that says what is on their Pareto front, and the label."""

TERMS = {"1": "one pass", "2": "two passes", "3": "three passes"}


def design_space(records: Records) -> Figure:
    """Draw bits against cost for every design, the Pareto front and the paper's designs."""
    machines = values(records, "machine")
    page = figure(PAGE, 4.2)
    panels = page.subplots(len(MEASURES), len(machines), sharex="col", sharey="row", squeeze=False)
    for row, (column, (front, label)) in zip(panels, MEASURES.items(), strict=True):
        for axes, machine in zip(row, machines, strict=True):
            _designs(axes, only(records, machine=machine), column, front)
            _absent(axes, only(records, machine=machine), values(records, "point"))
        row[0].set_ylabel(label)
    for axes, machine in zip(panels[0], machines, strict=True):
        axes.set_title(machine)
    for axes in panels[-1]:
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
    panels[-1][len(machines) // 2].set_xlabel("time of the matrix unit / that of one BF16 pass")
    legend(page, panels.flat, 4)
    return page


def _absent(axes: Axes, rows: Records, points: list[str]) -> None:
    """Name the designs of the paper that the machine has no known rate for."""
    absent = [point for point in points if point not in values(rows, "point")]
    if absent:
        axes.text(
            0.04, 0.98, "\n".join(["no rate for", *absent]), transform=axes.transAxes, va="top",
            color=GREY, fontsize=7,
        )  # fmt: skip


def _designs(axes: Axes, rows: Records, column: str, front: str) -> None:
    """Draw the cloud, the front as a staircase and the paper's designs with their names."""
    for terms, marker in zip(TERMS, "os^", strict=True):
        cloud = [row for row in rows if row["terms"] == terms]
        mark = Mark(GREY, marker, "none", filled=False)
        curve(axes, numbers(cloud, "cost"), numbers(cloud, column), mark, TERMS[terms])
    best = sorted(only(rows, **{front: "True"}), key=lambda row: float(row["cost"]))
    x, y = numbers(best, "cost"), numbers(best, column)
    axes.step(x, y, where="post", color=BLACK, label="Pareto front")
    for row in rows:
        if row["point"]:
            mark = replace(MARKS[row["point"]], line="none")
            curve(axes, numbers([row], "cost"), numbers([row], column), mark, row["point"])

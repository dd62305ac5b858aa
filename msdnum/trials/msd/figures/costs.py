"""Figures of the cost models: latency, traffic, where MSD pays, and which assumption matters."""

from collections.abc import Mapping
from dataclasses import replace

from msdnum.experiments.plots import (
    BLACK,
    BLUE,
    COLUMN,
    GREY,
    ORANGE,
    PAGE,
    SKY,
    YELLOW,
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

__all__ = ["batch", "crossovers", "length", "roofline", "sensitivity", "traffic"]

SHOWN = (
    ("Ascend 910B2", "INT8 x2"),
    ("H100 SXM", "INT8 x2"),
    ("Ascend 950PR", "MXFP4 x2"),
    ("B200", "MXFP4 x2"),
)
"""Machines with a setting that they have units for, two of each kind."""

ROUTES = {"HBM": "through HBM", "ON_CHIP": "on chip"}
"""How data goes between the vector and the matrix unit: filled and hollow markers."""

METHODS = {"dequantize": Mark(ORANGE, "D"), "MSD": Mark(BLUE, "s")}
TIMES = ("baseline_us", "msd_us")

READS = {"PER_PASS": "one read a pass", "ONCE": "one read"}


def batch(records: Records) -> Figure:
    """Draw latency and traffic of a layer against its rows."""
    return _against(records, "m", "rows $m$")


def length(records: Records) -> Figure:
    """Draw latency and traffic of attention against the length of the cache."""
    return _against(records, "length", "cache length (tokens)")


def _against(records: Records, column: str, label: str) -> Figure:
    page = figure(PAGE, 3.8)
    panels = page.subplots(2, len(SHOWN), sharex=True, sharey="row")
    for (machine, setting), (top, bottom) in zip(SHOWN, panels.T, strict=True):
        rows = only(records, machine=machine, setting=setting, fill="pipelined")
        top.set_title(f"{machine}, {setting}")
        _latencies(top, rows, column)
        _traffic_ratios(bottom, rows, column)
        bottom.set_xlabel(label)
    panels[0, 0].set_ylabel("latency (µs)")
    panels[1, 0].set_ylabel("traffic, baseline / MSD")
    legend(page, panels[:, 0], 2)
    return page


def _latencies(axes: Axes, rows: Records, column: str) -> None:
    for route, words in ROUTES.items():
        filled = route == "HBM"
        line = only(rows, route=route, reads="PER_PASS")
        x = numbers(line, column)
        for column_us, (method, mark) in zip(TIMES, METHODS.items(), strict=True):
            shown = replace(mark, filled=filled)
            curve(axes, x, numbers(line, column_us), shown, f"{method} {words}")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")


def _traffic_ratios(axes: Axes, rows: Records, column: str) -> None:
    for route, words in ROUTES.items():
        for reads, marker in zip(READS, "s^", strict=True):
            line = only(rows, route=route, reads=reads)
            mark = Mark(BLACK, marker, filled=route == "HBM")
            label = f"traffic ratio {words}, {READS[reads]}"
            curve(axes, numbers(line, column), numbers(line, "traffic_ratio"), mark, label)
    axes.axhline(1, color=GREY, linewidth=0.8)
    axes.set_yscale("log", base=2)


SOURCES = {
    "dequantize through HBM": ({"baseline_route": "HBM"}, "baseline_bits", ORANGE),
    "dequantize on chip": ({"baseline_route": "ON_CHIP"}, "baseline_bits", YELLOW),
    "MSD, one read a pass": ({"msd_reads": "PER_PASS"}, "msd_bits", BLUE),
    "MSD, one read": ({"msd_reads": "ONCE"}, "msd_bits", SKY),
}
"""Bars of a group: which rows, which column, which colour."""


def traffic(records: Records) -> Figure:
    """Draw HBM bits for each weight or element of the cache."""
    page = figure(COLUMN, 2.6)
    axes = page.subplots()
    settings = values(records, "setting")
    for place, (label, (cells, column, color)) in enumerate(SOURCES.items()):
        firsts = [only(records, setting=setting, **cells)[:1] for setting in settings]
        bits = [numbers(first, column)[0] for first in firsts]
        heights = [group + 0.2 * place for group in range(len(settings))]
        bars = axes.barh(heights, bits, 0.18, color=color, label=label)
        axes.bar_label(bars, fmt="{:g}", padding=2, fontsize=7)
    axes.set_yticks([group + 0.3 for group in range(len(settings))], settings)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set_xlabel("HBM traffic (bits / weight)")
    legend(page, [axes], 2)
    return page


STUDIES = {
    "rows": ("rows $m$ of a layer", (1, 2**14)),
    "length": ("cache length (tokens)", (1, 2**18)),
    "passes": ("passes", (0.5, 9.5)),
}
"""Axis and its ends, for each kind of crossing point."""


def crossovers(records: Records) -> Figure:
    """Draw for how many rows, tokens and passes MSD is strictly faster, by machine."""
    page = figure(PAGE, 3.2)
    panels = page.subplots(1, len(STUDIES), sharey=True)
    rows = only(records, reads="PER_PASS", fill="pipelined")
    machines = list(dict.fromkeys((row["machine"], row["setting"]) for row in rows))
    for axes, (column, (label, ends)) in zip(panels, STUDIES.items(), strict=True):
        for place, (machine, setting) in enumerate(machines):
            for row in only(rows, machine=machine, setting=setting):
                _intervals(axes, place, row, column, ends)
        if column == "passes":
            axes.set_xticks(range(1, int(ends[1]) + 1))
        else:
            axes.set_xscale("log", base=2)
        axes.set_xlim(ends)
        axes.set_xlabel(label)
    panels[0].set_yticks(range(len(machines)), [", ".join(names) for names in machines])
    panels[0].invert_yaxis()
    legend(page, panels, 2)
    return page


def _intervals(
    axes: Axes, place: int, row: Mapping[str, str], column: str, ends: tuple[float, float]
) -> None:
    """Draw ``a to b and c to d`` as thick lines, or as a point for each whole number of passes."""
    through_hbm = row["route"] == "HBM"
    height, color = (place - 0.17, BLUE) if through_hbm else (place + 0.17, ORANGE)
    label = f"MSD is faster, data {ROUTES[row['route']]}"
    axes.plot([], [], color=color, linewidth=3, label=label)
    for interval in row[column].split(" and ") if row[column] != "never" else ():
        start, stop = map(float, interval.split(" to "))
        if column == "passes":
            passes = [n for n in range(1, int(ends[1]) + 1) if start < n < stop]
            axes.plot(passes, [height] * len(passes), "o", color=color, markersize=2.8)
            continue
        span = (max(start, ends[0]), min(stop, ends[1]))
        axes.plot(span, (height, height), color=color, linewidth=3, solid_capstyle="butt")


TORNADOES = (
    ("Ascend 910B2", "INT8 x2", "HBM"),
    ("H100 SXM", "INT8 x2", "ON_CHIP"),
    ("B200", "MXFP4 x2", "ON_CHIP"),
)

PARAMETERS = {
    "method.passes": "passes",
    "method.compute.bits": "bits of dequantized weight",
    "method.weight.bits": "bits of stored weight",
    "method.term.bits": "bits of a term",
    "method.work.dequantize": "operations to dequantize",
    "workload.m": "rows $m$",
    "workload.k": "depth $k$",
    "workload.n": "columns $n$",
    "workload.input_bits": "bits of an input",
    "workload.output_bits": "bits of an output",
    "efficiency.vector": "vector efficiency",
    "efficiency.bandwidth": "bandwidth efficiency",
    "efficiency.matrix": "matrix efficiency",
    "fill": "share not pipelined",
}
LONGEST = 6


def sensitivity(records: Records) -> Figure:
    """Draw what halving and doubling each assumption does to the speedup, as tornadoes."""
    page = figure(COLUMN, 4.2)
    panels = page.subplots(len(TORNADOES), 1, sharex=True)
    for axes, (machine, setting, route) in zip(panels, TORNADOES, strict=True):
        rows = only(records, machine=machine, setting=setting, route=route, fill="unpipelined")
        _tornado(axes, rows[:LONGEST])
        axes.set_title(f"{machine}, {setting}, {ROUTES[route]}")
    panels[-1].set_xscale("log", base=2)
    panels[-1].xaxis.set_major_formatter("{x:g}")
    panels[-1].set_xlabel("speedup, not pipelined")
    legend(page, panels, 2)
    return page


def _tornado(axes: Axes, rows: Records) -> None:
    centre = numbers(rows, "speedup")[0]
    names = [PARAMETERS.get(row["parameter"], row["parameter"]) for row in rows]
    for column, color in (("halved", SKY), ("doubled", BLUE)):
        lengths = [end - centre for end in numbers(rows, column)]
        axes.barh(names, lengths, 0.6, left=centre, color=color, label=f"assumption {column}")
    axes.axvline(centre, color=BLACK, linewidth=0.8)
    axes.axvline(1, color=GREY, linewidth=0.8)
    axes.invert_yaxis()
    axes.grid(visible=False)


ROOFS = (("Ascend 910B2", "INT8 x2", "HBM"), ("B200", "MXFP4 x2", "ON_CHIP"))
"""Machines with the way that data goes on them."""

LABELLED = {"1": "$m$ = 1", "32": "32"}
"""Rows that are written beside their points."""


def roofline(records: Records) -> Figure:
    """Draw a layer under the roof of its machine, baseline and MSD."""
    page = figure(PAGE, 2.6)
    panels = page.subplots(1, len(ROOFS))
    for axes, (machine, setting, route) in zip(panels, ROOFS, strict=True):
        for method, mark in METHODS.items():
            rows = only(records, machine=machine, setting=setting, route=route, method=method)
            _under_the_roof(axes, rows, replace(mark, line="none"), method)
        axes.loglog()
        axes.margins(0.2)
        axes.set_title(f"{machine}, {setting}, {ROUTES[route]}")
        axes.set_xlabel("intensity (operations / HBM byte)")
        axes.set_ylabel("operations / s")
    legend(page, panels, 4)
    return page


def _under_the_roof(axes: Axes, rows: Records, mark: Mark, method: str) -> None:
    """Draw the roof as a line, what of it is useful as points, and the rows of some points."""
    x, useful = numbers(rows, "intensity"), numbers(rows, "useful")
    roof = numbers(rows, "attainable")
    axes.plot(x, roof, color=mark.color, linewidth=0.8, label=f"{method}, attainable")
    ridge, peak = numbers(rows, "ridge")[0], max(roof)
    axes.axvline(ridge, color=mark.color, linewidth=0.6, linestyle=":")
    axes.annotate(
        f"ridge {ridge:.4g}, peak {peak:.3g}/s", (ridge, peak), (-3, 2), fontsize=6, ha="right",
        va="bottom", textcoords="offset points", color=mark.color,
    )  # fmt: skip
    curve(axes, x, useful, mark, f"{method}, useful")
    side = -1 if method == "dequantize" else 1
    for row, place in zip(rows, zip(x, useful, strict=True), strict=True):
        if row["m"] in LABELLED:
            axes.annotate(
                LABELLED[row["m"]], place, (5 * side, -3 * side), fontsize=7, va="center",
                ha="right" if side < 0 else "left", textcoords="offset points", color=mark.color,
            )  # fmt: skip

"""Plots and how they are saved: one style, one mark for each method, the same bytes.

The only importer of matplotlib. What draws here reads the rows of a table and computes nothing.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import Any, TypeAlias

from matplotlib import rc_context, rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

from msdnum import _files

__all__ = [
    "BLACK", "BLUE", "COLUMN", "GREEN", "GREY", "MARKS", "ORANGE", "PAGE", "PURPLE", "SKY",
    "VERMILLION", "YELLOW", "Axes", "Figure", "Mark", "Records", "bound", "curve", "figure",
    "legend", "named", "numbers", "only", "save", "spread", "style", "values",
]  # fmt: skip

SHORT, LONG = 5, 8
"""Decades of an axis with all ticks between two powers, and with some."""

Records: TypeAlias = Sequence[Mapping[str, str]]
"""Rows of a table as text: column names to cells."""

COLUMN, PAGE = 3.4, 7.0
"""Widths in inches: of one column of a paper, and of two."""

# Okabe and Ito's colours, which people tell apart whatever their colour vision.
BLACK, GREY = "#000000", "#999999"
ORANGE, SKY, GREEN, BLUE = "#E69F00", "#56B4E9", "#009E73", "#0072B2"
VERMILLION, PURPLE, YELLOW = "#D55E00", "#CC79A7", "#F0E442"

STYLE: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.4,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "xtick.minor.size": 1.5,
    "ytick.minor.size": 1.5,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "legend.borderaxespad": 0.2,
    "legend.labelspacing": 0.3,
    "legend.columnspacing": 1.2,
    "figure.constrained_layout.use": True,
    "figure.dpi": 200,
    "path.simplify": False,
    # Type 42, as publishers ask for.
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Mark:
    """How a method looks in every figure: its colour says the format, its marker the passes.

    Parameters
    ----------
    color : str
        As ``#RRGGBB``.
    marker : str
        As matplotlib names it.
    line : str
        As matplotlib names it; bounds are dashed, and nothing else is.
    filled : bool
        Whether the marker is. Only its outline is drawn where the legend says of what: the same
        method, otherwise.
    """

    color: str
    marker: str
    line: str = "-"
    filled: bool = True


MARKS = {
    "INT8 x1": Mark(BLUE, "o"),
    "INT8 x2": Mark(BLUE, "s"),
    "INT8 x3": Mark(BLUE, "^"),
    "INT4 x3": Mark(SKY, "^"),
    "MXFP4 x1": Mark(VERMILLION, "o"),
    "MXFP4 x2": Mark(VERMILLION, "s"),
    "MXFP4 x3": Mark(VERMILLION, "^"),
    "MXFP8 x1": Mark(GREEN, "o"),
    "MXFP8 x2": Mark(GREEN, "s"),
    "MXFP8 x3": Mark(GREEN, "^"),
    "weight in BF16": Mark(ORANGE, "D"),
    "scale after": Mark(PURPLE, "v"),
    "MXFP8 floor": Mark(GREEN, "<"),
    "MXFP8 ceil": Mark(GREEN, ">"),
    "float32": Mark(BLACK, "x"),
}
"""By the name that a legend gives it."""


@contextmanager
def style() -> Iterator[None]:
    """Draw in the house style, whatever style the user has set."""
    # The backend, which rc_context would not put back, has no part in saving a figure.
    defaults: dict[Any, Any] = {n: v for n, v in rcParamsDefault.items() if n != "backend"}
    with rc_context(defaults | STYLE):
        yield


def figure(width: float, height: float) -> Figure:
    """Return an empty figure; width and height in inches."""
    return Figure(figsize=(width, height))


def only(records: Records, **cells: str) -> Records:
    """Return the rows with these cells.

    Raises
    ------
    ValueError
        If there are none: a figure would be empty without a word.
    """
    found = [r for r in records if all(r.get(name) == cell for name, cell in cells.items())]
    if not found:
        raise ValueError(f"cells must be those of a row of the table, got {cells}")
    return found


def numbers(records: Records, column: str) -> list[float]:
    """Return a column as numbers."""
    return [float(record[column]) for record in records]


def values(records: Records, column: str) -> list[str]:
    """Return the different cells of a column, in the order in which they come."""
    return list(dict.fromkeys(record[column] for record in records))


def named(scheme: str) -> str:
    """Return the name of a scheme as a legend has it, INT8 x2 for INT8_X2."""
    return scheme.replace("_X", " x")


def curve(
    axes: Axes, x: Sequence[float], y: Sequence[float], mark: Mark, label: str | None = None
) -> None:
    """Draw measurements, joined by a line."""
    axes.plot(
        x, y, color=mark.color, linestyle=mark.line, marker=mark.marker, label=label,
        markerfacecolor=mark.color if mark.filled else "white",
    )  # fmt: skip


def spread(axes: Axes, records: Records, x: str, y: str, mark: Mark) -> None:
    """Draw from the least to the largest of all seeds, where the table has them."""
    if f"least_{y}" in records[0]:
        ends = numbers(records, f"least_{y}"), numbers(records, f"most_{y}")
        axes.vlines(numbers(records, x), *ends, color=mark.color, linewidth=2.2, alpha=0.45)


def bound(axes: Axes, x: Sequence[float], y: Sequence[float], mark: Mark) -> None:
    """Draw what was promised: dashed, in the colour of what it is promised of.

    A small marker of the same ends the line, so that lines of a colour can be told apart.
    """
    axes.plot(
        x, y, "--", color=mark.color, linewidth=0.9, marker=mark.marker, markevery=[len(x) - 1],
        markersize=2.2,
    )  # fmt: skip


def legend(figure: Figure, panels: Iterable[Axes], columns: int) -> None:
    """Put one legend under all panels, where it covers nothing; a name is there once."""
    shown: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            shown.setdefault(label, handle)
    if any(line.get_linestyle() == "--" for axes in figure.axes for line in axes.lines):
        shown["bound"] = Line2D([], [], linestyle="--", color=BLACK, linewidth=0.9)
    figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=columns)


def _letter(figure: Figure) -> None:
    """Write (a), (b) before the titles of panels, for people to name them."""
    panels = [axes for axes in figure.axes if axes.get_subplotspec() is not None]
    if len(panels) > 1:
        for letter, axes in zip("abcdefghijklmnopqrstuvwxyz", panels, strict=False):
            axes.set_title(f"({letter}) {axes.get_title()}".rstrip())


def _tick(axes: Axes) -> None:
    """Put minor ticks without numbers on logarithmic axes, and none on others."""
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        if axis.get_scale() == "log":
            transform: Any = axis.get_transform()
            base = transform.base
            axis.set_minor_locator(LogLocator(base, _between(base, limits), numticks=99))
            axis.set_minor_formatter(NullFormatter())
        else:
            axis.set_minor_locator(NullLocator())


def _between(base: float, limits: tuple[float, float]) -> tuple[int, ...]:
    """Return the multiples of powers that have a tick: of powers of 2, and a long axis, 1 alone."""
    decades = abs(log10(limits[1] / limits[0]))
    if base == 10 and decades <= LONG:
        return tuple(range(2, 10)) if decades <= SHORT else (1, 2, 5)
    return (1,)


def save(figure: Figure, stem: Path, source: str) -> tuple[Path, Path]:
    """Write a figure as PNG and PDF and return the paths.

    Their metadata says what they were drawn from, and no date, so that the bytes stay the same.
    The layout is found once, where matplotlib would find it four times.
    """
    _letter(figure)
    for axes in figure.axes:
        _tick(axes)
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
        figure.set_layout_engine("none")
    undated = dict.fromkeys(("CreationDate", "Creator", "Producer"))
    metadata = {
        "png": {"Software": None, "Source": source},
        "pdf": {**undated, "Subject": source},
    }
    drawn = {kind: io.BytesIO() for kind in metadata}
    for kind, file in drawn.items():
        figure.savefig(file, format=kind, metadata=metadata[kind])
    png, pdf = stem.with_suffix(".png"), stem.with_suffix(".pdf")
    _files.write_bytes(png, drawn["png"].getvalue())
    _files.write_bytes(pdf, drawn["pdf"].getvalue())
    return png, pdf

"""The figures of the trial, each from the table of its name."""

from collections.abc import Callable

from msdnum.experiments.plots import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
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
    numbers,
    only,
)

__all__ = ["DRAWINGS"]

SIDES = (("normal", "normal"), ("uniform on [0, 1]", "uniform on [0, 1]"))
COLOURS = (VERMILLION, GREY, BLUE, SKY, PURPLE, ORANGE, GREEN)
MARKERS = "osD^v<>"


def _sides(records: Records, height: float) -> tuple[Figure, list[tuple[Axes, Records]]]:
    """Return a page with a side for each input."""
    page = figure(PAGE, height)
    axes = page.subplots(1, 2, sharey=True)
    sides = []
    for side, (name, title) in zip(axes, SIDES, strict=True):
        side.set_title(title)
        side.set_yscale("log")
        side.set_xscale("log", base=2)
        sides.append((side, only(records, input=name)))
    return page, sides


def _definitions(records: Records) -> Figure:
    """Draw each definition against the size of the matrices, beside 2 %."""
    page, sides = _sides(records, 3.1)
    names = list(dict.fromkeys(record["definition"] for record in records))
    for axes, given in sides:
        for name, colour, marker in zip(names, COLOURS, MARKERS, strict=True):
            rows = only(given, definition=name)
            label = name if axes is sides[0][0] else None
            curve(axes, numbers(rows, "n"), numbers(rows, "error"), Mark(colour, marker), label)
        axes.axhline(0.02, color=BLACK, linewidth=0.7)
        axes.set_xlabel("n, rows and columns")
        axes.set_xticks([64, 128, 256, 512, 1024], ["64", "128", "256", "512", "1024"])
    sides[0][0].set_ylabel("relative error; the line is 2 %")
    legend(page, tuple(axes for axes, _ in sides), 2)
    return page


def _lengths(records: Records) -> Figure:
    """Draw the errors of each unit against the length of the sums."""
    page, sides = _sides(records, 2.6)
    names = list(dict.fromkeys(record["unit"] for record in records))
    for axes, given in sides:
        for name, colour, marker in zip(names, (VERMILLION, BLUE, GREEN, BLACK), "osDx",
                                        strict=True):  # fmt: skip
            rows = [row for row in only(given, unit=name) if float(row["rms"]) > 0]
            label = name if axes is sides[0][0] else None
            curve(axes, numbers(rows, "k"), numbers(rows, "rms"), Mark(colour, marker), label)
        axes.set_xlabel("K, products of a sum")
        axes.set_ylim(1e-8, 1)
        axes.set_xticks([32, 128, 512, 2048, 8192], ["32", "128", "512", "2048", "8192"])
    sides[0][0].set_ylabel("RMS of the error over RMS of C")
    legend(page, tuple(axes for axes, _ in sides), 4)
    return page


def _promotion(records: Records) -> Figure:
    """Draw what is guaranteed, what the worst known input does, and what random ones do."""
    page = figure(PAGE, 2.8)
    axes = page.subplots(1, 1)
    x = numbers(records, "interval")
    bound(axes, x, numbers(records, "bound"), Mark(BLACK, ""))
    for name, mark, label in (
        ("worst_known", Mark(VERMILLION, "o"), "worst input that is known"),
        ("largest_positive", Mark(BLUE, "s"), "largest, uniform on [0, 1]"),
        ("largest_signed", Mark(GREEN, "D"), "largest, normal"),
    ):
        curve(axes, x, numbers(records, name), mark, label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_xticks(x, [*(f"{v:g}" for v in x[:-1]), "never"])
    axes.set_xlabel("products between promotions, K = 4096")
    axes.set_ylabel("|error| / (|A||B|)")
    legend(page, (axes,), 4)
    return page


DRAWINGS: dict[str, Callable[[Records], Figure]] = {
    "deepseek_v3_definitions": _definitions,
    "deepseek_v3_lengths": _lengths,
    "deepseek_v3_promotion": _promotion,
}
"""By the name of their table."""

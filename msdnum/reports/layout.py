"""Layout of a report: sections of cells, and how a terminal and a notebook show them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from textwrap import wrap
from typing import Any

from msdnum.display import html
from msdnum.display.text import aligned, widths_of
from msdnum.errors import EFFECTIVE_BITS
from msdnum.reports.pages import Integrated, Measured, Worst

__all__ = ["html_page", "text"]

COSTS = (
    "Matrix time: of all passes, one BF16 pass being 1, on the fastest unit that takes the numbers "
    "as they are or exactly converted. us: so many rows by a weight of 4096 x 4096, at peak rates."
)
EXPECTED = (
    "Expected bits are of ratios of expectations, what samples tend to; a worst case, a median and "
    "a mean of logarithms are measured only."
)
WIDTH = 80
INDENT = 18


@dataclass(frozen=True)
class Section:
    """A table with a title: names and texts if it has no header, else columns."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(page: Any) -> Iterator[Section]:
    """Yield what a page has to show, in order."""
    yield Section("", (), tuple(_summary(page)))
    if page.ranges:
        sizes = ("range", "largest", "least normal", "least subnormal")
        yield Section("", sizes, tuple(map(_range_row, page.ranges)))
    if page.measured:
        for part in _in_parts(page.measured):
            yield _bits(part)
    if page.integrated:
        yield _expected_bits(page.integrated)
    if page.sums:
        columns = ("sum of k", "roundings", "unit roundoff", "bound / |a||b|", "bits")
        yield Section("", columns, tuple(map(_sum_row, page.sums)))
    if page.costs:
        yield _costs(page.costs)
    notes = (
        *page.notes,
        *([EXPECTED] if page.integrated else []),
        *([COSTS] if page.costs else []),
    )
    yield Section("notes", (), tuple(("", note) for note in notes))


def _summary(page: Any) -> Iterator[tuple[str, str]]:
    yield from page.facts.items()
    if page.worst is None:
        yield "worst case", "not searched"
    else:
        yield from _worst(page.worst)
    yield "bound", str(page.bound)
    if page.bound.theorem:
        yield "  evidence", f"theorem {page.bound.theorem}: {page.bound.proof}"
    if page.expected:
        e = page.expected
        yield "expected bits", f"{e.relative_bits:.3f} of RMS error/x, x log-uniform, top binade"
        yield "", f"{e.uniform_bits:.3f} of the uniform quantizer as noisy, x uniform"
        yield "  evidence", f"theorem {e.theorem}: {e.proof}"
    if page.storage:
        yield (
            "bits per element",
            f"{float(page.storage.bits_per_element):g} = {page.storage.formula}",
        )


def _worst(worst: Worst) -> Iterator[tuple[str, str]]:
    yield "worst case", str(worst).partition(" at ")[0]
    if worst.witness is not None:
        x = worst.values[worst.witness.element]
        block = f", amax {worst.values[0]:.9g}" if len(worst.values) > 1 else ""
        yield "  witness", f"{worst.witness}: x {x:.9g}{block}"
    yield "  evidence", str(worst.evidence)


def _range_row(found: Any) -> tuple[str, ...]:
    numbers = (found.largest, found.smallest_normal, found.smallest_subnormal)
    return (found.name, *map(_number, numbers))


def _number(x: Fraction | None) -> str:
    """Write a dyadic number: an odd number times a power of two where it would be long."""
    if x is None:
        return "none"
    if x.denominator <= 1024 and x.numerator < 10**6:
        return str(x)
    zeros = (x.numerator & -x.numerator).bit_length() - 1
    odd, exponent = x.numerator >> zeros, zeros - x.denominator.bit_length() + 1
    return f"2^{exponent}" if odd == 1 else f"{odd} x 2^{exponent}"


def _in_parts(measured: Sequence[Measured]) -> Iterator[Sequence[Measured]]:
    for start in range(0, len(measured), 6):
        yield measured[start : start + 6]


def _bits(measured: Sequence[Measured]) -> Section:
    seeds = sorted({m.seed for m in measured if m.seed is not None})
    seed = f", seed {', '.join(map(str, seeds))}" if seeds else ""
    sizes = " or ".join(f"{size:,}" for size in sorted({m.size for m in measured}))
    rows = [("SNR in dB", *(_two(m.snr_db) for m in measured))]
    rows += [(name, *(_two(m.effective_bits[name]) for m in measured)) for name in EFFECTIVE_BITS]
    header = ("", *(m.input for m in measured))
    return Section(f"measured bits on {sizes} numbers{seed}", header, tuple(rows))


def _expected_bits(found: Sequence[Integrated]) -> Section:
    rows = [("SNR in dB", *(_two(each.snr_db) for each in found))]
    names = found[0].effective_bits
    rows += [(name, *(_two(each.effective_bits[name]) for each in found)) for name in names]
    header = ("", *(each.input for each in found))
    return Section("expected bits, by integration over cells", header, tuple(rows))


def _two(bits: float) -> str:
    return f"{round(bits, 2) + 0.0:.2f}" if math.isfinite(bits) else str(bits)


def _sum_row(found: Any) -> tuple[str, ...]:
    if found.roundings is None:
        return f"{found.k:,}", "", "", "inf", "none"
    bound, u = float(found.bound), float(found.unit_roundoff)
    return f"{found.k:,}", str(found.roundings), f"{u:.3g}", f"{bound:.3g}", _two(found.bits)


def _costs(costs: Sequence[Any]) -> Section:
    names = next((tuple(c.seconds) for c in costs if c.seconds), ())
    each = [column for name in names for column in (f"{name}_us", "over_BF16")]
    header = ("cost", "unit", "matrix_time", *each) if names else ("cost", "unit")
    return Section("", header, tuple(_cost_row(c, len(header)) for c in costs))


def _cost_row(cost: Any, columns: int) -> tuple[str, ...]:
    if cost.matrix_time is None:
        return (cost.machine, "none", *[""] * (columns - 2))
    each = (
        cell
        for name, seconds in cost.seconds.items()
        for cell in (f"{float(seconds * 10**6):.4g}", f"{float(cost.over_bf16[name]):.3g}")
    )
    return (cost.machine, cost.unit, f"{float(cost.matrix_time):.3g}", *each)


# Text


def text(page: Any) -> str:
    """Return a page as aligned text of at most 80 columns."""
    heading = wrap(f"{page.name}, {page.kind}", WIDTH)
    parts = ["\n".join(_lines(section)) for section in sections(page)]
    return "\n\n".join(["\n".join(heading), *parts])


def _lines(section: Section) -> Iterator[str]:
    if section.title:
        yield from wrap(section.title, WIDTH)
    yield from _columns(section) if section.header else _paragraphs(section)


def _paragraphs(section: Section) -> Iterator[str]:
    for name, value in section.rows:
        indent = " " * (INDENT if name or not section.title else 2)
        first = f"{name:<{len(indent)}}"
        yield from wrap(value, WIDTH, initial_indent=first, subsequent_indent=indent) or [first]


def _columns(section: Section) -> Iterator[str]:
    """Yield a header whose words are one under the other, and rows: numbers to the right."""
    words = [name.replace("_", " ").split() for name in section.header]
    height = max(map(len, words))
    stacked = [[""] * (height - len(column)) + column for column in words]
    cells = [*zip(*stacked, strict=True), *section.rows]
    widths = widths_of(cells)
    yield from (aligned(row, widths).rstrip() for row in cells)


# HTML


def html_page(page: Any) -> html.Markup:
    """Return a page as tables."""
    title = html.Markup(f"{html.cell(page.name)} {html.small(page.kind)}")
    return html.Markup("".join(_table(section, title) for section in sections(page)))


def _table(section: Section, title: html.Markup) -> html.Markup:
    header = [name.replace("_", " ") for name in section.header]
    if header:
        return html.table(header, section.rows, section.title)
    rows = ((html.small(name.strip()), html.paragraph(value)) for name, value in section.rows)
    return html.table((), rows, section.title or title)

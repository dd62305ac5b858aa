"""The numbers of a format on a line, as a small SVG: each number a mark, subnormals apart."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, unique
from html import escape
from typing import Any

__all__ = ["Axis", "NumberLine", "number_line"]

WIDTH, HEIGHT, MARGIN = 720, 84, 24
LEGEND, BASE, LABELS = 14, 58, 75
"""Height of the text above, of the axis and of the labels."""

NORMAL, SUBNORMAL = "#3b7dc4", "#d9822b"
TALL, SHORT = 28, 18
MAX_BITS = 8
LINEAR_STEPS = 64
"""Steps of the finest spacing up to which a linear axis keeps the numbers apart."""
POWER_WIDTH = 26
"""Pixels of a label that is a power of two, its distance to the next included."""
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@unique
class Axis(Enum):
    """How a number line is laid out."""

    LINEAR = "both signs, distances as they are"
    LOG2 = "positive numbers, each binade as wide as the next"


@dataclass(frozen=True)
class NumberLine:
    """A drawing that notebooks show.

    Parameters
    ----------
    svg : str
        A whole SVG document. Text has the colour of what is around it.
    """

    svg: str

    def _repr_html_(self) -> str:
        return self.svg

    def _repr_svg_(self) -> str:
        # An image of its own has nothing around it: grey is readable on any background.
        return self.svg.replace("<svg ", '<svg color="#808080" ', 1)


def number_line(fmt: Any, axis: Axis | None = None) -> NumberLine:
    """Draw every number of a format.

    Parameters
    ----------
    fmt : ElementFormat
        Of at most 8 bits.
    axis : Axis, optional
        By default LINEAR for integers, and for floats of a few binades; else LOG2.

    Raises
    ------
    ValueError
        If the format is wider: its marks would be one bar.
    TypeError
        If ``axis`` is not an Axis.

    Examples
    --------
    >>> from msdnum.display import number_line
    >>> from msdnum.formats import E2M1
    >>> number_line(E2M1).svg[:4]
    '<svg'
    """
    if fmt.bits > MAX_BITS:
        raise ValueError(
            f"fmt must have at most {MAX_BITS} bits to be drawn, got {fmt.name} of {fmt.bits}"
        )
    if axis is None:
        axis = _default(fmt)
    if not isinstance(axis, Axis):
        raise TypeError(f"axis must be an Axis, got {type(axis).__name__}")
    return NumberLine((_linear if axis is Axis.LINEAR else _log2)(fmt, _numbers(fmt)))


def _numbers(fmt: Any) -> list[float]:
    """Return what values are rounded to, in order: a symmetric format does not use its least."""
    if _is_integer(fmt):
        return [i * fmt.eta for i in range(fmt.min_integer, fmt.max_integer + 1)]
    return sorted({v for v in fmt.values if math.isfinite(v)})


def _is_integer(fmt: Any) -> bool:
    return hasattr(fmt, "min_integer")


def _default(fmt: Any) -> Axis:
    few = fmt.max_finite <= LINEAR_STEPS * fmt.eta
    return Axis.LINEAR if few or _is_integer(fmt) else Axis.LOG2


def _linear(fmt: Any, numbers: Sequence[float]) -> str:
    low, high = numbers[0], numbers[-1]
    scale = (WIDTH - 2 * MARGIN) / (high - low)
    step = fmt.eta
    while step * scale < max(_width(x) for x in numbers if x % step == 0):
        step *= 2
    places = {x: MARGIN + (x - low) * scale for x in numbers}
    labels = [(places[x], f"{x:g}") for x in numbers if x % step == 0]
    return _drawing(fmt, places, labels)


def _width(x: float) -> int:
    """Return the pixels that a label takes, its distance to the next included."""
    return 2 + 6 * len(f"{x:g}")


def _log2(fmt: Any, numbers: Sequence[float]) -> str:
    positive = [x for x in numbers if x > 0]
    low, high = math.log2(positive[0]) - 0.5, math.log2(positive[-1]) + 0.5
    scale = (WIDTH - 2 * MARGIN) / (high - low)
    step = 1
    while step * scale < POWER_WIDTH:
        step *= 2
    exponents = range(math.ceil(low / step) * step, math.floor(high) + 1, step)
    labels = [(MARGIN + (k - low) * scale, _power(k)) for k in exponents]
    places = {x: MARGIN + (math.log2(x) - low) * scale for x in positive}
    return _drawing(fmt, places, labels)


def _drawing(fmt: Any, places: dict[float, float], labels: Sequence[tuple[float, str]]) -> str:
    """Put axis, marks, labels and legend together."""
    least = fmt.eta if _is_integer(fmt) else fmt.min_normal
    normal = [x for x in places if abs(x) >= least]
    subnormal = [x for x in places if 0 < abs(x) < least]
    kind = "normal" if subnormal else "numbers"
    first = _text(min(places)) if _is_integer(fmt) else _text(least)
    legend = f'<tspan font-weight="bold">{escape(fmt.name)}</tspan>'
    legend += _entry(NORMAL, f"{kind}, {first} to {_text(fmt.max_finite)}")
    legend += _entry(SUBNORMAL, f"subnormal, from {_text(fmt.eta)}") if subnormal else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'style="max-width:100%" role="img" font-family="sans-serif" font-size="11" '
        f'fill="currentColor"><title>Numbers of {escape(fmt.name)}</title>'
        f'<text x="{MARGIN}" y="{LEGEND}">{legend}</text>'
        f'<path stroke="currentColor" d="M0 {BASE}H{WIDTH}"/>'
        + _marks(NORMAL, TALL, (places[x] for x in normal))
        + _marks(SUBNORMAL, SHORT, (places[x] for x in subnormal))
        + _marks("currentColor", TALL, (places[x] for x in places if x == 0))
        + _marks("currentColor", -4, (x for x, _ in labels))
        + "".join(f'<text x="{x:.1f}" y="{LABELS}" text-anchor="middle">{t}</text>'
                  for x, t in labels)
        + "</svg>"
    )  # fmt: skip


def _marks(colour: str, height: int, places: Iterable[float]) -> str:
    path = "".join(f"M{x:.1f} {BASE}v{-height}" for x in places)
    return f'<path stroke="{colour}" stroke-width="1.5" d="{path}"/>'


def _entry(colour: str, text: str) -> str:
    return f'<tspan dx="18" fill="{colour}">&#9632;</tspan><tspan dx="4">{text}</tspan>'


def _text(x: float) -> str:
    """Write a number, as a power of two where that is shorter."""
    significand, exponent = math.frexp(x)
    short = significand != 0.5 or -3 <= exponent <= 14
    return f"{x:g}" if short else _power(exponent - 1)


def _power(exponent: int) -> str:
    return f"2{str(exponent).translate(SUPERSCRIPTS)}"

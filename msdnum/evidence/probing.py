"""Probes: what unit is behind a product, found from chosen inputs, and which presets it fits."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.evidence.addition_orders import AdditionOrder, order_of
from msdnum.evidence.black_boxes import BlackBox, Question, box_of_accumulator, box_of_function
from msdnum.evidence.products_of_powers import powers_of
from msdnum.evidence.unit_batteries import BATTERIES, batteries
from msdnum.evidence.unit_features import Features, features_of
from msdnum.formats.accumulators import ALL_ACCUMULATORS, FMA32, INSTRUCTIONS, AnyAccumulator
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import BF16, ElementFormat, FloatFormat, IntegerFormat

__all__ = ["LENGTH", "Fit", "Probe", "probe", "probed"]

Floats: TypeAlias = NDArray[np.float64]
LENGTH = 160
"""k of the products that are asked for, if nothing else is said."""
TRIED_AGAIN = 400
"""Of the questions that found order and features, the last so many are put to presets, too."""


@dataclass(frozen=True)
class Fit:
    """How many of the answers a preset gives, bit for bit.

    Parameters
    ----------
    name : str
        Name in tables.
    equal, of : int
        Answers that are the same, and all that were compared: up to the first batch with another.
    """

    name: str
    equal: int
    of: int

    @property
    def fits(self) -> bool:
        """Whether every answer is the same."""
        return self.equal == self.of


@dataclass(frozen=True)
class Probe:
    """What was found of a product from outside.

    Parameters
    ----------
    name, format : str
        What was asked, and of which elements.
    order : AdditionOrder
        The order of addition.
    features : Features
        What is kept, and how it is rounded.
    tried : tuple of Fit
        Presets that take the format, the best first.
    asked : int
        Inner products that were asked for.
    uniform : bool
        Whether all entries of a product were the same where their rows and columns were; what was
        found is that of the first.
    """

    name: str
    format: str
    order: AdditionOrder
    features: Features
    tried: tuple[Fit, ...]
    asked: int
    uniform: bool = True

    @property
    def fits(self) -> tuple[str, ...]:
        """Names of the presets that give every answer."""
        return tuple(fit.name for fit in self.tried if fit.fits)

    def lines(self) -> Iterator[str]:
        """Yield the page, a line a finding."""
        yield f"{self.name}, {self.format}, k = {self.order.length * self.order.slot}"
        for name, text in self._rows():
            yield f"{name:12}{text}"
        yield f"{'fits':12}{self._verdict()}"

    def _rows(self) -> Iterator[tuple[str, str]]:
        f = self.features
        yield "order", str(self.order)
        yield "c", f"{self.order.start}{_if(f.starts, '; subnormal: {}')}"
        if f.fraction_bits is not None:
            yield "alignment", self._alignment()
        if f.normalized is not None or f.rounded_products is not None:
            yield "products", self._products()
        if f.result_bits is not None:
            yield "sums", self._sums()
        found = {"elements": f.inputs, "results": f.results}
        said = [f"{name} {text}" for name, text in found.items() if text]
        if said:
            yield "subnormal", ", ".join(said)
        vanished = _if(f.vanished, "; a negative product below all numbers: {}")
        zero = _if(f.exponent_of_zero, "; counts as having the exponent {}")
        yield "zero", f"nothing but -0: {f.negative_zero}{vanished}{zero}"
        if f.overflow:
            yield "overflow", f.overflow
        if not self.uniform:
            yield "place", "this is the first entry; others of the product are not the same"

    def _alignment(self) -> str:
        f = self.features
        own = " by itself" if f.apart else ""
        others = _if(f.other_parts, "; of every other product {}")
        start = _if(f.start_alignment, "; of c {}")
        return (
            f"{f.fraction_bits} bits below the largest, each addend{own} rounded "
            f"{f.alignment}{others}{start}"
        )

    def _products(self) -> str:
        f = self.features
        if f.rounded_products is not None:
            return "rounded before they are added" if f.rounded_products else "exact when added"
        exponent = "1: normalized" if f.normalized else "0: not normalized"
        overflow = {"Inf": "; Inf where too large", "none": "; none is too large"}
        return f"1.5 * 1.5 has the exponent {exponent}{overflow.get(f.product_overflow or '', '')}"

    def _sums(self) -> str:
        f = self.features
        seen = _if(f.seen_beside_start, "; a tie with c is decided by bits down to {} below it")
        return f"{f.result_bits} fraction bits{_if(f.rounding, ', rounded {}')}{seen}"

    def _verdict(self) -> str:
        if self.fits:
            count = next(fit.of for fit in self.tried if fit.fits)
            return f"{', '.join(self.fits)}: all of {count:,} inner products"
        if not self.tried:
            return f"none: no preset takes {self.format}"
        best = self.tried[0]
        return f"none of {len(self.tried)} presets; the nearest, {best.name}, differs"

    def __str__(self) -> str:
        """Return the page."""
        return "\n".join(self.lines())

    def as_dict(self) -> dict[str, Any]:
        """Return what was found as plain data."""
        return {
            "name": self.name,
            "format": self.format,
            "order": str(self.order),
            "group": self.order.group,
            "c": self.order.start,
            **asdict(self.features),
            "uniform": self.uniform,
            "fits": list(self.fits),
            "asked": self.asked,
        }


def _if(found: Any, text: str) -> str:
    return "" if found is None else text.format(found)


def probe(
    product: Callable[..., Any],
    fmt: ElementFormat | BlockFormat = BF16,
    *,
    length: int = LENGTH,
    shape: tuple[int, int] = (16, 16),
    takes_c: bool = False,
    candidates: Iterable[AnyAccumulator] | None = None,
) -> Probe:
    """Find out how a product of matrices adds, rounds and aligns, and which presets it is.

    Parameters
    ----------
    product : callable
        ``product(a, b)`` of arrays (m, k) and (k, n), such as ``numpy.matmul``, or with
        ``takes_c`` ``product(a, b, c)``. The arrays are NumPy's, of the type of the format;
        with a block format they are `QuantizedArray`.
    fmt : ElementFormat or BlockFormat
        Format of the elements.
    length : int
        k of the products that are asked for: a longer one shows longer groups.
    shape : tuple of int
        m and n of the products, on which the order may depend; the first entry is probed.
    takes_c : bool
        Whether ``product`` has a third argument, float32 (m, n), that it starts from.
    candidates : iterable of Accumulator, optional
        Units to try; by default all presets.

    Returns
    -------
    Probe
        Printed, it is a page. What the format cannot show is left out.

    Raises
    ------
    TypeError
        If ``product`` cannot be called, or ``fmt`` is no format.
    ValueError
        If it is no product: 1 times 1 is not 1, or the result has not the shape of one.

    Notes
    -----
    Orders are found as FPRev finds them (arXiv 2411.00442). A unit that none of the presets is
    may still agree with one in all that was asked.

    Examples
    --------
    >>> from msdnum import accumulators, evidence, matmul
    >>> from msdnum.formats import BF16
    >>> def mine(a, b):
    ...     return matmul(a, b, accumulator=accumulators.AMPERE)
    >>> found = evidence.probe(mine, BF16, length=24, shape=(1, 1))
    >>> found.order.group, found.features.fraction_bits, found.fits
    (8, 24, ('TURING', 'AMPERE'))
    """
    if not callable(product):
        raise TypeError(f"product must be callable, got {product!r}")
    if not isinstance(fmt, FloatFormat | IntegerFormat | BlockFormat):
        raise TypeError(f"fmt must be an element format or a block format, got {fmt!r}")
    _check_length(length)
    box = box_of_function(product, fmt, _whole(length, fmt), shape=shape, takes_c=takes_c)
    return probed(box, candidates)


def _check_length(length: int) -> None:
    if not isinstance(length, int) or isinstance(length, bool) or length < 3:
        raise ValueError(f"length must be an int of at least 3, got {length!r}")


def _whole(length: int, fmt: ElementFormat | BlockFormat) -> int:
    """Return a length of whole blocks, of three elements at least."""
    size = fmt.block_size if isinstance(fmt, BlockFormat) else 1
    return max(-(-length // (size or 1)), 3) * (size or 1)


def probed(box: BlackBox, candidates: Iterable[AnyAccumulator] | None = None) -> Probe:
    """Return what is found of a black box.

    Raises
    ------
    ValueError
        If it is no product.
    """
    powers = powers_of(box)
    order = order_of(box, powers)
    features = features_of(powers, order)
    for a, b, c in batteries(box, powers.high):
        box.ask(a, b, c)
    units = _presets() if candidates is None else {unit.name: unit for unit in candidates}
    tried = [fit for unit in units.values() if (fit := _fit(box, unit)) is not None]
    tried.sort(key=lambda fit: (not fit.fits, -fit.of, -fit.equal))
    asked = sum(len(question.d) for question in box.asked)
    return Probe(box.name, box.fmt.name, order, features, tuple(tried), asked, box.uniform)


def _presets() -> Mapping[str, AnyAccumulator]:
    return {**ALL_ACCUMULATORS, **INSTRUCTIONS, FMA32.name: FMA32}


# ------------------------------------------------------------------------------------------------
# Presets
# ------------------------------------------------------------------------------------------------


def _fit(box: BlackBox, unit: AnyAccumulator) -> Fit | None:
    """Return how many answers a unit gives; None if it does not take what was asked."""
    try:
        other = box_of_accumulator(unit, box.fmt, box.length)
    except (ValueError, TypeError):
        return None
    if box.takes_c and not other.takes_c:
        return None
    equal = compared = 0
    for question in _to_try(box):
        same = _same(question, other)
        equal, compared = equal + int(same.sum()), compared + len(same)
        if not same.all():
            break
    return Fit(unit.name, equal, compared)


def _to_try(box: BlackBox) -> Iterator[Question]:
    """Yield the families of numbers, then as many of the other questions."""
    families = box.asked[-len(BATTERIES) :]
    yield from families
    left = TRIED_AGAIN
    for question in reversed(box.asked[: -len(BATTERIES)]):
        if left <= 0:
            break
        left -= len(question.d)
        yield question


def _same(question: Question, other: BlackBox) -> NDArray[np.bool_]:
    c = question.c
    if c is None and other.takes_c:
        c = np.zeros(len(question.a))
    found = other.ask(question.a, question.b, c)
    equal = (found == question.d) & (np.signbit(found) == np.signbit(question.d))
    same: NDArray[np.bool_] = equal | (np.isnan(found) & np.isnan(question.d))
    return same

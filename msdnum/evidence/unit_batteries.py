"""Families of numbers on which presets are tried beside a black box."""

import math
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.blocks import quantize
from msdnum.evidence.black_boxes import BlackBox
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import ElementFormat, FloatFormat, IntegerFormat

__all__ = ["BATTERIES", "batteries"]

Floats: TypeAlias = NDArray[np.float64]
ROWS = 48
"""Inner products of each family."""


def batteries(box: BlackBox, high: int) -> Iterator[tuple[Floats, Floats, Floats | None]]:
    """Yield rows of families of numbers: normal, mixed, cancelling, sparse, at the bottom."""
    rng = np.random.default_rng(box.length)
    for family in BATTERIES:
        a, b = (_in_format(family(rng, (ROWS, box.length), box.element), box) for _ in range(2))
        if family is _cancelling:
            b[:, 1::2] = b[:, : b.shape[1] // 2 * 2 : 2]
        yield a, b, _start(rng, a, b, high) if box.takes_c else None


def _normal(rng: np.random.Generator, shape: tuple[int, int], _: ElementFormat) -> Floats:
    return rng.standard_normal(shape)


def _mixed(rng: np.random.Generator, shape: tuple[int, int], fmt: ElementFormat) -> Floats:
    low, high = _span(fmt)
    return np.ldexp(rng.uniform(-2, 2, shape), rng.integers(low, high, shape))


def _cancelling(rng: np.random.Generator, shape: tuple[int, int], fmt: ElementFormat) -> Floats:
    x = _mixed(rng, shape, fmt)
    cancels = rng.random(x[:, 1::2].shape) < 0.8
    x[:, 1::2] = np.where(cancels, -x[:, : shape[1] // 2 * 2 : 2], x[:, 1::2])
    return x


def _sparse(rng: np.random.Generator, shape: tuple[int, int], fmt: ElementFormat) -> Floats:
    return np.where(
        rng.random(shape) < 0.9, rng.choice([0.0, -0.0], shape), _mixed(rng, shape, fmt)
    )


def _bottom(rng: np.random.Generator, shape: tuple[int, int], fmt: ElementFormat) -> Floats:
    low = max(fmt.emin, -76) if isinstance(fmt, FloatFormat) else 0
    return np.ldexp(rng.uniform(-2, 2, shape), rng.integers(low - 2, low + 4, shape))


def _span(fmt: ElementFormat) -> tuple[int, int]:
    if not isinstance(fmt, FloatFormat):
        return 0, max(fmt.bits - 2, 1)
    return max(fmt.emin - 1, -14), min(fmt.emax - 2, 12)


def _in_format(x: Floats, box: BlackBox) -> Floats:
    """Return the numbers of a format that are near."""
    if isinstance(box.fmt, BlockFormat):
        found: Floats = quantize(x.astype(np.float32), box.fmt).dequantize().astype(np.float64)
        return found
    element = box.element
    if isinstance(element, IntegerFormat):
        whole: Floats = np.clip(np.rint(x), element.min_integer, element.max_integer)
        return whole
    if not isinstance(element, FloatFormat):
        raise TypeError(f"box must take floats or integers, got {element.name}, a table of numbers")
    return _rounded(x, element)


def _rounded(x: Floats, fmt: FloatFormat) -> Floats:
    """Return the nearest numbers of a float format; it does not matter which of two."""
    exponent = np.maximum(np.frexp(x)[1] - 1, fmt.emin) - fmt.fraction_bits
    near = np.ldexp(np.rint(np.ldexp(x, -exponent)), exponent)
    found: Floats = np.clip(near, -fmt.max_finite, fmt.max_finite) + 0.0
    return found


def _start(rng: np.random.Generator, a: Floats, b: Floats, high: int) -> Floats:
    """Return a c for each row: about its sum, near its largest product, or anything."""
    products = a * b
    most = np.abs(products).max(axis=1) * np.exp2(rng.integers(-30, 30, len(a)))
    kinds = np.array([products.sum(axis=1), most, rng.standard_normal(len(a)), np.zeros(len(a))])
    c = kinds[rng.integers(0, len(kinds), len(a)), np.arange(len(a))]
    narrow = np.float16 if high <= 15 else np.float32
    limit = math.ldexp(1.0, min(high, 100))
    found: Floats = np.clip(c, -limit, limit).astype(narrow).astype(np.float64)
    return found


BATTERIES = (_normal, _mixed, _cancelling, _sparse, _bottom)

"""Units in a report: what they take, how often they round, and sums of products measured."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum.bounds.sums import NoGammaError
from msdnum.emulator.blocks import quantize
from msdnum.emulator.elements import round_to
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.evidence.format_worst_cases import what_it_holds
from msdnum.evidence.product_roundings import sum_roundings
from msdnum.formats.accumulators import AnyAccumulator
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E2M1,
    E4M3,
    E8M0,
    ELEMENT_FORMATS,
    FP16,
    INT8_SYMMETRIC,
    ElementFormat,
    IntegerFormat,
)
from msdnum.formats.modes import Overflow, ScaleRule
from msdnum.ledger.findings import Evidence
from msdnum.reports.inputs import Input, compared
from msdnum.reports.pages import Measured, Sum, Worst

__all__ = ["sums", "takes", "tried"]

Floats: TypeAlias = NDArray[np.float64]

LENGTHS = (32, 128, 1024, 8192, 65536)
PLAIN: dict[ElementFormat, Any] = {
    BF16: ml_dtypes.bfloat16, FP16: np.float16, BINARY32: np.float32,
}  # fmt: skip
TRIED = (BF16, E4M3, E2M1, INT8_SYMMETRIC)
ROWS, COLUMNS, LONGEST = 64, 16, 1024


def sums(unit: AnyAccumulator) -> Iterator[Sum]:
    """Yield the roundings of sums of more and more products."""
    for k in LENGTHS:
        try:
            found = sum_roundings(unit, k)
            yield Sum(k, found.roundings, found.unit_roundoff, found.gamma)
        except NoGammaError:
            yield Sum(k, None, None, math.inf)


def takes(unit: AnyAccumulator) -> tuple[str, ...]:
    """Return the named element formats for which a unit is defined."""
    return tuple(e.name for e in ELEMENT_FORMATS.values() if e != E8M0 and _is_taken(unit, e))


def _is_taken(unit: AnyAccumulator, element: ElementFormat) -> bool:
    x = np.ones((1, 32), np.float32)
    try:
        matmul(_factor(x, element), _turned(_factor(x, element)), accumulator=unit)
    except ValueError:
        return False
    return True


def _factor(x: Any, element: ElementFormat) -> Any:
    """Return numbers of a format: with a scale for 32 of them, or for a row of integers."""
    if element in PLAIN:
        rounded = round_to(x, element, overflow=Overflow.SATURATE)
        return rounded.astype(PLAIN[element])
    whole = isinstance(element, IntegerFormat) and not element.fraction_bits
    scale, size, rule = (BINARY32, None, ScaleRule.AMAX) if whole else (E8M0, 32, ScaleRule.CEIL)
    return quantize(x, BlockFormat(element.name, element, scale, size, rule))


def _turned(factor: Any) -> Any:
    return transposed(factor) if isinstance(factor, QuantizedArray) else factor.T.copy()


def _numbers(factor: Any) -> Floats:
    return what_it_holds(factor) if isinstance(factor, QuantizedArray) else factor.astype(float)


def tried(unit: AnyAccumulator, given: Input, seed: int) -> tuple[list[Measured], Worst | None]:
    """Multiply rows of an input by normal columns, in every format that is taken.

    The reference is the exact sum, rounded once to binary64. Returned too: the largest error over
    the sum of magnitudes.
    """
    x = _rows(given.x)
    w = np.random.default_rng((seed, 1)).standard_normal((COLUMNS, x.shape[1])).astype(np.float32)
    found, worst, count = [], 0.0, 0
    for element in (e for e in TRIED if _is_taken(unit, e)):
        a, b = _factor(x, element), _factor(w, element)
        result = np.asarray(matmul(a, _turned(b), accumulator=unit)).astype(np.float64)
        exact, size = _exact(_numbers(a), _numbers(b))
        error = np.abs(result - exact) / np.where(size == 0, 1, size)
        worst, count = max(worst, float(error.max())), count + exact.size
        named = replace(given, name=f"{given.name} {element.name}")
        found.append(compared(named, exact, result))
    if not found:
        return [], None
    evidence = Evidence("sampled", count, f"sums of {x.shape[1]} products", seed)
    return found, Worst(worst, "|a||b|", None, evidence)


def _rows(x: NDArray[Any]) -> NDArray[Any]:
    """Return an input as rows of at most 1,024, without what is left over."""
    length = min(LONGEST, x.size)
    return x.reshape(-1)[: x.size // length * length].reshape(-1, length)[:ROWS]


def _exact(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return exact sums, rounded once, and sums of magnitudes: each product fits binary64."""
    products = a[:, np.newaxis, :] * b[np.newaxis, :, :]
    exact = np.array([[math.fsum(cell) for cell in row] for row in products.tolist()])
    return exact, np.abs(products).sum(axis=-1)

"""Products measured: errors against the exact product, each beside its bound."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum import errors
from msdnum.bounds.sums import Accumulation
from msdnum.display import html
from msdnum.display.text import one_line
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.gemm.checks import is_inside
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.machine_modes import flushes_subnormals
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.emulator.zero_points import AsymmetricArray
from msdnum.evidence.product_bounds import Right, exact_values, has_outside_scale, theorem_gemm
from msdnum.evidence.product_roundings import accumulation
from msdnum.formats.accumulators import SEQUENTIAL, AnyAccumulator
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import E8M0, IntegerFormat
from msdnum.formats.schemes import Scheme

__all__ = [
    "Errors", "Float32Array", "Float64Array", "Product", "ProductMethod", "ProductResult",
    "decomposed", "errors_of", "float32_reference", "roundings",
]  # fmt: skip

Float32Array: TypeAlias = NDArray[np.float32]


Float64Array: TypeAlias = NDArray[np.float64]


Weight: TypeAlias = QuantizedArray | AsymmetricArray


PRODUCTS = 1 << 16
"""Products that are added at a time: they stay in the cache."""


@dataclass(frozen=True, eq=False)
class Product(html.Shown):
    """Activations, quantized weights, and their exact product.

    Parameters
    ----------
    x : ndarray of float32
        BF16 values, (m, k).
    weight : QuantizedArray or AsymmetricArray
        (k, n).
    values : ndarray of float64
        What the weight stands for, nothing rounded.
    product : ndarray of float64
        ``x @ values``, correctly rounded.
    magnitude : ndarray of float64
        ``|x| @ |values|``.
    reference : ndarray of float32
        The product in binary32, one addition after the other, of weights rounded to binary32.
    """

    x: Float32Array
    weight: Weight
    values: Float64Array
    product: Float64Array
    magnitude: Float64Array
    reference: Float32Array

    __repr__ = one_line

    @classmethod
    def of(
        cls, x: Float32Array, weight: Weight, on: Callable[[Any], Any] = lambda v: v
    ) -> "Product":
        """Multiply exactly; ``on`` moves arrays to the backend of the emulated reference."""
        from msdnum import exact

        values = exact_values(weight)
        product = exact.product(x, values).to_float64()
        magnitude = np.abs(x).astype(np.float64) @ np.abs(values)
        return cls(x, weight, values, product, magnitude, float32_reference(x, values, on))

    @property
    def format(self) -> BlockFormat:
        """Format of the weight."""
        weight = self.weight
        return (weight.quantized if isinstance(weight, AsymmetricArray) else weight).format

    @property
    def integers(self) -> bool:
        """Whether the weight is of integers with scales outside."""
        return not is_inside(self.format) and isinstance(self.format.element, IntegerFormat)

    @property
    def scalings(self) -> int:
        """How often a sum is multiplied by a scale of the weight."""
        return int(has_outside_scale(self.format))

    @property
    def segment(self) -> int:
        """Length of k over which scales outside do not change."""
        size = None if is_inside(self.format) else self.format.block_size
        return size or self.x.shape[1]


def float32_reference(
    x: Float32Array, values: Float64Array, on: Callable[[Any], Any]
) -> Float32Array:
    """Return the product as the paper's reference has it: all in binary32, k in order."""
    a, b = on(x), on(values.astype(np.float32))
    if isinstance(a, np.ndarray) and not flushes_subnormals():
        return _in_order(a.astype(np.float32), b)
    return np.asarray(matmul(a, b, accumulator=SEQUENTIAL))


def _in_order(a: Float32Array, b: Float32Array) -> Float32Array:
    """Return ``a @ b``, one addition after the other, as NumPy accumulates by definition."""
    total = np.zeros((len(a), b.shape[1]), np.float32)
    step = max(1, PRODUCTS // total.size)
    with np.errstate(all="ignore"):
        for start in range(0, len(b), step):
            k = slice(start, start + step)
            products = a[:, k, None] * b[k]
            products[:, 0] += total
            total = np.add.accumulate(products, axis=1)[:, -1]
    return total


@dataclass(frozen=True, eq=False)
class ProductResult(html.Shown):
    """A product as some method computes it, and the bound on the error of every entry."""

    product: Float32Array
    bound: Float64Array

    __repr__ = one_line


ProductMethod: TypeAlias = Callable[[Product, AnyAccumulator], ProductResult]


def _moved(on: Callable[[Any], Any] | None, value: Any) -> Any:
    return value if on is None else on(value)


def decomposed(scheme: Scheme, on: Callable[[Any], Any] | None = None) -> ProductMethod:
    """Return MSD: the terms of the activation by the weight as it is, results added in binary32.

    Integer sums are exact in int32 whatever the accumulator, unless it is of floats on purpose.
    """

    def method(given: Product, accumulator: AnyAccumulator) -> ProductResult:
        terms = decompose_terms(given.x, scheme)
        operands = _moved(on, terms), _moved(on, given.weight)
        c = np.asarray(matmul(*operands, accumulator=accumulator))
        adding = roundings(given, scheme, accumulator)
        return ProductResult(c, theorem_gemm(given.x, scheme, Right.of(given.weight), adding))

    return method


def roundings(given: Product, scheme: Scheme, accumulator: AnyAccumulator) -> Accumulation:
    """Return all roundings between the terms of MSD and its result."""
    outside = scheme.formats[0].scale != E8M0
    return accumulation(
        accumulator,
        given.x.shape[1],
        terms=scheme.terms,
        scalings=outside + given.scalings,
        segment=given.segment,
        inputs=int(scheme.divisors[-1] > 1),
    )


@dataclass(frozen=True)
class Errors(html.Shown):
    """Errors of a product, and in the same units their bounds.

    Parameters
    ----------
    componentwise, bound_componentwise : float
        Largest ``|error| / (|A||B|)``, entry by entry.
    normwise, bound_normwise : float
        Largest ``|error|`` over the largest of ``|A||B|``.
    l2, bound_l2 : float
        ``||error|| / ||AB||`` in the Frobenius norm, AB exact.
    l2_float32 : float
        The same against the float32 reference, as the paper measures; it has no bound here.
    ratio : float
        Largest error over bound of any entry.
    """

    componentwise: float
    bound_componentwise: float
    normwise: float
    bound_normwise: float
    l2: float
    bound_l2: float
    l2_float32: float
    ratio: float

    def __repr__(self) -> str:
        """Show it in a line, to four digits."""
        shown = ", ".join(f"{name} {value:.4g}" for name, value in vars(self).items())
        return f"<Errors: {shown}>"


def errors_of(given: Product, result: ProductResult) -> Errors:
    """Compare a product with the exact one.

    The exact product is rounded to binary64 here: 2**-53 of an entry, which the bound includes.

    Examples
    --------
    >>> from msdnum import BLOCK_FORMATS, SCHEMES, accumulators, quantize
    >>> from msdnum.evidence import Product, decomposed, errors_of
    >>> x = np.random.default_rng(0).standard_normal((4, 64)).astype(np.float32)
    >>> w = quantize(np.ones((64, 2), np.float32), BLOCK_FORMATS["MXFP4"], axis=0)
    >>> given = Product.of(x, w)
    >>> result = decomposed(SCHEMES["MXFP4_X2"])(given, accumulators.HOPPER)
    >>> errors_of(given, result).ratio < 1  # the error over its bound
    True
    """
    error = np.abs(result.product.astype(np.float64) - given.product)
    bound = result.bound + 2.0**-52 * np.abs(given.product)
    size = float(given.magnitude.max())
    norm = float(np.linalg.norm(given.product))
    return Errors(
        errors.backward_error_componentwise(given.product, result.product, given.magnitude),
        float((bound / np.where(given.magnitude == 0, 1, given.magnitude)).max()),
        errors.backward_error_normwise(given.product, result.product, given.magnitude),
        float(bound.max()) / size,
        errors.relative_l2(given.product, result.product),
        float(np.linalg.norm(bound)) / norm,
        errors.relative_l2(given.reference, result.product),
        float((error / np.where(bound == 0, 1, bound)).max()),
    )

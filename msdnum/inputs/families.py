"""Named input families, each with a stated property; any of them may be as hostile as it says."""

from collections.abc import Callable
from dataclasses import dataclass
from math import log2
from typing import Any

import ml_dtypes
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from msdnum._names import did_you_mean
from msdnum._registry import Registry
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E2M1,
    E4M3,
    INT8_SYMMETRIC,
    ElementFormat,
    FloatFormat,
)
from msdnum.inputs.minilm_checkpoint import MiniLM, minilm
from msdnum.inputs.tensors import load_tensor

__all__ = ["BLOCK", "FAMILIES", "Family", "MiniLM", "binade", "family", "load_tensor", "minilm"]

Array = NDArray[np.float32]
Float64 = NDArray[np.float64]
Shape = tuple[int, ...]
Draw = Callable[[Shape, Generator, FloatFormat], Float64]

BLOCK = 32
"""Consecutive elements of the last axis that the families built block by block treat as a block."""

_DTYPES: dict[FloatFormat, Any] = {BF16: ml_dtypes.bfloat16, BINARY32: np.float32}


@dataclass(frozen=True)
class Family:
    """A named distribution of inputs.

    Parameters
    ----------
    name : str
        Name in tables and messages.
    description : str
        What holds for every array of the family.
    draw : callable
        ``draw(shape, rng, fmt)`` gives float64 values, not yet rounded to ``fmt``.

    Examples
    --------
    >>> from msdnum.inputs import FAMILIES
    >>> FAMILIES["outlier_per_row"].generate((2, 4), rng=np.random.default_rng(0)).round(3)
    array([[ 2.730e-01, -4.610e-01,  1.800e+03, -9.690e-01],
           [ 6.250e-01,  8.240e-01,  1.024e+03,  4.590e-01]], dtype=float32)
    """

    name: str
    description: str
    draw: Draw

    def generate(self, shape: Shape, *, rng: Generator, fmt: FloatFormat = BF16) -> Array:
        """Return an array of the family.

        Parameters
        ----------
        shape : tuple of int
            Shape of the result; rows and blocks lie along the last axis.
        rng : numpy.random.Generator
            Source of randomness.
        fmt : FloatFormat
            BF16 or BINARY32: the values are rounded to it, to nearest, ties to even.

        Returns
        -------
        ndarray of float32
            Values of ``fmt``.

        Raises
        ------
        ValueError
            If the shape has no axis or no elements, or ``fmt`` is another format.
        TypeError
            If ``rng`` is not a NumPy generator.
        """
        if not shape or min(shape) < 1:
            raise ValueError(f"shape must have at least one axis and no empty one, got {shape}")
        if not isinstance(rng, Generator):
            raise TypeError(f"rng must be a numpy.random.Generator, got {type(rng).__name__}")
        if fmt not in _DTYPES:
            raise ValueError(f"fmt must be BF16 or BINARY32, got {fmt.name}")
        return _rounded(self.draw(shape, rng, fmt), fmt)


def family(name: str) -> Family:
    """Return the family of that name; ValueError, with all names, if there is none.

    Examples
    --------
    >>> from msdnum.inputs import family
    >>> family("outlier_per_block").description
    'uniform on [-1, 1] but for one element of each block in +-[1024, 2048)'
    """
    if name not in FAMILIES:
        near = did_you_mean(name, FAMILIES)
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {name!r}{near}")
    return FAMILIES[name]


def binade(k: int) -> Family:
    """Return the family whose elements lie in one binade below the covering alpha of their block.

    Parameters
    ----------
    k : int
        Elements have ``2**-(k+1) <= abs(x) / alpha < 2**-k``; 0 to 124.

    Returns
    -------
    Family
        The first element of each block is alpha = 1. The significands of the others are
        log-uniform between the smallest and the largest of the format.

    Raises
    ------
    ValueError
        If the binade is not one of normal numbers.

    Examples
    --------
    >>> from msdnum.inputs import binade
    >>> x = binade(3).generate((1, 32), rng=np.random.default_rng(0))
    >>> float(x[0, 0]), bool(((2.0**-4 <= abs(x[0, 1:])) & (abs(x[0, 1:]) < 2.0**-3)).all())
    (1.0, True)
    """
    if not 0 <= k <= 124:
        raise ValueError(f"k must be in 0..124, got {k}")

    def draw(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
        return _anchored(_one_binade(shape, rng, fmt) * 2.0 ** -(k + 1), 1.0)

    return Family(
        f"binade_{k}",
        f"first of each block 1 = alpha, the others log-uniform in alpha * [2^-{k + 1}, 2^-{k})",
        draw,
    )


def _rounded(x: Float64, fmt: FloatFormat) -> Array:
    """Round to float32, then to ``fmt``."""
    return x.astype(np.float32).astype(_DTYPES[fmt]).astype(np.float32)


def _signs(shape: Shape, rng: Generator) -> Float64:
    return rng.choice(np.array([-1.0, 1.0]), size=shape)


def _significands(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    """Log-uniform from 1 to the largest significand of ``fmt``: rounding stays in the binade."""
    return np.exp2(rng.uniform(0, log2(2 - 2 * fmt.unit_roundoff), shape))


def _anchored(x: Float64, anchor: float) -> Float64:
    """Put ``anchor`` first in every block."""
    x[..., ::BLOCK] = anchor
    return x


def _uniform(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    return rng.uniform(-1, 1, shape)


def _normal(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    return rng.standard_normal(shape)


def _laplace(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    return rng.laplace(size=shape)


def _student_t(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    return rng.standard_t(3, shape)


def _one_binade(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    return _signs(shape, rng) * _significands(shape, rng, fmt)


def _many_binades(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    return np.ldexp(_one_binade(shape, rng, fmt), rng.integers(-20, 20, shape))


def _outlier_per_block(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    x = _uniform(shape, rng, fmt)
    for start in range(0, shape[-1], BLOCK):
        x[..., start : start + BLOCK] = _with_outlier(x[..., start : start + BLOCK], rng, fmt)
    return x


def _outlier_per_row(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    return _with_outlier(_uniform(shape, rng, fmt), rng, fmt)


def _with_outlier(x: Float64, rng: Generator, fmt: FloatFormat) -> Float64:
    """Replace one element of every row."""
    place = rng.integers(0, x.shape[-1], (*x.shape[:-1], 1))
    np.put_along_axis(x, place, 1024 * _one_binade(place.shape, rng, fmt), axis=-1)
    return x


def _alternating(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    return _significands(shape, rng, fmt) * np.where(np.arange(shape[-1]) % 2, -1.0, 1.0)


def _all_equal(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    return np.broadcast_to(_normal((*shape[:-1], 1), rng, fmt), shape)


def _zeros(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    return np.copysign(0.0, _signs(shape, rng))


def _subnormals(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    return _signs(shape, rng) * rng.integers(1, 1 << fmt.fraction_bits, shape) * fmt.eta


def _near_overflow(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    return _one_binade(shape, rng, fmt) * 2.0**fmt.emax


def _amax(significand: Callable[[FloatFormat], float]) -> Draw:
    """Blocks whose amax, the first element, has a given significand and a random exponent."""

    def draw(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
        x = _anchored(_uniform(shape, rng, fmt) / 2, significand(fmt))
        exponents = rng.integers(-20, 20, -(-shape[-1] // BLOCK))
        scaled: Float64 = np.ldexp(x, np.repeat(exponents, BLOCK)[: shape[-1]])
        return scaled

    return draw


def _midpoints(element: ElementFormat) -> Draw:
    """Blocks of midpoints of ``element`` whose scale is 1 under every rule."""
    floating = isinstance(element, FloatFormat)
    anchor = 2.0**element.emax if floating else element.max_finite
    values = np.unique([value for value in element.values if abs(value) <= anchor])
    middles = (values[1:] + values[:-1]) / 2

    def draw(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
        return _anchored(rng.choice(middles, shape), anchor)

    return draw


def _ill_conditioned(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
    half = shape[-1] // 2
    x = np.zeros(shape)
    left, right = x[..., :half], x[..., half : 2 * half]
    left[...] = _rounded(_significands(left.shape, rng, fmt), fmt)
    right[...] = -left
    left[..., :1] = 1 + 2 * fmt.unit_roundoff
    right[..., :1] = -1
    return rng.permuted(x, axis=-1)


FAMILIES: Registry[Family] = Registry.of(
    "FAMILIES",
    (
        Family("uniform", "independent, uniform on [-1, 1]", _uniform),
        Family("normal", "independent, standard normal", _normal),
        Family("laplace", "independent, Laplace of scale 1", _laplace),
        Family("student_t", "independent, Student's t with 3 degrees of freedom", _student_t),
        Family("log_uniform", "magnitudes log-uniform on [1, 2)", _one_binade),
        Family("log_uniform_40", "magnitudes log-uniform on [2^-20, 2^20)", _many_binades),
        Family(
            "outlier_per_block",
            "uniform on [-1, 1] but for one element of each block in +-[1024, 2048)",
            _outlier_per_block,
        ),
        Family(
            "outlier_per_row",
            "uniform on [-1, 1] but for one element of each row in +-[1024, 2048)",
            _outlier_per_row,
        ),
        Family("alternating", "signs alternate, magnitudes log-uniform on [1, 2)", _alternating),
        Family("all_equal", "the elements of a row are one normal number", _all_equal),
        Family("zeros", "zeros of either sign", _zeros),
        Family("subnormals", "subnormal numbers of the format, none zero", _subnormals),
        Family("near_overflow", "magnitudes in the last binade of the format", _near_overflow),
        Family("amax_power", "first of each block, its amax, 2^e", _amax(lambda fmt: 1.0)),
        Family(
            "amax_below_power",
            "first of each block, its amax, the number before 2^e",
            _amax(lambda fmt: 1 - fmt.unit_roundoff),
        ),
        Family(
            "amax_above_power",
            "first of each block, its amax, the number after 2^e",
            _amax(lambda fmt: 1 + 2 * fmt.unit_roundoff),
        ),
        Family("midpoints_E2M1", "first of each block 4, then midpoints", _midpoints(E2M1)),
        Family("midpoints_E4M3", "first of each block 256, then midpoints", _midpoints(E4M3)),
        Family(
            "midpoints_INT8", "first of each block 127, then midpoints", _midpoints(INT8_SYMMETRIC)
        ),
        Family(
            "ill_conditioned",
            "the n > 1 elements of a row sum to 2^(1-p), their magnitudes to n - 1 or more",
            _ill_conditioned,
        ),
    ),
)

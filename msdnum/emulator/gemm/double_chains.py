"""Chains of FMAs in binary64: what matrix units compute of FP64, k in order, RNE."""

from fractions import Fraction
from math import copysign, inf, isfinite, isnan, nan

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.backend import check_array, is_jax
from msdnum.emulator.gemm.units.rounding import moved_to_odd

__all__ = ["DOUBLE_INSTRUCTIONS", "fma_matmul"]

Doubles = NDArray[np.float64]

DOUBLE_INSTRUCTIONS = (
    "mma.sync.m8n8k4.f64, sm_80; mma.sync.m16n8k4/k8/k16.f64, sm_90",
    "v_mfma_f64_*f64, gfx90a and gfx940",
)
"""What this is a model of: MMA-Sim 2.1.1 (arXiv 2511.10909v2). They take FP64 alone."""

LOW, HIGH = 2.0**-400, 2.0**400
"""Between these magnitudes no product, nor what is left of it, is subnormal or overflows."""
SPLITTER = 2.0**27 + 1


def fma_matmul(a: Doubles, b: Doubles, c: Doubles | None = None) -> Doubles:
    """Multiply float64 matrices by chains of FMAs: ``c = fl(c + a_k b_k)`` for k = 0, 1, ...

    Numbers of moderate exponents are computed in binary64 by error-free transformations and one
    rounding to odd; others one by one, in fractions. NumPy alone: JAX may contract what it is
    given.

    Parameters
    ----------
    a, b : ndarray of float64
        Shapes (m, k) and (k, n).
    c : ndarray of float64, optional
        Shape (m, n); in place of +0.

    Returns
    -------
    ndarray of float64
        Shape (m, n). Inf and NaN as IEEE 754 has them for every FMA; NaN is the quiet NaN.

    Raises
    ------
    TypeError
        If an operand is no NumPy array of float64: the instructions take no other format.
    ValueError
        If shapes do not match.

    Notes
    -----
    Source: Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms
    using rounding to odd", IEEE TC 57(4), 2008.

    Examples
    --------
    >>> from msdnum.emulator.gemm import fma_matmul
    >>> a = np.array([[1.0, 2.0**-53, 2.0**-53]])
    >>> fma_matmul(a, np.ones((3, 1))), fma_matmul(a[:, ::-1], np.ones((3, 1))) - 1
    (array([[1.]]), array([[2.22044605e-16]]))
    """
    for name, x in (("a", a), ("b", b), *([] if c is None else [("c", c)])):
        check_array(x, name, ("float64",))
        if is_jax(x):
            raise TypeError(f"{name} must be a NumPy array, got JAX: numpy.asarray makes one")
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(f"a and b must have shapes (m, k), (k, n), got {a.shape} and {b.shape}")
    shape = (a.shape[0], b.shape[1])
    if c is not None and c.shape != shape:
        raise ValueError(f"c must have the shape {shape} of the result, got {c.shape}")
    total = np.zeros(shape) if c is None else c.copy()
    moderate = all(_is_moderate(x) for x in (a, b, total))
    step = _fma if moderate else np.vectorize(_careful_fma, otypes=[np.float64])
    with np.errstate(all="ignore"):
        for k in range(a.shape[1]):
            total = step(a[:, k, None], b[k], total)
    return total


def _is_moderate(x: Doubles) -> bool:
    magnitude = np.abs(x)
    return bool(((x == 0) | ((magnitude >= LOW) & (magnitude <= HIGH))).all())


def _fma(a: Doubles, b: Doubles, c: Doubles) -> Doubles:
    """Return ``a * b + c``, rounded once."""
    product, below = _product(a, b)
    low, lowest = _sum(c, below)
    high, middle = _sum(product, low)
    odd, rest = _sum(lowest, middle)
    odd = moved_to_odd(odd, rest)
    # Of two zeros the sum has a sign that the sum of nothing but them does not.
    return np.where((high == 0) & (odd == 0), product + c, high + odd)


def _sum(x: Doubles, y: Doubles) -> tuple[Doubles, Doubles]:
    """Return the sum and what its rounding has left."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def _product(a: Doubles, b: Doubles) -> tuple[Doubles, Doubles]:
    """Return the product and what its rounding has left."""
    product = a * b
    (a1, a0), (b1, b0) = _halves(a), _halves(b)
    return product, ((a1 * b1 - product) + a1 * b0 + a0 * b1) + a0 * b0


def _halves(x: Doubles) -> tuple[Doubles, Doubles]:
    shifted = SPLITTER * x
    high = shifted - (shifted - x)
    return high, x - high


def _careful_fma(a: float, b: float, c: float) -> float:
    """Return the same of any numbers."""
    a, b, c = float(a), float(b), float(c)
    if not (isfinite(a) and isfinite(b)):
        c = a * b + c
    if not isfinite(c):
        return nan if isnan(c) else c
    exact = Fraction(a) * Fraction(b) + Fraction(c)
    if exact == 0:
        # Zeros have the sign that both have; what cancels is +0.
        product = copysign(0.0, a) * copysign(1.0, b)
        return product + c if a == 0 or b == 0 else 0.0
    try:
        return exact.numerator / exact.denominator
    except OverflowError:
        return inf if exact > 0 else -inf

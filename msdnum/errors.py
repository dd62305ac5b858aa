"""Errors of an approximation against its reference, and effective bits by every definition.

Pure functions of ``(reference, approximation)``, arrays of one shape that convert to float64.
Everywhere: 0/0 counts as no error, an error over a zero denominator is infinite, and so is the
error of an Inf or NaN in the approximation. The reference must be finite.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from msdnum._registry import Registry

__all__ = [
    "EFFECTIVE_BITS", "backward_error_componentwise", "backward_error_normwise",
    "bits_equivalent_uniform", "bits_log_relative_error", "bits_mean_relative",
    "bits_median_relative", "bits_rate_distortion", "bits_relative_l1", "bits_relative_l2",
    "bits_rms_over_amax", "bits_rms_relative", "bits_sine_enob", "bits_snr", "bits_worst_case_amax",
    "bits_worst_case_levels", "bits_worst_case_relative", "forward_error_componentwise",
    "forward_error_normwise", "relative_l2", "ulp_distance",
]  # fmt: skip

Floats = NDArray[np.float64]
EffectiveBits = Callable[[ArrayLike, ArrayLike], float]

DB_PER_BIT = 6.02
SINE_DB = 1.76


def _pair(reference: ArrayLike, approximation: ArrayLike) -> tuple[Floats, Floats]:
    """Return the reference and the magnitudes of the errors, both float64."""
    x = np.asarray(reference, np.float64)
    y = np.asarray(approximation, np.float64)
    if x.shape != y.shape:
        raise ValueError(f"approximation must have the shape {x.shape}, got {y.shape}")
    if x.size == 0:
        raise ValueError(f"reference must not be empty, got shape {x.shape}")
    if not np.isfinite(x).all():
        raise ValueError("reference must be finite, got Inf or NaN")
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(y - x)
    return x, np.where(np.isnan(error), np.inf, error)


def _denominator(bound: ArrayLike, shape: tuple[int, ...]) -> Floats:
    """Return ``|A||B|`` checked."""
    array = np.asarray(bound, np.float64)
    if array.shape != shape:
        raise ValueError(f"absolute_product must have the shape {shape}, got {array.shape}")
    if not (np.isfinite(array) & (array >= 0)).all():
        raise ValueError("absolute_product must be finite and nonnegative")
    return array


def _ratio(error: Floats, size: Floats) -> Floats:
    """Return error / size with 0/0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(error == 0, 0.0, error / size)


def _relative(reference: ArrayLike, approximation: ArrayLike) -> Floats:
    """Return |error| / |reference|, element by element."""
    x, error = _pair(reference, approximation)
    return _ratio(error, np.abs(x))


def _quotient(error: float, size: float) -> float:
    """Return error / size of two numbers with 0/0 = 0."""
    if error == 0:
        return 0.0
    return error / size if size else math.inf


def _rms(x: Floats) -> float:
    """Return the root mean square; scaled, so that no square over- or underflows."""
    amax = float(np.max(np.abs(x)))
    if amax == 0 or math.isinf(amax):
        return amax
    return amax * math.sqrt(float(np.mean((x / amax) ** 2)))


def _bits(ratio: float) -> float:
    """Return ``-log2(ratio)``: infinite without error, minus infinity for an infinite error."""
    return -math.log2(ratio) if ratio else math.inf


def forward_error_componentwise(reference: ArrayLike, approximation: ArrayLike) -> float:
    """Return ``max |x - y| / |x|``; the denominator is each element of the reference.

    Examples
    --------
    >>> from msdnum import errors
    >>> errors.forward_error_componentwise([1, 100], [1.5, 101])
    0.5
    """
    return float(np.max(_relative(reference, approximation)))


def forward_error_normwise(reference: ArrayLike, approximation: ArrayLike) -> float:
    """Return ``max |x - y| / max |x|``; the denominator is the largest reference.

    Examples
    --------
    >>> from msdnum import errors
    >>> errors.forward_error_normwise([1, 100], [1.5, 101])
    0.01
    """
    x, error = _pair(reference, approximation)
    return _quotient(float(error.max()), float(np.abs(x).max()))


def backward_error_componentwise(
    reference: ArrayLike, approximation: ArrayLike, absolute_product: ArrayLike
) -> float:
    """Return ``max |C - D| / (|A||B|)`` of a product C = AB and its approximation D.

    The denominator is ``absolute_product`` = ``|A||B|``, element by element: the smallest relative
    perturbation of the products ``a * b``, element by element of C, that explains D.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, section 3.5 and theorem 7.3.

    Examples
    --------
    >>> from msdnum import errors
    >>> errors.backward_error_componentwise([0.0], [1.0], absolute_product=[8.0])
    0.125
    """
    x, error = _pair(reference, approximation)
    return float(np.max(_ratio(error, _denominator(absolute_product, x.shape))))


def backward_error_normwise(
    reference: ArrayLike, approximation: ArrayLike, absolute_product: ArrayLike
) -> float:
    """Return ``max |C - D| / max (|A||B|)``; the denominator is the largest of ``|A||B|``.

    Examples
    --------
    >>> from msdnum import errors
    >>> errors.backward_error_normwise([0.0, 4.0], [1.0, 4.0], absolute_product=[2.0, 8.0])
    0.125
    """
    x, error = _pair(reference, approximation)
    size = _denominator(absolute_product, x.shape)
    return _quotient(float(error.max()), float(size.max()))


def relative_l2(reference: ArrayLike, approximation: ArrayLike) -> float:
    """Return ``||x - y|| / ||x||`` in the 2-norm (Frobenius norm) over all elements.

    Examples
    --------
    >>> from msdnum import errors
    >>> errors.relative_l2([3, 4], [3, 4.5])
    0.1
    """
    x, error = _pair(reference, approximation)
    return _quotient(_rms(error), _rms(x))


def ulp_distance(
    reference: ArrayLike, approximation: ArrayLike, *, precision: int = 24, emin: int = -126
) -> float:
    """Return the largest ``|x - y| / ulp(x)``, for binary32 unless told otherwise.

    ``ulp(x) = 2**(max(e, emin) - precision + 1)`` with ``2**e <= |x| < 2**(e + 1)``; in the
    subnormal range and for zero it is the spacing of the subnormal numbers.

    Examples
    --------
    >>> from msdnum import errors
    >>> errors.ulp_distance([1.0], [1 + 2.0**-22])
    2.0
    """
    if precision < 1:
        raise ValueError(f"precision must be positive, got {precision}")
    x, error = _pair(reference, approximation)
    exponent = np.where(x == 0, emin, np.frexp(x)[1] - 1)
    return float(np.max(np.ldexp(error, precision - 1 - np.maximum(exponent, emin))))


def bits_worst_case_amax(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``log2(amax / max error)``: the promise of the paper's C1, M / 64516, read as bits.

    Examples
    --------
    >>> from msdnum import errors
    >>> errors.bits_worst_case_amax([8.0, 1.0], [8.0, 1.5])
    4.0
    """
    return _bits(forward_error_normwise(reference, approximation))


def bits_worst_case_levels(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``log2(1 + amax / max error)``: the uniform quantizer on [-amax, amax] with that max error.

    Its ``2**bits`` levels, both ends included, lie twice the error apart.

    Examples
    --------
    >>> from msdnum import errors
    >>> errors.bits_worst_case_levels([7.5, 1.0], [7.5, 1.5])
    4.0
    """
    ratio = forward_error_normwise(reference, approximation)
    return math.log2(1 + 1 / ratio) if ratio else math.inf


def bits_worst_case_relative(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``-log2(max relative error)``: the precision p of the format with that unit roundoff.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, section 2.1; Cody 1973 calls the
    error the maximum relative representation error (MRRE).

    Examples
    --------
    >>> from msdnum import errors
    >>> errors.bits_worst_case_relative([8.0, 1.0], [8.0, 1.5])
    1.0
    """
    return _bits(forward_error_componentwise(reference, approximation))


def bits_rms_relative(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``-log2(RMS of the element-wise relative error)``: the quadratic mean, beside the ARRE.

    Examples
    --------
    >>> from msdnum import errors
    >>> errors.bits_rms_relative([1.0, 2.0], [1.25, 2.5])
    2.0
    """
    return _bits(_rms(_relative(reference, approximation)))


def bits_mean_relative(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``-log2(mean of the element-wise relative error)``: average representation error (ARRE).

    Source: McKeeman 1967 and Cody 1973, for a log-uniform input.
    """
    return _bits(float(np.mean(_relative(reference, approximation))))


def bits_median_relative(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``-log2(median of the element-wise relative error)``: what half of the elements reach."""
    return _bits(float(np.median(_relative(reference, approximation))))


def bits_log_relative_error(reference: ArrayLike, approximation: ArrayLike) -> float:
    """Mean of ``-log2(relative error)`` over the inexact elements: log relative error in bits.

    Source: McCullough 1998 (LRE, in decimal digits). Infinite when all elements are exact.
    """
    relative = _relative(reference, approximation)
    inexact = relative[relative != 0]
    return -float(np.mean(np.log2(inexact))) if inexact.size else math.inf


def bits_relative_l1(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``-log2(||error||_1 / ||reference||_1)``: the total error relative to the total magnitude."""
    x, error = _pair(reference, approximation)
    return _bits(_quotient(float(np.mean(error)), float(np.mean(np.abs(x)))))


def bits_relative_l2(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``-log2(||error||_2 / ||reference||_2)``: the relative L2 error of the paper's C7 as bits."""
    return _bits(relative_l2(reference, approximation))


def bits_rms_over_amax(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``log2(amax / RMS error)``: peak signal-to-noise ratio (PSNR) in steps of 20 log10(2) dB."""
    x, error = _pair(reference, approximation)
    return _bits(_quotient(_rms(error), float(np.abs(x).max())))


def bits_equivalent_uniform(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``log2(2 amax / (sqrt(12) RMS error))``: the uniform quantizer on [-amax, amax] as noisy.

    Source: ``step**2 / 12`` (Bennett 1948); IEEE 1241, ENOB from full-scale range and RMS noise.
    """
    return bits_rms_over_amax(reference, approximation) - math.log2(math.sqrt(12) / 2)


def bits_snr(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``SNR / 6.02`` with SNR in dB, ``20 log10(||reference|| / ||error||)``: 6.02 dB a bit.

    Examples
    --------
    >>> from msdnum import errors
    >>> errors.bits_snr([3.0, 4.0], [3.0, 4.625])
    3.000298960106125
    """
    ratio = relative_l2(reference, approximation)
    return -20 * math.log10(ratio) / DB_PER_BIT if ratio else math.inf


def bits_sine_enob(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``(SNR - 1.76) / 6.02`` with SNR in dB: ENOB as converters quote it for a full-scale sine."""
    return bits_snr(reference, approximation) - SINE_DB / DB_PER_BIT


def bits_rate_distortion(reference: ArrayLike, approximation: ArrayLike) -> float:
    """``log2(variance / MSE) / 2``: the rate of a Gaussian source of that variance and distortion.

    Source: Shannon 1959. A constant reference has no variance: minus infinity unless it is exact.

    Examples
    --------
    >>> from msdnum import errors
    >>> errors.bits_rate_distortion([1.0, -1.0], [1.25, -1.25])
    2.0
    """
    x, error = _pair(reference, approximation)
    return _bits(_quotient(_rms(error), _rms(x - np.mean(x))))


EFFECTIVE_BITS: Registry[EffectiveBits] = Registry("EFFECTIVE_BITS", {
    function.__name__.removeprefix("bits_"): function
    for function in (
        bits_worst_case_amax, bits_worst_case_levels, bits_worst_case_relative,
        bits_rms_relative, bits_mean_relative, bits_median_relative, bits_log_relative_error,
        bits_relative_l1, bits_relative_l2, bits_rms_over_amax, bits_equivalent_uniform,
        bits_snr, bits_sine_enob, bits_rate_distortion,
    )
})  # fmt: skip
"""Every definition by name; the first line of each docstring is its formula and convention."""

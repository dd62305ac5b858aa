"""Products of matrices over the rationals, by FLINT: nothing is rounded until asked."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from flint import fmpz_mat
from numpy.typing import ArrayLike, NDArray

from msdnum import spec
from msdnum.exact.spacings import check_rounding, limited, rounded_to_spacing
from msdnum.formats.elements import ElementFormat, TableFormat
from msdnum.formats.modes import Overflow, Rounding

__all__ = [
    "ExactMatrix", "FloatArray", "absolute_product", "condition_numbers", "finite_matrix",
    "product", "quotient",
]  # fmt: skip

FloatArray: TypeAlias = NDArray[np.float64]


Integers: TypeAlias = NDArray[np.int64]


LEADING_BITS = 61


@dataclass(frozen=True, eq=False)
class ExactMatrix:
    """A rational matrix, entry (i, j) being ``integers[i, j] * row_scales[i] * column_scales[j]``.

    Parameters
    ----------
    integers : flint.fmpz_mat
        An m by n integer matrix.
    row_scales, column_scales : tuple of Fraction
        Positive scales, m and n of them.

    Raises
    ------
    ValueError
        If their numbers do not fit the matrix, or one is not positive.
    """

    integers: fmpz_mat
    row_scales: tuple[Fraction, ...]
    column_scales: tuple[Fraction, ...]

    def __post_init__(self) -> None:
        """Refuse scales that do not fit."""
        if (len(self.row_scales), len(self.column_scales)) != self.shape:
            raise ValueError(
                f"row_scales and column_scales must number {self.shape}, "
                f"got {len(self.row_scales)} and {len(self.column_scales)}"
            )
        if min(self.row_scales + self.column_scales) <= 0:
            raise ValueError("row_scales and column_scales must be positive")

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of rows and columns."""
        return self.integers.nrows(), self.integers.ncols()

    def __getitem__(self, index: tuple[int, int]) -> Fraction:
        i, j = index
        return int(self.integers[i, j]) * self.row_scales[i] * self.column_scales[j]

    def fractions(self) -> Iterator[tuple[int, int]]:
        """Yield numerator and positive denominator, not reduced, of each entry, row by row."""
        integers = iter(self.integers.entries())
        columns = [scale.as_integer_ratio() for scale in self.column_scales]
        for row_scale in self.row_scales:
            p, q = row_scale.as_integer_ratio()
            for (r, s), integer in zip(columns, integers, strict=False):
                yield int(integer) * (p * r), q * s

    def to_float64(self) -> FloatArray:
        """Return the entries correctly rounded to binary64 (RNE, overflow to Inf)."""
        return self._array(quotient(n, d) for n, d in self.fractions())

    def _array(self, values: Iterator[float]) -> FloatArray:
        return np.fromiter(values, np.float64, math.prod(self.shape)).reshape(self.shape)

    def correctly_rounded(
        self, fmt: ElementFormat, *, overflow: Overflow, rounding: Rounding = Rounding.RNE
    ) -> NDArray[np.float32]:
        """Return the entries rounded once to a signed element format, as float32.

        Same semantics as `msdnum.spec.encode`, all at once. `to_float64` is the binary64 twin.

        Raises
        ------
        ValueError
            If the format has no sign or no zero (E8M0), has neither Inf nor NaN under OVERFLOW,
            or the rounding is STOCHASTIC.
        """
        if isinstance(fmt, TableFormat):
            return self._by_table(fmt, overflow, rounding)
        check_rounding(fmt, overflow, rounding)
        leading = np.fromiter(
            (part for n, d in self.fractions() for part in _leading_bits(n, d)),
            np.int64,
            2 * math.prod(self.shape),
        )
        significand, exponent = leading.reshape(*self.shape, 2).transpose(2, 0, 1)
        rounded = rounded_to_spacing(significand, exponent, fmt, rounding)
        return limited(rounded, fmt, overflow).astype(np.float32)

    def _by_table(
        self, fmt: TableFormat, overflow: Overflow, rounding: Rounding
    ) -> NDArray[np.float32]:
        """Round one entry after the other, as there is no spacing."""
        found = (
            fmt.value(spec.encode(Fraction(n, d), fmt, overflow=overflow, rounding=rounding))
            for n, d in self.fractions()
        )
        return self._array(found).astype(np.float32)

    def minus(self, approximation: ArrayLike) -> "ExactMatrix":
        """Return the exact error of a float matrix, ``self - approximation``.

        Its largest entry, correctly rounded, is ``abs(c.minus(approximation).to_float64()).max()``.
        """
        integers, exponents = _integers(finite_matrix(approximation, "approximation"))
        if np.shape(integers) != self.shape:
            raise ValueError(f"approximation must have shape {self.shape}, got {integers.shape}")
        rows = [2 ** max(-int(exponent), 0) for exponent in exponents]
        factors = [2 ** max(int(exponent), 0) for exponent in exponents]
        pairs = iter(self.fractions())
        columns = [scale.denominator for scale in self.column_scales]
        difference = []
        for i, scale in enumerate(self.row_scales):
            for j, column in enumerate(columns):
                numerator, _ = next(pairs)
                subtrahend = int(integers[i, j]) * factors[i] * scale.denominator * column
                difference.append(numerator * rows[i] - subtrahend)
        return ExactMatrix(
            fmpz_mat(*self.shape, difference),
            tuple(
                Fraction(1, scale.denominator * row)
                for scale, row in zip(self.row_scales, rows, strict=True)
            ),
            tuple(Fraction(1, column) for column in columns),
        )

    def over(self, other: "ExactMatrix") -> FloatArray:
        """Return ``|self| / |other|`` entry by entry, correctly rounded to binary64; 0/0 is 0."""
        if self.shape != other.shape:
            raise ValueError(f"other must have shape {self.shape}, got {other.shape}")
        return self._array(
            quotient(abs(n * s), abs(d * r))
            for (n, d), (r, s) in zip(self.fractions(), other.fractions(), strict=True)
        )


def product(
    a: ArrayLike,
    b: ArrayLike,
    *,
    row_scales: Sequence[Fraction] | None = None,
    column_scales: Sequence[Fraction] | None = None,
) -> ExactMatrix:
    """Return the exact product of two matrices, its rows and columns scaled.

    Parameters
    ----------
    a, b : array_like
        Finite matrices, m by k and k by n, of floats up to binary64 or integers below 2**53.
    row_scales, column_scales : sequence of Fraction, optional
        Positive factors of the m rows and the n columns: for exact INT8, whose scale is not
        dyadic, ``a`` holds the digits and row i is scaled with ``amax[i] / 127``.

    Returns
    -------
    ExactMatrix

    Raises
    ------
    ValueError
        If a matrix is not finite, not two-dimensional or empty, or the shapes do not match.
    TypeError
        If a matrix has a dtype that binary64 does not hold.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import exact
    >>> c = exact.product([[2.0**60, 1.0]], [[1.0], [2.0**-60]])
    >>> c[0, 0] == Fraction(2) ** 60 + Fraction(2) ** -60
    True
    """
    x, y = finite_matrix(a, "a"), finite_matrix(b, "b")
    if x.shape[1] != y.shape[0]:
        raise ValueError(f"b must have {x.shape[1]} rows to match a, got {y.shape[0]}")
    rows, row_exponents = _integers(x)
    columns, column_exponents = _integers(y.T)
    integers = fmpz_mat(rows.tolist()) * fmpz_mat(columns.T.tolist())
    return ExactMatrix(
        integers, _scales(row_exponents, row_scales), _scales(column_exponents, column_scales)
    )


def absolute_product(
    a: ArrayLike,
    b: ArrayLike,
    *,
    row_scales: Sequence[Fraction] | None = None,
    column_scales: Sequence[Fraction] | None = None,
) -> ExactMatrix:
    """Return ``|A||B|``; the parameters are those of `product`.

    Examples
    --------
    >>> from msdnum import exact
    >>> exact.absolute_product([[3.0, -3.0]], [[1.0], [1.0]])[0, 0]
    Fraction(6, 1)
    """
    x, y = finite_matrix(a, "a"), finite_matrix(b, "b")
    return product(abs(x), abs(y), row_scales=row_scales, column_scales=column_scales)


def condition_numbers(a: ArrayLike, b: ArrayLike) -> FloatArray:
    """Return ``(|A||B|) / |AB|``, entry by entry, correctly rounded to binary64.

    The condition number of an inner product under componentwise perturbation of its products; Inf
    where they cancel to zero, 0 where they are all zero. Scales of rows and columns do not matter.

    Source: Higham, Accuracy and Stability of Numerical Algorithms, section 3.1.

    Examples
    --------
    >>> from msdnum import exact
    >>> exact.condition_numbers([[1000.0, -999.0]], [[1.0], [1.0]])
    array([[1999.]])
    """
    return absolute_product(a, b).over(product(a, b))


def finite_matrix(x: ArrayLike, name: str) -> FloatArray:
    """Return a finite, nonempty matrix in binary64, nothing rounded."""
    array = np.asarray(x)
    if array.ndim != 2 or array.size == 0:
        raise ValueError(f"{name} must be a nonempty matrix, got shape {array.shape}")
    if not np.can_cast(array.dtype, np.float64):
        raise TypeError(f"{name} must be real and at most binary64, got {array.dtype}")
    floats = array.astype(np.float64)
    if array.dtype.kind in "iu" and (abs(floats) >= 2**53).any():
        raise ValueError(f"{name} must be less than 2**53 in magnitude if it has integers")
    if not np.isfinite(floats).all():
        raise ValueError(f"{name} must be finite, got Inf or NaN")
    return floats


def _integers(x: FloatArray) -> tuple[NDArray[Any], Integers]:
    """Return integers n and one exponent e per row with ``x[i, j] == n[i, j] * 2**e[i]``."""
    fraction, exponent = np.frexp(x)
    significand = np.ldexp(fraction, 53).astype(np.int64)
    trailing = np.frexp(significand & -significand)[1] - 1
    lowest = np.where(significand == 0, 2000, exponent - 53 + trailing)
    row = lowest.min(axis=1)
    row[row == 2000] = 0
    odd = significand >> np.maximum(trailing, 0)
    shift = np.where(significand == 0, 0, lowest - row[:, None])
    if shift.max() <= 62 - 53:
        return odd << shift, row
    return odd.astype(object) << shift.astype(object), row


def _scales(exponents: Integers, factors: Sequence[Fraction] | None) -> tuple[Fraction, ...]:
    factors = [Fraction(1)] * len(exponents) if factors is None else factors
    if len(factors) != len(exponents):
        raise ValueError(f"scales must number {len(exponents)}, got {len(factors)}")
    return tuple(f * Fraction(2) ** int(e) for f, e in zip(factors, exponents, strict=True))


def quotient(numerator: int, denominator: int) -> float:
    """Return the quotient correctly rounded, as the division of Python's integers is."""
    if denominator == 0:
        return math.inf if numerator else 0.0
    try:
        return numerator / denominator
    except OverflowError:
        return math.inf if (numerator > 0) == (denominator > 0) else -math.inf


def _leading_bits(numerator: int, denominator: int) -> tuple[int, int]:
    """Return m and e with ``m * 2**e`` the quotient, or as good as it for rounding.

    Where the quotient does not fit, m has 61 or 62 bits and its last bit says "and more" (sticky).
    """
    magnitude = abs(numerator)
    shift = magnitude.bit_length() - denominator.bit_length() - LEADING_BITS
    if shift < 0:
        quotient, rest = divmod(magnitude << -shift, denominator)
    else:
        quotient, rest = divmod(magnitude, denominator << shift)
    significand = quotient | (rest != 0)
    return (significand if numerator >= 0 else -significand), shift

"""References in mpmath, of any precision: products, softmax, attention, decompositions."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from mpmath import MPContext
from mpmath.libmp import from_float, from_rational, round_nearest, to_rational
from numpy.typing import ArrayLike

from msdnum import spec
from msdnum.exact.rationals import finite_matrix, quotient
from msdnum.formats.elements import ElementFormat, FloatFormat, IntegerFormat, SpacedFormat, spaced
from msdnum.formats.modes import Overflow, Rounding

__all__ = [
    "amax_scales", "context", "correctly_rounded", "covering_scales", "mp_attention",
    "mp_decompose", "mp_gemm", "mp_matrix", "mp_softmax", "to_float64", "to_fraction", "to_mpf",
]  # fmt: skip

Mpf: TypeAlias = Any


MpMatrix: TypeAlias = Any


Rows: TypeAlias = list[list[Mpf]]


def context(precision: int = 256) -> MPContext:
    """Return a new mpmath context of ``precision`` bits; the global one is never touched."""
    ctx = MPContext()
    ctx.prec = precision
    return ctx


def to_mpf(x: float | Fraction, ctx: MPContext) -> Mpf:
    """Return ``x`` as an mpf: a float exactly, a Fraction rounded to the context's precision."""
    if isinstance(x, Fraction):
        return ctx.make_mpf(from_rational(x.numerator, x.denominator, ctx.prec, round_nearest))
    return ctx.make_mpf(from_float(x))


def to_fraction(x: Mpf) -> Fraction:
    """Return a finite mpf exactly.

    Examples
    --------
    >>> from msdnum import exact
    >>> ctx = exact.context(8)
    >>> exact.to_fraction(exact.to_mpf(0.1, ctx)), exact.to_fraction(ctx.mpf(1) / 3)
    (Fraction(3602879701896397, 36028797018963968), Fraction(171, 512))
    """
    return Fraction(*to_rational(x._mpf_))


def to_float64(x: Fraction | Mpf) -> float:
    """Return ``x`` correctly rounded to binary64 (RNE, overflow to Inf).

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import exact
    >>> exact.to_float64(Fraction(1, 3))
    0.3333333333333333
    """
    return quotient(*_fraction(x).as_integer_ratio())


def correctly_rounded(
    x: Fraction | Mpf,
    fmt: ElementFormat,
    *,
    overflow: Overflow,
    rounding: Rounding = Rounding.RNE,
) -> float:
    """Return ``x`` rounded once to ``fmt``, as a float; see `msdnum.spec.encode`.

    An mpf counts as exact: where it approximates something irrational, the result is right unless
    a boundary between two roundings lies within its error.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from msdnum import exact
    >>> from msdnum.formats import BINARY32, Overflow
    >>> exact.correctly_rounded(Fraction(1, 10), BINARY32, overflow=Overflow.OVERFLOW)
    0.10000000149011612
    """
    code = spec.encode(_fraction(x), fmt, overflow=overflow, rounding=rounding)
    return fmt.value(code)


def _fraction(x: Fraction | Mpf) -> Fraction:
    return x if isinstance(x, Fraction) else to_fraction(x)


def mp_matrix(x: ArrayLike, ctx: MPContext) -> MpMatrix:
    """Return a float matrix as an mpmath matrix, exactly."""
    return ctx.matrix(_rows_of_floats(x, ctx))


def _rows_of_floats(x: ArrayLike, ctx: MPContext) -> Rows:
    return [[to_mpf(float(entry), ctx) for entry in row] for row in finite_matrix(x, "x")]


def mp_gemm(a: MpMatrix, b: MpMatrix, ctx: MPContext) -> MpMatrix:
    """Return the product, each entry summed exactly and rounded once to the context's precision."""
    return ctx.matrix(_products(a.tolist(), zip(*b.tolist(), strict=True), ctx))


def _products(rows: Rows, columns: Iterable[Sequence[Mpf]], ctx: MPContext) -> Rows:
    columns = list(columns)
    return [[ctx.fdot(row, column) for column in columns] for row in rows]


def mp_softmax(scores: MpMatrix, ctx: MPContext) -> MpMatrix:
    """Return the softmax of every row."""
    return ctx.matrix([_softmax(row, ctx) for row in scores.tolist()])


def _softmax(row: Sequence[Mpf], ctx: MPContext) -> list[Mpf]:
    largest = max(row)
    weights = [ctx.exp(score - largest) for score in row]
    total = ctx.fsum(weights)
    return [weight / total for weight in weights]


def mp_attention(q: ArrayLike, k: ArrayLike, v: ArrayLike, ctx: MPContext) -> MpMatrix:
    """Return ``softmax(Q K^T / sqrt(d)) V`` for matrices of shape (m, d), (n, d) and (n, e).

    Examples
    --------
    >>> from msdnum import exact
    >>> identity = np.eye(2)
    >>> out = exact.mp_attention(np.array([[2.0, 0.0]]), identity, identity, exact.context(100))
    >>> print(out)
    [0.804429682506956905192972607  0.195570317493043094807027393]
    """
    # Lists: an entry of an mpmath matrix is looked up more slowly than it is multiplied.
    queries, keys, values = (_rows_of_floats(x, ctx) for x in (q, k, v))
    root = ctx.sqrt(len(queries[0]))
    scores = [[score / root for score in row] for row in _products(queries, keys, ctx)]
    weights = [_softmax(row, ctx) for row in scores]
    return ctx.matrix(_products(weights, zip(*values, strict=True), ctx))


def amax_scales(amax: Mpf, elements: Sequence[IntegerFormat]) -> list[Mpf]:
    """Return the scales ``amax / 127``, then each a 254th of the one before (INT8)."""
    scales = [amax / elements[0].max_integer]
    for element in elements[1:]:
        scales.append(scales[-1] / (2 * element.max_integer))
    return scales


def covering_scales(amax: Mpf, elements: Sequence[FloatFormat], ctx: MPContext) -> list[Mpf]:
    """Return the scales ``alpha / 2**emax``; alpha covers amax, then shrinks by ``2**(p + 1)``."""
    fraction, exponent = ctx.frexp(amax)
    alpha = ctx.ldexp(1, exponent - (fraction == 0.5))
    scales = []
    for element in elements:
        scales.append(ctx.ldexp(alpha, -element.emax))
        alpha = ctx.ldexp(alpha, -element.precision - 1)
    return scales


def mp_decompose(
    values: Sequence[Mpf], elements: Sequence[ElementFormat], scales: Sequence[Mpf], ctx: MPContext
) -> tuple[list[list[Mpf]], list[Mpf]]:
    """Return the digits of each term and the remainders of a block; no scale may be 0.

    Exact as long as the context's precision holds every digit of the remainders: 256 bits do for
    three terms of binary32 values within a block whose magnitudes span less than 2**150.
    """
    remainders = list(values)
    digits = []
    for element, scale in zip(elements, scales, strict=True):
        spacing = spaced(element, "elements")
        term = [_nearest(remainder / scale, spacing, ctx) for remainder in remainders]
        digits.append(term)
        remainders = [r - scale * digit for r, digit in zip(remainders, term, strict=True)]
    return digits, remainders


def _nearest(x: Mpf, element: SpacedFormat, ctx: MPContext) -> Mpf:
    """Return ``x`` rounded to the element format, RNE and saturated."""
    if isinstance(element, IntegerFormat):
        quantum, smallest = element.eta, element.min_integer * element.eta
    else:
        exponent = max(ctx.frexp(x)[1] - 1, element.emin)
        quantum, smallest = ctx.ldexp(1, exponent - element.fraction_bits), -element.max_finite
    return max(min(ctx.nint(x / quantum) * quantum, element.max_finite), smallest)

"""The Ozaki scheme: binary64 GEMM from INT8 slices of both sides, a triangular schedule apart.

MSD splits one side into two slices; this splits both into as many as the accuracy wants. Slices
are cut by powers of two, so that nothing is rounded but the remainders: x is the sum of
``slice * 2**(e - w (i + 1))`` with e the exponent of its row and w the width of a slice.
"""

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator import argument_checks, backend
from msdnum.emulator.gemm.exact_sums import integer_dot, largest_k
from msdnum.emulator.gemm.operands import OperandType
from msdnum.emulator.gemm.products import Schedule, triangular
from msdnum.formats.accumulators import INT32
from msdnum.formats.elements import INT8

__all__ = ["check_matrix", "matmul", "slice_width", "slices"]

Floats = NDArray[np.float64]
Slices = NDArray[np.int8]


def slice_width(k: int) -> int:
    """Return the bits of a slice: at most 7, and no overflow of int32 over k products.

    Source: ozIMMU (arXiv 2306.11975), ``min(7, floor((31 - ceil(log2(k))) / 2))``.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    width = min(7, (31 - (k - 1).bit_length()) // 2)
    if width < 1:
        raise ValueError(f"k must be at most {2**29}, got {k}")
    return width


def slices(x: Floats, count: int, width: int) -> tuple[list[Slices], NDArray[np.int32]]:
    """Cut every row into INT8 slices, rounded to nearest, the last remainder dropped.

    Parameters
    ----------
    x : ndarray of float64
        Shape (m, k), finite, its nonzero magnitudes in [2**-900, 2**900].
    count : int
        Number of slices, at most 50: what underflows is far below the last of them.
    width : int
        Bits of a slice, 1 to 7: their magnitudes are at most ``2**(width - 1)``, one less bit than
        signed truncation needs (arXiv 2409.13313).

    Returns
    -------
    slices : list of ndarray of int8
        The most significant first.
    exponents : ndarray of int32
        Shape (m,): slice i stands for ``slice * 2**(exponent - width * (i + 1) + 1)``.

    Raises
    ------
    TypeError
        If ``x`` is not a float64 array.
    ValueError
        If an argument is out of its range.
    """
    check_matrix(x, "x")
    for name, value, largest in (("count", count, 50), ("width", width, 7)):
        argument_checks.check_integer(name, value)
        if not 1 <= value <= largest:
            raise ValueError(f"{name} must be in 1..{largest}, got {value}")
    amax = np.abs(x).max(axis=1)
    exponents = np.where(amax > 0, np.frexp(amax)[1], 0)
    rest = np.ldexp(x, width - 1 - exponents[:, None])
    found = []
    for _ in range(count):
        digit = np.rint(rest)
        found.append(digit.astype(np.int8))
        rest = np.ldexp(rest - digit, width)
    return found, exponents


def matmul(a: Floats, b: Floats, count: int, schedule: Schedule | None = None) -> Floats:
    """Return the product of binary64 matrices from products of INT8 slices.

    Parameters
    ----------
    a, b : ndarray of float64
        Shapes (m, k) and (k, n), as for ``slices``.
    count : int
        Slices of each side.
    schedule : Schedule, optional
        Pairs of slices; by default the triangle. The least significant pairs are added first.

    Returns
    -------
    ndarray of float64
        Every product of slices is exact in int32 and in binary64; they are scaled exactly and
        added in binary64. A sum below 2**-1022 is rounded once more, one beyond 2**1024 is Inf.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If the shapes do not match, k is too large, a matrix is out of range, or the schedule names
        a slice that is not there.

    Notes
    -----
    Source: Ootomo, Ozaki, Yokota, DGEMM on integer matrix multiplication unit (arXiv 2306.11975).
    """
    check_matrix(a, "a")
    check_matrix(b, "b")
    if a.shape[1] != b.shape[0]:
        raise ValueError(f"a and b must be matrices that match, got {a.shape} and {b.shape}")
    pairs = _pairs(count, schedule)
    width = slice_width(a.shape[1])
    left, rows = slices(a, count, width)
    right, columns = slices(b.T, count, width)
    kinds = _kind(a.shape[1], width), _kind(a.shape[1], width)
    assert a.shape[1] <= largest_k(kinds)
    total = np.zeros((a.shape[0], b.shape[1]))
    for i, j in reversed(pairs):
        product = integer_dot(left[i], np.ascontiguousarray(right[j].T), kinds, INT32)
        total += np.ldexp(product.astype(np.float64), -width * (i + j))
    with np.errstate(over="ignore"):
        result: Floats = np.ldexp(total, rows[:, None] + columns - 2 * (width - 1))
    return result


def check_matrix(x: Floats, name: str) -> None:
    """Raise unless it is a matrix that can be cut into slices."""
    backend.check_array(x, name, ("float64",))
    if x.ndim != 2:
        raise ValueError(f"{name} must have two dimensions, got shape {x.shape}")
    magnitude = np.abs(x)
    if not np.isfinite(x).all():
        raise ValueError(f"{name} must be finite, got Inf or NaN")
    if ((magnitude > 2.0**900) | ((magnitude < 2.0**-900) & (magnitude != 0))).any():
        raise ValueError(f"{name} must have magnitudes in 2**-900..2**900, or zeros")


def _pairs(count: int, schedule: Schedule | None) -> tuple[tuple[int, int], ...]:
    argument_checks.check_integer("count", count)
    if schedule is None:
        return triangular(count, count).pairs
    argument_checks.check_mode("schedule", schedule, Schedule)
    pairs = schedule.pairs
    beyond = max(max(pair) for pair in pairs)
    if beyond >= count:
        raise ValueError(f"schedule must name slices below {count}, got {beyond}")
    return pairs


def _kind(k: int, width: int) -> OperandType:
    return OperandType.of_integers("int8 slices", INT8, max(2 ** (width - 1), 1), k)

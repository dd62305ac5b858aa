"""The bound on the error of binary64 products from INT8 slices."""

from msdnum.emulator.gemm.recombination import triangular

__all__ = ["ozaki"]


def ozaki(count: int, width: int) -> float:
    """Bound the error of an entry over ``k * alpha_i * beta_j``, for a triangular schedule.

    alpha and beta are the powers of two that cover a row and a column. Slice i is at most
    ``alpha * 2**(-width * i)``, and what all slices leave ``alpha * 2**(-width * count)``. Three
    parts: the remainders, the pairs that the triangle leaves out, the additions in binary64.

    Notes
    -----
    With ``w = 2**-width``, n slices and p pairs, over ``k * alpha * beta``::

        2 w**n + w**(2 n)  +  sum_{i + j >= n} w**(i + j)  +  gamma_p sum_{i + j < n} w**(i + j)

    Source: theorem gemm, applied on paper. Its data part has both remainders. Of the pairs of
    slices, of which each is at most ``alpha * beta * 2**(-width * (i + j))``, those with
    ``i + j >= count`` are left out, and the others are exact in int32 and in binary64; each passes
    through one addition for each pair, the accumulation part. Hypothesis: nothing underflows.
    """
    step = 2.0**-width
    remainders = 2 * step**count + step ** (2 * count)
    left_out = sum((2 * count - 1 - t) * step**t for t in range(count, 2 * count - 1))
    kept = sum((t + 1) * step**t for t in range(count))
    additions = len(triangular(count, count).pairs) * 2.0**-53
    return (remainders + left_out + additions / (1 - additions) * kept) * (1 + 2.0**-50)

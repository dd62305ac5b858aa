"""Blocks with one outlier of known size: whether all have the same decides what is lost."""

import numpy as np
from numpy.random import Generator

from msdnum.formats.elements import FloatFormat
from msdnum.inputs.families import BLOCK, Family, Float64, Shape

__all__ = ["outlier"]


def outlier(k: int, *, fixed: bool) -> Family:
    """Return the family with one outlier of known size in each block, the others uniform.

    Parameters
    ----------
    k : int
        The first of each block is ``2**k``, or from there log-uniform up to ``2**(k + 1)``, of
        either sign; 0 to 126.
    fixed : bool
        Whether every outlier has the size ``2**k``, which formats with scales that are powers of
        two hold exactly: then all that is lost is of the others.

    Raises
    ------
    ValueError
        If the outlier is none, or no normal number.

    Examples
    --------
    >>> from msdnum.inputs import outlier
    >>> x = outlier(10, fixed=True).generate((2, 64), rng=np.random.default_rng(0))
    >>> abs(x[:, ::32]).tolist(), bool((abs(x[:, 1:32]) <= 1).all())
    ([[1024.0, 1024.0], [1024.0, 1024.0]], True)
    """
    if not 0 <= k <= 126:
        raise ValueError(f"k must be in 0..126, got {k}")

    def draw(shape: Shape, rng: Generator, fmt: FloatFormat) -> Float64:
        x = rng.uniform(-1, 1, shape)
        first = x[..., ::BLOCK].shape
        reach = np.log2(2 - 2 * fmt.unit_roundoff)
        sizes = np.exp2(k + (np.zeros(first) if fixed else rng.uniform(0, reach, first)))
        x[..., ::BLOCK] = sizes * rng.choice(np.array([-1.0, 1.0]), first)
        return x

    size = f"2^{k}" if fixed else f"[2^{k}, 2^{k + 1})"
    return Family(
        f"outlier_{'fixed' if fixed else 'varying'}_{k}",
        f"first of each block +-{size}, the others uniform on [-1, 1]",
        draw,
    )

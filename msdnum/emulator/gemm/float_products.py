"""Matrix products of floats by BLAS or XLA: exact where every sum is, which is tried once."""

from functools import cache

import numpy as np

from msdnum.emulator import backend
from msdnum.emulator.backend import Array

__all__ = ["check_exact_sums", "dot"]

K, ROWS = 1040, 64
"""1040 products of INT8 numbers are the most whose sum is surely below 2**24."""


def dot(a: Array, b: Array) -> Array:
    """Return the product in the type of a, the same in any order only where every sum is exact.

    Raises
    ------
    RuntimeError
        If the library rounds sums of integers that the type holds, as one does that takes the
        factors in fewer bits or adds as Strassen does.
    """
    check_exact_sums(backend.is_jax(a), str(a.dtype))
    return _dot(a, b)


@cache
def check_exact_sums(on_jax: bool, dtype: str) -> None:
    """Raise unless sums of integers below 2**24, or 2**52 in float64, are exact; tried once."""
    a, b = (part << (14 if dtype == "float64" else 0) for part in _integers())
    expected = a @ b
    found = _try(a.astype(dtype), b.astype(dtype), on_jax)
    wrong = np.flatnonzero(found != expected)
    if wrong.size:
        raise RuntimeError(
            f"products of {dtype} by {'XLA' if on_jax else 'the BLAS of NumPy'} must add integers "
            f"exactly, got {found.ravel()[wrong[0]]:.0f} for {expected.ravel()[wrong[0]]}: switch "
            f"off what makes it faster and less exact, or take another library"
        )


def _integers() -> tuple[Array, Array]:
    """Return factors: INT8 at its largest, then any, then few of 11 bits."""
    rng = np.random.default_rng(0)
    a = rng.integers(-127, 128, (ROWS, K))
    a[: ROWS // 4] = 127
    a[-ROWS // 4 :] = 0
    a[-ROWS // 4 :, :4] = rng.integers(1024, 2048, (ROWS // 4, 4))
    b = rng.integers(-127, 128, (K, ROWS))
    b[:, : ROWS // 4] = 127
    b[:4, -ROWS // 4 :] = rng.integers(1024, 2048, (4, ROWS // 4))
    # What is of 11 bits meets nothing else but itself and INT8: all sums stay below 2**24.
    b[4:, -ROWS // 4 :] = 0
    return a, b


def _try(a: Array, b: Array, on_jax: bool) -> Array:
    if not on_jax:
        return _dot(a, b)
    import jax

    # Outside of what is being traced, if anything is.
    with jax.ensure_compile_time_eval():
        return np.asarray(_dot(jax.numpy.asarray(a), jax.numpy.asarray(b)))


def _dot(a: Array, b: Array) -> Array:
    if not backend.is_jax(a):
        with np.errstate(all="ignore"):
            return np.matmul(a, b)
    import jax

    return jax.numpy.matmul(a, b, precision=jax.lax.Precision.HIGHEST)

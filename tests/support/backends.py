"""Helpers of the tests of backends."""

import numpy as np

RNG = np.random.default_rng(20260513)


SIZE = 200_000


def subnormals(size: int = SIZE) -> np.ndarray:
    signs = RNG.integers(0, 2, size, dtype=np.uint32) << 31
    return (RNG.integers(0, 2**24, size, dtype=np.uint32) | signs).view(np.float32)


def edges() -> np.ndarray:
    """Every sign and exponent with the fractions where rounding goes wrong."""
    exponents = np.arange(512, dtype=np.uint32) << 23
    fractions = np.array([0, 1, 2, 0x3FFFFF, 0x400000, 0x400001, 0x7FFFFE, 0x7FFFFF], np.uint32)
    return (exponents[:, None] | fractions).ravel().view(np.float32)

"""A fixed set of hostile blocks, for the tests that compare backends on one shape."""

import numpy as np


def hostile_blocks(count: int = 60, size: int = 32, seed: int = 1) -> np.ndarray:
    """Return ``count`` float32 blocks of ten kinds in turn, those with NaN and Inf included."""
    rng = np.random.default_rng(seed)
    return np.array([_KINDS[k % len(_KINDS)](rng, size, k) for k in range(count)], np.float32)


def _patterns(rng, size, k):
    x = rng.integers(0, 2**32, size, dtype=np.uint32).view(np.float32)
    return np.where(np.isfinite(x), x, np.float32(1))


def _any_binade(rng, size, k):
    return rng.standard_normal(size) * 2.0 ** rng.integers(-140, 120)


def _one_outlier(rng, size, k):
    return np.where(np.arange(size) == k % size, rng.standard_normal() * 2.0**40, 1.0)


def _lonely(rng, size, k):
    return np.where(np.arange(size) == k % size, rng.standard_normal(), -0.0)


def _subnormal(rng, size, k):
    return rng.integers(0, 2**24, size, dtype=np.uint32).view(np.float32)


def _near_overflow(rng, size, k):
    x = rng.uniform(-3.39e38, 3.39e38, size).astype(np.float32)
    x[0] = [np.finfo(np.float32).max, 3.3895314e38, -(2.0**127)][k % 3]
    return x


def _all_equal(rng, size, k):
    return np.full(size, 2.0 ** rng.integers(-149, 127))


def _below_a_power(rng, size, k):
    return np.nextafter(np.float32(2.0 ** rng.integers(-100, 100)), np.float32(0)) * np.sign(
        rng.standard_normal(size)
    )


def _many_binades(rng, size, k):
    return rng.standard_normal(size) * 2.0 ** rng.integers(-40, 0, size)


def _special(rng, size, k):
    x = rng.standard_normal(size)
    x[k % size] = [np.nan, np.inf, -0.0, -np.inf][(k // len(_KINDS)) % 4]
    return x


_KINDS = [
    _patterns, _any_binade, _one_outlier, _lonely, _subnormal, _near_overflow, _all_equal,
    _below_a_power, _many_binades, _special,
]  # fmt: skip

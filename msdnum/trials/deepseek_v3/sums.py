"""Sums of FP8 products in Hopper's unit: inputs, exact results, and what "relative error" may mean.

Elements are E4M3. Their products are multiples of 2**-18 below 2**18, so that sums of 4,096 of them
are exact in binary64.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ml_dtypes
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import AnyAccumulator

__all__ = ["DEFINITIONS", "INPUTS", "K", "Fp8Sums", "drawn"]

K = 4096
Floats = NDArray[np.float64]
Draw = Callable[[Generator, tuple[int, int]], Floats]


def _amax_at_448(rng: Generator, shape: tuple[int, int]) -> Floats:
    """Draw normal numbers and scale the whole matrix, as quantization by tensor does."""
    x: Floats = rng.standard_normal(shape)
    x *= 448 / np.abs(x).max()
    return x


INPUTS: Mapping[str, Draw] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "normal, amax at 448": _amax_at_448,
    "uniform on [-1, 1]": lambda rng, shape: rng.uniform(-1, 1, shape),
    "uniform on [0, 1]": lambda rng, shape: rng.uniform(0, 1, shape),
    "normal, magnitudes": lambda rng, shape: np.abs(rng.standard_normal(shape)),
}
"""What "random" may mean, by name; the numbers are then rounded to E4M3."""


@dataclass(frozen=True, eq=False)
class Fp8Sums:
    """Two E4M3 matrices, and what a unit makes of their product.

    Parameters
    ----------
    a, b : ndarray of float8_e4m3fn
        (m, k) and (k, n); m n sums of k products.
    unit : Accumulator
        What adds them.
    """

    a: NDArray[Any]
    b: NDArray[Any]
    unit: AnyAccumulator

    @cached_property
    def exact(self) -> Floats:
        """The sums, without rounding."""
        product: Floats = self.a.astype(np.float64) @ self.b.astype(np.float64)
        return product

    @cached_property
    def magnitude(self) -> Floats:
        """``|A||B|``, with subnormal elements counted as the least normal one.

        That is how a unit aligns them, and what the theorem on matrix units asks for.
        """
        a, b = (np.abs(x.astype(np.float64)) for x in (self.a, self.b))
        a, b = (np.where(x > 0, np.maximum(x, 2.0**-6), 0) for x in (a, b))
        product: Floats = a @ b
        return product

    @cached_property
    def found(self) -> NDArray[np.float32]:
        """The sums as the unit has them."""
        product: NDArray[np.float32] = matmul(self.a, self.b, accumulator=self.unit)
        return product

    @cached_property
    def error(self) -> Floats:
        """What was found minus what is exact."""
        return self.found - self.exact

    @property
    def bias(self) -> float:
        """Mean error away from zero over the mean magnitude; negative where sums shrink."""
        return float(np.sum(self.error * np.sign(self.exact)) / np.sum(np.abs(self.exact)))


def drawn(name: str, n: int, seed: object, unit: AnyAccumulator, k: int = K) -> Fp8Sums:
    """Return n by n sums of k products of one of ``INPUTS``."""
    rng = np.random.default_rng(seed)  # type: ignore[arg-type]
    draw = INPUTS[name]
    a = draw(rng, (n, k)).astype(np.float32).astype(ml_dtypes.float8_e4m3fn)
    b = draw(rng, (k, n)).astype(np.float32).astype(ml_dtypes.float8_e4m3fn)
    return Fp8Sums(a, b, unit)


def _rms(x: Floats) -> float:
    return float(np.sqrt(np.mean(x * x)))


def _rows(sums: Fp8Sums) -> Floats:
    found: Floats = np.linalg.norm(sums.error, axis=1) / np.linalg.norm(sums.exact, axis=1)
    return found


DEFINITIONS: Mapping[str, Callable[[Fp8Sums], float]] = {
    "largest |error| / |C|, entry by entry": lambda s: _largest(s.error / s.exact),
    "largest |error| / largest |C|": lambda s: _largest(s.error) / _largest(s.exact),
    "largest |error| / RMS of C": lambda s: _largest(s.error) / _rms(s.exact),
    "largest |error| / mean |C|": lambda s: _largest(s.error) / float(np.abs(s.exact).mean()),
    "largest |error| / (|A||B|)": lambda s: _largest(s.error / s.magnitude),
    "largest of a row, in the 2-norm": lambda s: _largest(_rows(s)),
    "of the matrix, in the 2-norm": lambda s: _rms(s.error) / _rms(s.exact),
}
"""What "relative error" of a matrix may mean, by name."""


def _largest(x: Floats) -> float:
    return float(np.abs(x).max())

"""The Ozaki scheme's error curve: error against the number of INT8 slices, beside its bound."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from msdnum import errors, exact
from msdnum.emulator.gemm import ozaki
from msdnum.emulator.gemm.recombination import triangular
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.trials.ozaki import bounds

__all__ = ["CATALOGUE", "curve", "spread"]

Floats = NDArray[np.float64]


def spread(shape: tuple[int, int], phi: float, rng: np.random.Generator) -> Floats:
    """Return ``(uniform(0, 1) - 0.5) * exp(phi * normal)``: a larger phi, a larger exponent range.

    Source: the test matrices of ozIMMU (arXiv 2306.11975).
    """
    found: Floats = (rng.random(shape) - 0.5) * np.exp(phi * rng.standard_normal(shape))
    return found


def curve(size: int, phi: float, counts: range, rng: np.random.Generator) -> Iterator[Record]:
    """Yield a record for each number of slices of the product of two square matrices.

    Errors are exact: of the whole scheme over ``k * alpha_i * beta_j``, with its bound; relative to
    the product of magnitudes; and the mean relative error that the papers plot, beside that of
    binary64 GEMM.
    """
    a, b = spread((size, size), phi, rng), spread((size, size), phi, rng)
    product, absolute = exact.product(a, b), exact.absolute_product(a, b)
    width = ozaki.slice_width(size)
    covering = [np.exp2(np.frexp(np.abs(v).max(axis=1))[1]) for v in (a, b.T)]
    scale = size * np.multiply.outer(*covering)
    plain = _mean_relative(product, a @ b)
    for count in counts:
        found = ozaki.matmul(a, b, count)
        error = np.abs(product.minus(found).to_float64())
        yield {
            "phi": phi,
            "slices": count,
            "products": len(triangular(count, count).pairs),
            "error": float((error / scale).max()),
            "bound": bounds.ozaki(count, width),
            "backward_componentwise": errors.backward_error_componentwise(
                product.to_float64(), found, absolute.to_float64()
            ),
            "mean_relative": _mean_relative(product, found),
            "binary64_mean_relative": plain,
        }


def _mean_relative(product: exact.ExactMatrix, found: Floats) -> float:
    return float(np.mean(product.minus(found).over(product)))


@dataclass(frozen=True)
class Curve:
    """Order of the square matrices, most slices, and the exponent ranges phi."""

    size: int
    slices: int
    phis: tuple[float, ...]


def _rows(parameters: Curve, seed: int) -> Iterator[Record]:
    counts = range(1, parameters.slices + 1)
    for phi in parameters.phis:
        yield from curve(parameters.size, phi, counts, np.random.default_rng(seed))


_CURVE = Experiment(
    "gemm_ozaki",
    "binary64 GEMM from INT8 slices: error against slices, by exponent range phi",
    Curve(256, 13, (0.1, 1.0, 2.0, 4.0)),
    _rows,
    Curve(32, 5, (0.1, 4.0)),
)

CATALOGUE = {_CURVE.name: _CURVE}
"""The table of this trial."""

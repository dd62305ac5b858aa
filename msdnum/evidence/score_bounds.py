"""Bounds on the scores of emulated attention, before theorem attention sees them."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.bounds.sums import Accumulation
from msdnum.display import html
from msdnum.display.text import one_line
from msdnum.emulator import elements
from msdnum.emulator.attention.kv_cache import Cache, scales_per_channel, without_scale
from msdnum.emulator.attention.methods import Method
from msdnum.emulator.gemm.checks import is_inside
from msdnum.emulator.gemm.products import transposed
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.evidence.product_bounds import Right, exact_values, theorem_gemm
from msdnum.evidence.product_roundings import accumulation
from msdnum.evidence.running_bounds import running_product
from msdnum.formats.elements import BINARY32, E8M0
from msdnum.formats.modes import Overflow
from msdnum.formats.schemes import Scheme

__all__ = [
    "ExactAttention", "cached_values", "check_scales", "group_of", "has_row_scale",
    "has_tensor_scale", "rounded_inputs", "score_errors",
]  # fmt: skip

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ExactAttention(html.Shown):
    """Attention of one head with exact operands: what a method is compared with.

    Parameters
    ----------
    queries : ndarray of float32
        BF16 values, (m, d).
    keys, values : ndarray of float64
        What the cache stands for, nothing rounded: (n, d) and (n, e). Every query sees every key;
        the softmax scale is ``1 / sqrt(d)``.
    """

    queries: NDArray[np.float32]
    keys: Floats
    values: Floats

    __repr__ = one_line

    @property
    def scale(self) -> float:
        """Softmax scale."""
        return 1 / math.sqrt(self.queries.shape[1])

    @cached_property
    def scores(self) -> Floats:
        """Scores in binary64, (m, n)."""
        scores: Floats = self.queries.astype(np.float64) @ self.keys.T * self.scale
        return scores

    @cached_property
    def magnitude(self) -> Floats:
        """``scale * |queries| @ |keys|^T``."""
        magnitude: Floats = np.abs(self.queries.astype(np.float64)) @ np.abs(self.keys.T)
        return magnitude * self.scale

    @cached_property
    def weights(self) -> Floats:
        """Softmax weights in binary64."""
        powers = np.exp(self.scores - self.scores.max(axis=1, keepdims=True))
        weights: Floats = powers / powers.sum(axis=1, keepdims=True)
        return weights


def score_errors(given: ExactAttention, keys: Cache, method: Method, running: bool) -> Floats:
    """Return bounds on the errors of all scores, (m, n); see ``attention_bound``."""
    wide = given.queries.astype(np.float64)
    scales = scales_per_channel(keys)
    factor = keys if scales is None else without_scale(keys, -1)
    folded = wide if scales is None else wide * scales.astype(np.float64)
    scheme, used = None, folded.astype(np.float32)
    if isinstance(method.queries, Scheme):
        scheme = method.queries
    else:
        used = elements.round_to(used, method.queries, overflow=Overflow.OVERFLOW)
    right = _right(factor)
    represented = np.abs(used.astype(np.float64) - folded) @ right.magnitudes
    moved = np.abs(wide @ (cached_values(keys) - given.keys).T)
    if running:
        summed = _running(used, scheme, factor, method, given.scale)
    else:
        summed = given.scale * theorem_gemm(used, scheme, right, _scoring(given, factor, method))
    # The exact scores are sums in binary64: those computed and the true ones are off from them.
    rounded = 2 * (given.queries.shape[1] + 8) * 2.0**-52 * given.magnitude
    bound: Floats = given.scale * (represented + moved) + summed + rounded
    return bound


def _scoring(given: ExactAttention, factor: Cache, method: Method) -> Accumulation:
    """Return the roundings of a score."""
    scheme = method.queries if isinstance(method.queries, Scheme) else None
    group = group_of(factor, -1)
    return accumulation(
        method.accumulator,
        given.queries.shape[1],
        terms=scheme.terms if scheme else 1,
        # The row's scale if it has one; the softmax scale, which is rounded itself.
        scalings=has_row_scale(scheme) + has_tensor_scale(factor) + (group is not None) + 2,
        segment=group or 1 << 30,
        inputs=rounded_inputs(scheme),
    )


def _running(
    used: NDArray[np.float32], scheme: Scheme | None, factor: Cache, method: Method, scale: float
) -> Floats:
    """Bound the scores along their way, the softmax scale and its own rounding included."""
    right = transposed(factor) if isinstance(factor, QuantizedArray) else factor.T
    if not isinstance(right, QuantizedArray):
        right = right.astype(np.float32)
    found = running_product(used, scheme, right, method.accumulator)
    sums, rounded = found.product.astype(np.float64), float(np.float32(scale))
    scores = (found.product * np.float32(scale)).astype(np.float64)
    rounding = np.abs(scores - sums * rounded) + BINARY32.eta + np.abs(sums) * abs(rounded - scale)
    error: Floats = (rounded * found.bound + rounding) * (1 + 2.0**-44)
    return error


def _right(factor: Cache) -> Right:
    if isinstance(factor, QuantizedArray):
        return Right.of(transposed(factor))
    magnitudes = np.abs(cached_values(factor)).T
    return Right(magnitudes, np.zeros_like(magnitudes))


def cached_values(x: Cache) -> Floats:
    """Return what keys or values stand for, nothing rounded."""
    wide: Floats = exact_values(x) if isinstance(x, QuantizedArray) else x.astype(np.float64)
    return wide


def has_row_scale(scheme: Scheme | None) -> bool:
    """Return whether sums are multiplied by a scale of each row."""
    return scheme is not None and scheme.formats[0].scale != E8M0


def has_tensor_scale(factor: Cache) -> bool:
    """Return whether sums are multiplied by the scale of a tensor."""
    return isinstance(factor, QuantizedArray) and factor.format.tensor_scale


def group_of(x: Cache, axis: int) -> int | None:
    """Return how many numbers along an axis share a scale outside the products.

    None where all do, or none, or scales lie along the other axis.
    """
    if not isinstance(x, QuantizedArray) or is_inside(x.format) or x.axis != axis:
        return None
    block = x.format.block_size
    return None if block == x.shape[axis] else block


def check_scales(x: Cache, name: str) -> None:
    """Raise if scales outside the products are products of two, which are rounded."""
    if isinstance(x, QuantizedArray) and x.format.tensor_scale and not is_inside(x.format):
        raise ValueError(
            f"{name} must have no scale of the tensor beside those of its blocks for a bound, "
            f"unless these are part of the products, got {x.format.name}"
        )


def rounded_inputs(scheme: Scheme | None) -> int:
    """Return how often a factor or a product is rounded before the sum."""
    return 1 if scheme is None else int(scheme.divisors[-1] > 1)

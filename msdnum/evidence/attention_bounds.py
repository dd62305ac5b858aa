"""Theorem attention applied to emulated attention: every rounding counted, key by key.

Nothing here looks at a result. Exact scores and softmax weights enter, and ranges of operands.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.bounds.sums import Accumulation
from msdnum.emulator.attention.kv_cache import Cache, head_groups, scales_per_token
from msdnum.emulator.attention.methods import Method, StaticCast, WeightRange
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.evidence.product_bounds import over_ranges, ranges
from msdnum.evidence.product_roundings import accumulation
from msdnum.evidence.score_bounds import (
    ExactAttention,
    cached_values,
    check_scales,
    group_of,
    has_row_scale,
    has_tensor_scale,
    rounded_inputs,
    score_errors,
)
from msdnum.formats.accumulators import SEQUENTIAL, Exact, Int32
from msdnum.formats.elements import BINARY32
from msdnum.formats.modes import Arithmetic
from msdnum.formats.schemes import Scheme

__all__ = ["attention_bound"]

Floats: TypeAlias = NDArray[np.float64]

U32 = float(bounds.U32)
UNDERFLOW = 2.0**-118
"""Covers what powers below 2**-126, and digits of tiny amaxes, lose for each key."""
FLOAT32_AMAX = 2.0**-103
"""From here on no scale of three INT8 terms is subnormal in binary32."""


def attention_bound(
    given: ExactAttention, keys: Cache, values: Cache, method: Method, *, running: bool = False
) -> Floats:
    """Return the bound on the error of every output of ``attend``, against exact attention.

    Parameters
    ----------
    given : ExactAttention
        The exact operands.
    keys, values : QuantizedArray or ndarray
        What ``attend`` was given: those very operands, or the same rounded to BF16.
    method : Method
        Sums in int32, exact or one after the other.
    running : bool
        Whether the scores are computed for it, and bounded along: theorem running-error in place of
        theorem gemm. What comes after them is bounded as before.

    Returns
    -------
    ndarray of float64
        Shape (m, e). Inf where the scores are too uncertain for a bound in binary64, and where the
        magnitudes of a channel of the values, times the largest digit of a weight, add up to half
        of what binary32 holds, or more.

    Raises
    ------
    ValueError
        If the accumulator is another one, scores or sums are kept in another format than BINARY32,
        weights are cast with a static scale, or a cache has a scale of the tensor beside scales of
        blocks that multiply sums.

    Notes
    -----
    Source: theorem attention. What is subnormal in sums, products and quotients is counted as
    theorem gemm does; that a power below ``2**-126`` is off by at most ``UNDERFLOW`` is on paper.
    """
    if method.accumulator != SEQUENTIAL and not isinstance(method.accumulator, Exact | Int32):
        raise ValueError(
            f"accumulator must be SEQUENTIAL, EXACT or INT32, got {method.accumulator.name}"
        )
    if not method.scores == method.sums == BINARY32:
        raise ValueError(
            f"method must keep scores and sums in BINARY32 for a bound, got {method.scores.name} "
            f"and {method.sums.name}"
        )
    for cache, name in ((keys, "keys"), (values, "values")):
        check_scales(cache, name)
    errors = score_errors(given, keys, method, running)
    rows = (
        _of_groups(_Query(given.scores[i], errors[i], given.weights[i], method), given, values)
        for i in range(len(given.queries))
    )
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        bound = np.stack(list(rows)) * _slack(given)
    # Where errors of scores are in the hundreds, their powers are Inf.
    return np.where(np.isnan(bound), np.inf, bound)


def _of_groups(query: "_Query", given: ExactAttention, values: Cache) -> Floats:
    """Return the bound for a query: groups of channels with scales of their own are apart."""
    parts = head_groups(values)
    ends = np.cumsum([part.shape[-1] for part in parts])
    exact = np.split(given.values, ends[:-1], axis=-1)
    return np.concatenate([query.bound(e, part) for e, part in zip(exact, parts, strict=True)])


def _slack(given: ExactAttention) -> float:
    """Cover the roundings of the binary64 sums below, of as many addends as there are keys."""
    return 1 + (4 * sum(given.keys.shape) + 4096) * 2.0**-52


# One query


@dataclass(frozen=True, eq=False)
class _Query:
    """One row of exact scores and weights, and bounds on the errors of the scores."""

    scores: Floats
    errors: Floats
    weights: Floats
    method: Method

    def bound(self, exact: Floats, values: Cache) -> Floats:
        """Return the bound for all channels of the values."""
        used, token, output = cached_values(values), _token_scales(values), self.weights @ exact
        gamma = float(self._adding(values).gamma)
        lost, carried = self._lost(token), self._carried(token)
        # What is lost is not rounded, so that it need not grow; the tables have it so.
        numerator = ((1 + gamma) * lost + gamma * carried) / token @ np.abs(used)
        numerator += carried / token @ np.abs(used - exact)
        moved = _moved(self.weights, self._shifts, exact, output)
        # The sum of the weights: in its tile, neighbours first; then from tile to tile.
        mass = float(bounds.gamma((self._size - 1).bit_length() + self._chain))
        divided, largest = 2 * U32 * (1 + U32), np.abs(output) + moved
        error: Floats = moved + (1 + divided) / (1 - mass) * (numerator + mass * largest)
        error += divided * largest
        error += UNDERFLOW * (np.abs(used).sum(axis=0) + len(token) * np.abs(output))
        error += (1 + divided) / (1 - mass) * self._subnormal(values) + BINARY32.eta
        # No weight is above 1, its terms add up to less than twice as much, and are digits before
        # the scale of their row.
        form = self.method.weights
        digits = form.formats[0].element.max_finite if isinstance(form, Scheme) else 1.0
        largest_sum = 2 * (1 + gamma) * max(1.0, digits) * np.abs(used).sum(axis=0)
        return np.where(largest_sum < BINARY32.max_finite, error, np.inf)

    def _subnormal(self, values: Cache) -> Floats:
        """Return what sums and products lose where they are subnormal, for each channel.

        Each tile has its sums, their scales and decays, and a product of each weight and its
        token's scale.
        """
        adding = self._adding(values)
        lost = float(adding.underflow * (1 + adding.gamma)) * int(self._tile[-1] + 1)
        scale = values.tensor_scale if isinstance(values, QuantizedArray) else None
        codes = (np.abs(cached_values(values)) / _token_scales(values)[:, np.newaxis]).sum(axis=0)
        total: Floats = lost * max(1.0, float(scale or 1)) + BINARY32.eta * codes
        return total

    @property
    def _size(self) -> int:
        return min(self.method.tile, len(self.scores))

    @cached_property
    def _tile(self) -> NDArray[np.int64]:
        return np.arange(len(self.scores)) // self._size

    def _largest(self, x: Floats) -> Floats:
        """Return the largest of each tile."""
        return np.array([x[self._tile == t].max() for t in range(self._tile[-1] + 1)])

    @cached_property
    def _lowest(self) -> Floats:
        """What the running maximum is at least after each tile."""
        lowest: Floats = np.maximum.accumulate(self._largest(self.scores - self.errors))
        return lowest

    @cached_property
    def _changes(self) -> NDArray[np.int64]:
        """How often the maximum can change after each tile; if it does not, nothing is rounded."""
        may_change = self._largest(self.scores + self.errors)[1:] > self._lowest[:-1]
        return np.append(may_change[::-1].cumsum()[::-1], 0)

    @property
    def _chain(self) -> int:
        """Roundings of a sum from tile to tile: additions, and products with a decay."""
        return int(self._tile[-1] + 1 + self._changes[0])

    @cached_property
    def _shifts(self) -> Floats:
        """By how much the logarithm of each weight can be off, up to a common constant.

        Roundings of differences of scores and maxima are relative, and the differences add up to
        the way from the score to the last maximum.
        """
        way = self.scores.max() - self.scores + 2 * self.errors.max()
        power = -math.log1p(-self.method.exp.relative_error)
        shifts: Floats = self.errors + U32 * way + power * (1 + self._changes[self._tile])
        return shifts

    @cached_property
    def _high(self) -> Floats:
        """What each weight, over the sum of all, can be."""
        mass = self.weights @ np.exp(-self._shifts)
        high: Floats = np.minimum(1, self.weights * np.exp(self._shifts) / mass)
        return high

    @cached_property
    def _unit(self) -> Floats:
        """What the unit of each tile, the running maximum's weight, can be in the end."""
        unit: Floats = np.maximum.accumulate(self._largest(self._high))[self._tile]
        return unit

    def _lost(self, token: Floats) -> Floats:
        """Return what rounding or decomposing a weight can leave of it."""
        form, own = self.method.weights, self._high * token
        if isinstance(form, Scheme):
            # Zero is a candidate of every rounding to nearest: no more than the weight is left.
            lost, _, _ = self._decomposed(form, token)
            return np.minimum(lost, own * (1 + 2.0**-20))
        if isinstance(form, StaticCast):
            raise ValueError(f"weights must have no static scale for theorem attention, got {form}")
        if form.precision == 24:
            return np.zeros_like(own)
        return form.unit_roundoff * own + form.eta * self._unit

    def _carried(self, token: Floats) -> Floats:
        """Return the magnitudes that the terms of a weight add up."""
        form, own = self.method.weights, self._high * token
        if not isinstance(form, Scheme):
            return own
        _, carried, _ = self._decomposed(form, token)
        total: Floats = own + carried
        return total

    def _decomposed(self, scheme: Scheme, token: Floats) -> tuple[Floats, ...]:
        """Return what ``over_ranges`` does of the block of each weight, in the end.

        An amax so small that no bound is proved in FLOAT32 arithmetic leaves at most 1/254 of
        itself, which UNDERFLOW covers.
        """
        spans = self._spans(scheme, token)
        if scheme.arithmetic is Arithmetic.FLOAT32:
            spans = np.maximum(spans, FLOAT32_AMAX)
        return tuple(each * self._unit for each in over_ranges(spans, scheme))

    def _spans(self, scheme: Scheme, token: Floats) -> Floats:
        """Return alpha, or M, of the block of each weight as it is decomposed."""
        below = np.minimum(0, self.scores + self.errors - self._lowest[self._tile])
        powers = np.minimum(1, np.exp(below) * (1 + 2.0**-20)) * token * (1 + U32)
        spans = np.empty_like(powers)
        for t in range(self._tile[-1] + 1):
            tile = self._tile == t
            fixed = self.method.range is WeightRange.FIXED
            reach = np.full_like(token[tile], token[tile].max()) if fixed else powers[tile]
            spans[tile] = ranges(reach[np.newaxis], scheme)[0]
        return spans

    def _adding(self, values: Cache) -> Accumulation:
        """Return the roundings of a weighted value: in its tile, then from tile to tile."""
        form = self.method.weights
        scheme = form if isinstance(form, Scheme) else None
        group = group_of(values, -2)
        return accumulation(
            self.method.accumulator,
            self._size,
            terms=scheme.terms if scheme else 1,
            scalings=has_row_scale(scheme)
            + has_tensor_scale(values)
            + (group is not None)
            + self._chain,
            segment=group or 1 << 30,
            inputs=rounded_inputs(scheme) + (scales_per_token(values) is not None),
        )


def _token_scales(values: Cache) -> Floats:
    scales = scales_per_token(values)
    if scales is None:
        return np.ones(values.shape[0])
    wide: Floats = scales[:, 0].astype(np.float64)
    return wide


def _moved(weights: Floats, shifts: Floats, values: Floats, output: Floats) -> Floats:
    """Return by how much the output can move if the logarithm of each weight does.

    At the worst, the weights of all values above some number grow and the others shrink as much as
    they can, or the reverse.
    """
    order = np.argsort(-values, axis=0)
    ordered = np.take_along_axis(values, order, axis=0)
    larger, smaller = ((weights * np.exp(sign * shifts))[order] for sign in (1, -1))
    rise = _outputs(larger, smaller, ordered).max(axis=0) - output
    fall = output - _outputs(smaller, larger, ordered).min(axis=0)
    moved: Floats = np.maximum(rise, fall) + 2.0**-44 * (weights @ np.abs(values))
    return moved


def _outputs(first: Floats, rest: Floats, values: Floats) -> Floats:
    """Return the outputs with the first weights of ``first`` and the others of ``rest``."""
    above = np.stack([first * values, first]).cumsum(axis=1)
    below = np.stack([rest * values, rest])
    total, mass = above + below[:, ::-1].cumsum(axis=1)[:, ::-1] - below
    quotient: Floats = total / mass
    return quotient

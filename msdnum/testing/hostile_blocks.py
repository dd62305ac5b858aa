"""Strategies for blocks and rows of float32 numbers, of kinds that quantizers differ on."""

from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from msdnum.testing.numbers import BINADE, INF, NANS, ONE, SIGN, Array, Bits, patterns

__all__ = ["BLOCK_KINDS", "FINITE_KINDS", "bfloat16", "blocks", "rows", "shapes"]


def _within(size: int, low: int, high: int) -> SearchStrategy[Bits]:
    """Return a strategy for patterns of either sign, magnitudes from ``low`` to ``high``."""
    return patterns(size).map(lambda bits: _folded(bits, low, high))


def _folded(bits: Bits, low: int, high: int) -> Bits:
    magnitudes: Bits = np.uint32(low) + (bits & ~SIGN) % np.uint32(high - low + 1)
    return bits & SIGN | magnitudes


def _finite(size: int) -> SearchStrategy[Bits]:
    return _within(size, 0, INF - 1)


def _with_one(block: SearchStrategy[Bits], one: SearchStrategy[int]) -> SearchStrategy[Bits]:
    """Return a strategy for blocks in which one pattern, anywhere, is drawn from ``one``."""
    return st.builds(_replaced, block, st.integers(0, 2**16), one, st.sampled_from([0, SIGN]))


def _replaced(bits: Bits, place: int, one: int, sign: int) -> Bits:
    bits = bits.copy()
    bits[place % bits.size] = sign | one
    return bits


def _under(size: int, amax: SearchStrategy[int], binades: int) -> SearchStrategy[Bits]:
    """Return a strategy for blocks of that amax, no element more than ``binades`` below it."""

    def block(bits: Bits, a: int, place: int, sign: int) -> Bits:
        return _replaced(_folded(bits, max(0, a - binades * BINADE), a), place, a, sign)

    return st.builds(
        block, patterns(size), amax, st.integers(0, size - 1), st.sampled_from([0, SIGN])
    )


def _near_powers() -> SearchStrategy[int]:
    """Return a strategy for 2**e and its float32 and BF16 neighbours."""
    steps = st.sampled_from([0, 1, -1, 0x10000, -0x10000])
    return st.builds(lambda power, step: ONE + power * BINADE + step, st.integers(-125, 126), steps)


def _near_one(low: int, high: int) -> SearchStrategy[int]:
    """Return a strategy for patterns that shrink to that of 1."""
    return st.integers(low - ONE, high - ONE).map(lambda beyond: ONE + beyond)


BLOCK_KINDS: dict[str, Callable[[int], SearchStrategy[Bits]]] = {
    "zero": lambda size: _within(size, 0, 0),
    "all_equal": lambda size: _finite(1).map(lambda bits: np.repeat(bits, size)),
    "one_outlier": lambda size: _with_one(
        _within(size, 0, ONE), st.integers(ONE + 8 * BINADE, INF - 1)
    ),
    "near_amax": lambda size: _under(size, _near_one(1, INF - 1), 6),
    "amax_near_power": lambda size: _under(size, _near_powers(), 255),
    "subnormal": lambda size: _within(size, 0, BINADE - 1),
    "least_scale": lambda size: _under(size, st.integers(1, 20 * BINADE), 12),
    "greatest_scale": lambda size: _under(size, st.integers(253 * BINADE, INF - 1), 12),
    "near_overflow": lambda size: _within(size, 254 * BINADE, INF - 1),
    "any": _finite,
    "inf": lambda size: _with_one(_finite(size), st.just(INF)),
    "nan": lambda size: _with_one(_finite(size), st.sampled_from(NANS)),
}
"""Strategies for the float32 bit patterns of a block, by name, given the block size."""

FINITE_KINDS = tuple(kind for kind in BLOCK_KINDS if kind not in ("inf", "nan"))
"""Kinds of blocks without Inf and NaN."""


def blocks(block_size: int = 32, kinds: Sequence[str] = FINITE_KINDS) -> SearchStrategy[Array]:
    """Return a strategy for blocks of float32 numbers.

    Parameters
    ----------
    block_size : int
        Number of elements.
    kinds : sequence of str
        Names in ``BLOCK_KINDS``; without ``"inf"`` and ``"nan"`` unless you ask for them.

    Returns
    -------
    SearchStrategy of ndarray of float32
        Arrays of shape ``(block_size,)``. In an eighth of them elements are zeros, whatever the
        kind, in a few all but the largest: what fails shrinks to few elements, or to one.

    Raises
    ------
    ValueError
        If the block size is not positive or a kind has no such name.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from msdnum import BLOCK_FORMATS, quantize, testing
    >>> @settings(max_examples=20)
    ... @given(testing.blocks())
    ... def a_finite_block_has_a_finite_scale(x):
    ...     assert np.isfinite(quantize(x, BLOCK_FORMATS["MXFP4"]).scales()).all()
    >>> a_finite_block_has_a_finite_scale()
    """
    if block_size < 1:
        raise ValueError(f"block_size must be positive, got {block_size}")
    unknown = [kind for kind in kinds if kind not in BLOCK_KINDS]
    if unknown or not kinds:
        raise ValueError(f"kinds must be some of {', '.join(BLOCK_KINDS)}, got {unknown}")
    whole = st.one_of([BLOCK_KINDS[kind](block_size) for kind in kinds])
    # Most blocks are whole; fewer elements are simpler.
    others = st.integers(0, 8 * block_size).map(lambda n: min(n, block_size - 1))
    return st.builds(_thinned, others, st.integers(0, block_size - 1), whole)


def _thinned(others: int, place: int, bits: Bits) -> Array:
    """Keep the largest element and so many after it, and make the rest zero.

    So a block shrinks to the one element, or the few, that make a property fail.
    """
    largest = int((bits & ~SIGN).argmax())
    kept = np.zeros_like(bits)
    if others == 0:
        kept[place] = bits[largest]
    else:
        places = (largest + np.arange(others + 1)) % bits.size
        kept[places] = bits[places]
    return kept.view(np.float32)


def rows(
    block_size: int = 32, max_blocks: int = 3, kinds: Sequence[str] = FINITE_KINDS
) -> SearchStrategy[Array]:
    """Return a strategy for rows of blocks of mixed kinds, the last block perhaps cut short.

    Parameters
    ----------
    block_size, max_blocks : int
        The row has 1 to ``max_blocks * block_size`` elements.
    kinds : sequence of str
        As for ``blocks``.

    Returns
    -------
    SearchStrategy of ndarray of float32
        Arrays of one axis.
    """
    return st.builds(
        lambda parts, cut: np.concatenate(parts)[: len(parts) * block_size - cut],
        st.lists(blocks(block_size, kinds), min_size=1, max_size=max_blocks),
        st.integers(0, block_size - 1),
    )


def bfloat16(arrays: SearchStrategy[Array]) -> SearchStrategy[Array]:
    """Return a strategy for the same arrays cut to BF16 values, as float32; NaN and Inf stay."""
    return arrays.map(lambda x: (x.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32))


def shapes(max_dims: int = 3, max_side: int = 70) -> SearchStrategy[tuple[int, ...]]:
    """Return a strategy for array shapes without empty axes, longer than one block or shorter."""
    sides = st.one_of(st.sampled_from([1, 31, 32, 33]), st.integers(1, max_side))
    return st.lists(sides, min_size=1, max_size=max_dims).map(tuple)

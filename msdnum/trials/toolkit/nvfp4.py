"""The bound on NVFP4 against the emulator: every BF16 amax of a tensor, BF16 numbers below it."""

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.emulator.blocks import quantize
from msdnum.evidence.bf16_pairs import to_float32
from msdnum.evidence.product_bounds import exact_values
from msdnum.formats.blocks import NVFP4
from msdnum.ledger.findings import Evidence, Finding, Verdict, Witness

__all__ = ["TENSOR_AMAX", "judge_nvfp4", "left_of", "pairs"]

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Patterns = NDArray[np.uint16]

TENSOR_AMAX = 2688.0
"""The scale of the tensor is 1: the first pass rounds quotients, scales and elements only."""

SMALLEST_AMAX = 2.0**-11
"""Its scale is 0."""

BELOW = np.arange(-26 * 15, 0).reshape(26, 15)
"""Patterns below that of amax, three binades: what is smaller leaves itself at most, an eighth."""


def pairs() -> Patterns:
    """Return blocks of BF16 patterns: every amax first, and the others below it, 15 at a time."""
    first, last = np.array([SMALLEST_AMAX, TENSOR_AMAX], np.float32).view(np.uint32) >> 16
    amaxes = np.arange(first, last + 1, dtype=np.int64)[:, np.newaxis, np.newaxis]
    leading = np.broadcast_to(amaxes, (len(amaxes), len(BELOW), 1))
    return np.concatenate([leading, amaxes + BELOW], axis=-1).reshape(-1, 16).astype(np.uint16)


def left_of(x: Array, terms: int) -> Floats:
    """Return what passes leave of a tensor, each with scales of its own; nothing else is rounded.

    Raises
    ------
    ValueError
        If what a pass but the last leaves is no binary32 number.
    """
    for term in range(terms):
        left = x.astype(np.float64) - exact_values(quantize(x, NVFP4))
        x = left.astype(np.float32)
        if term + 1 < terms and (x != left).any():
            raise ValueError(f"x must leave binary32 numbers after pass {term + 1}")
    return left


def judge_nvfp4(terms: int) -> Finding:
    """Compare what passes leave of all pairs with what theorem nvfp4-decomposition promises."""
    patterns = pairs()
    x = to_float32(patterns)
    left = np.abs(left_of(x, terms))
    amaxes, place = np.unique(x[:, 0], return_inverse=True)
    promised = [_promised(float(amax), terms) for amax in amaxes]
    ratios = left / np.array([float(bound) for bound in promised])[place, np.newaxis]
    row, element = divmod(int(ratios.argmax()), x.shape[1])
    ratio = Fraction(float(left[row, element])) / promised[place[row]]
    relative = float((left / np.where(x[:, :1] < 45 / 512, np.inf, x[:, :1])).max())
    return Finding(
        Verdict.HOLDS if ratio <= 1 else Verdict.FAILS,
        f"{float(ratio):.6g} of it",
        ratio,
        Evidence("exhaustive", x[:, 1:].size, "pairs of a BF16 amax and an x"),
        Witness("BF16", tuple(patterns[row].tolist()), element),
        (f"of amax, where the first scale is normal: {relative:.6g}",),
    )


def _promised(amax: float, terms: int) -> Fraction:
    return bounds.nvfp4_decomposition(
        amax, terms, tensor_amax=TENSOR_AMAX, unit_roundoff=bounds.U32
    )

"""Splits of CANN's kernels over all BF16 pairs, beside the paper's M/64516."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np
from numpy.typing import NDArray

from msdnum import bounds
from msdnum.emulator.cann.digits import (
    F1,
    F2,
    INT4_FIRST,
    INT4_RATIO,
    Digits,
    Division,
    Floats,
    Fusion,
    Switches,
    Variant,
    _fraction,
    _grouped,
    _multicore,
    half,
)

__all__ = [
    "BF16_PAIRS", "DIRECT", "FUSED", "PAPER_BOUND", "SUCCESSIVE", "SplitError",
    "proved_split_bound", "split_error", "split_errors",
]  # fmt: skip

PAPER_BOUND = Fraction(1, 64516)


@dataclass(frozen=True)
class SplitError:
    """The largest error of a split over all BF16 x and amax with ``|x| <= amax``.

    Parameters
    ----------
    variant : str
        Name of the variant.
    switches : Switches
        Switches under which it was run.
    error : Fraction
        ``|x - sum of weights * digits| / amax`` at the witness, exactly.
    x, amax : float
        Pair at which the error is the largest.
    bias : float
        Mean of ``(x - sum of weights * digits) / amax`` over the pairs, in binary64.
    """

    variant: str
    switches: Switches
    error: Fraction
    x: float
    amax: float
    bias: float

    @property
    def over_paper_bound(self) -> float:
        """The error over the paper's M / 64516; at most 1 where the kernel keeps the claim."""
        return float(self.error / PAPER_BOUND)

    @property
    def keeps_paper_bound(self) -> bool:
        """Whether the error is at most M / 64516, decided exactly."""
        return self.error <= PAPER_BOUND


EXPONENTS = 40
"""Binades of x below amax. A smaller x has the digits of the smallest of its sign here."""


BF16_PAIRS = 128 * (2 * 128 * EXPONENTS + 1)
"""BF16 pairs that are looked at, ``|x| > amax`` among them."""


def split_error(variant: Variant, switches: Switches | None = None) -> SplitError:
    """Decide the largest error of a split over all BF16 pairs.

    Every operation commutes with powers of two as long as nothing over- or underflows, so that
    amax in [1, 2) decides for all. An x below ``2**-EXPONENTS`` of it could change the result by
    no more than that. The largest errors are found in binary64 and decided in rationals.
    """
    switches = switches or Switches()
    amax, x = _pairs()
    digits = variant.decompose(x, amax, switches)
    weights = np.array([[float(w) for w in variant.weights(_fraction(m))] for m in amax[:, 0]])
    value = sum(d * weights[:, i, None] for i, d in enumerate(digits))
    signed = (x - value) / amax
    error = np.where(np.abs(x) <= amax, np.abs(signed), -1)
    worst = max(
        (_exact_error(variant, x, amax, digits, i, j) for i, j in _largest(error)),
        key=lambda found: found[0],
    )
    return SplitError(variant.name, switches, *worst, float(signed[error >= 0].mean()))


def _pairs() -> tuple[Floats, Floats]:
    """Return amax, (128, 1), and x, (1, n): all BF16 significands, either sign."""
    significands = 1 + np.arange(128, dtype=np.float32) / np.float32(128)
    powers = np.exp2(-np.arange(EXPONENTS, dtype=np.float32))
    positive = np.multiply.outer(powers, significands).ravel()
    x = np.concatenate([positive, -positive, np.zeros(1, np.float32)])
    return significands[:, None], x[None, :].astype(np.float32)


def _largest(error: NDArray[np.float64]) -> list[tuple[int, int]]:
    found = np.argwhere(error >= error.max() * (1 - 1e-9))
    return [(int(i), int(j)) for i, j in found[:64]]


def _exact_error(
    variant: Variant, x: Floats, amax: Floats, digits: Digits, i: int, j: int
) -> tuple[Fraction, float, float]:
    m, value = _fraction(amax[i, 0]), _fraction(x[0, j])
    weights = variant.weights(m)
    total = sum((w * int(d[i, j]) for w, d in zip(weights, digits, strict=True)), Fraction(0))
    return abs(value - total) / m, float(value), float(m)


def split_errors(variants: Iterable[Variant]) -> Iterator[SplitError]:
    """Decide variants under every switch that they have."""
    for variant in variants:
        fusions = Fusion if variant.split in (_multicore, _grouped) else [Fusion.SEPARATE]
        for division, fusion in product(Division, fusions):
            yield split_error(variant, Switches(division, fusion))


U32 = bounds.U32
DIVISIONS = {
    Division.NEAREST: U32,
    Division.RECIPROCAL: 2 * U32 + U32**2,
    Division.ULP_BELOW: 3 * U32 + 2 * U32**2,
    Division.ULP_ABOVE: 3 * U32 + 2 * U32**2,
}
"""Relative error of each way to divide."""

FIRST, RATIO = _fraction(INT4_FIRST), _fraction(INT4_RATIO)
GROWN = _fraction(np.float32(1.001)) * (1 + U32)

HALVES = abs(half(1 / 14.98) - 1 / RATIO) + abs(half(1 / 14.98**2) - 1 / RATIO**2)
"""What rounding the ratios of the later digits to half does to them."""


def _chained(ratio: Fraction | int, count: int) -> Fraction:
    """Return what rounding each scale, the one before over the ratio, does to the later digits."""
    return sum((((1 + U32) ** i - 1) / Fraction(ratio) ** i for i in range(1, count)), Fraction(0))


SUCCESSIVE: dict[str, Callable[[Fraction], Fraction]] = {
    "split_k_int8": lambda off: bounds.digit_splits(division=off),
    # Scales fl(amax / 127), and that times fl(1 / 254).
    "grouped_a16w8": lambda off: bounds.digit_splits(
        division=off, weights=U32 + (2 * U32 + U32**2) / 254
    ),
    "grouped_a16w4": lambda off: bounds.digit_splits(
        division=off, weights=abs(half(1 / 254) - Fraction(1, 254))
    ),
    "experimental_a16w4": lambda off: bounds.digit_splits(FIRST, RATIO, 3, division=off),
    "split_k_int4_half": lambda off: bounds.digit_splits(
        FIRST,
        RATIO,
        3,
        division=off,
        weights=7
        / FIRST
        * (abs(half(1 / 14.98) - 1 / RATIO) + abs(half(1 / 14.98**2) - RATIO**-2)),
    ),
    "attention_int8_x2": lambda off: bounds.digit_splits(division=off, weights=_chained(254, 2)),
    "attention_int8_x3": lambda off: bounds.digit_splits(
        127, 254, 3, division=off, weights=_chained(254, 3)
    ),
    "attention_int4_x4": lambda off: bounds.digit_splits(
        FIRST, RATIO, 4, division=off, weights=7 / FIRST * _chained(RATIO, 4)
    ),
    "ffn": lambda off: GROWN * bounds.digit_splits(128, 128, rounding=1, division=off),
}
"""What theorem digit-splits promises of each kernel that splits digit by digit, over amax."""

FUSED: dict[str, Callable[[Fraction], Fraction]] = {
    # The first digit rounds the rounded product; what is left is of the product itself.
    "grouped_a16w8": lambda off: bounds.digit_splits(
        division=off,
        rounding=Fraction(1, 2) + 127 * U32 * (1 + off),
        weights=U32 + (2 * U32 + U32**2) / 254,
    ),
}
"""The same where a kernel fuses that product with a sum."""

DIRECT = ("multicore", "multicore_short_k")
"""The kernels that subtract the first digit from the quotient itself."""


def proved_split_bound(variant: Variant, switches: Switches | None = None) -> Fraction:
    """Return the bound of theorem digit-splits on what a kernel leaves, over amax.

    It holds for every binary32 x and amax while nothing underflows.

    Raises
    ------
    ValueError
        If the kernel has no product to fuse with a sum.
    """
    switches = switches or Switches()
    division = DIVISIONS[switches.division or variant.division]
    fused = switches.fusion is Fusion.FUSED
    if variant.name in DIRECT:
        quotient = U32 if fused else 2 * U32 + U32**2
        first, second = _fraction(F1), _fraction(F2)
        return bounds.direct_split(first, second, division=division, quotient=quotient)
    known = FUSED if fused else SUCCESSIVE
    if variant.name not in known:
        raise ValueError(
            f"variant must be one of {', '.join([*DIRECT, *known])} where fusion is "
            f"{switches.fusion.name}, got {variant.name}"
        )
    return known[variant.name](division)

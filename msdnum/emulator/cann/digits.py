"""Digits of an activation as CANN's kernels split it, under named switches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, unique
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum._registry import Registry
from msdnum.emulator import argument_checks, backend

__all__ = [
    "VARIANTS", "Digits", "Division", "Floats", "Fusion", "Split", "Switches", "Variant", "Weights",
]  # fmt: skip

Floats: TypeAlias = NDArray[np.float32]


@unique
class Division(Enum):
    """How a vector unit divides: 1 ulp is documented on the 950, nothing before."""

    NEAREST = "correctly rounded"
    RECIPROCAL = "times the rounded reciprocal"
    ULP_BELOW = "one ulp toward zero of the correctly rounded quotient"
    ULP_ABOVE = "one ulp away from zero of the correctly rounded quotient"


@unique
class Fusion(Enum):
    """Whether Axpy and MulAddDst round their product."""

    SEPARATE = "product rounded, then sum rounded"
    FUSED = "one rounding"


@dataclass(frozen=True)
class Switches:
    """What is not documented of the arithmetic of the digits.

    Parameters
    ----------
    division : Division or None
        None: as the kernel's source has it.
    fusion : Fusion
        Of the residual ``t * F - a``.

    Raises
    ------
    TypeError
        If a switch is not of its type.
    """

    division: Division | None = None
    fusion: Fusion = Fusion.SEPARATE

    def __post_init__(self) -> None:
        """Refuse what is no switch."""
        if self.division is not None:
            argument_checks.check_mode("division", self.division, Division)
        argument_checks.check_mode("fusion", self.fusion, Fusion)


Digits: TypeAlias = list[NDArray[np.int8]]


Split: TypeAlias = Callable[[Floats, Floats, Switches], Sequence[Floats]]


Weights: TypeAlias = Callable[[Fraction], Sequence[Fraction]]


@dataclass(frozen=True)
class Variant:
    """How one kernel splits.

    Parameters
    ----------
    name : str
        Kernel, in short.
    digits : int
        Number of digits.
    largest : int
        Digits are clamped to ``-largest - 1`` to ``largest``: 127 or 7.
    split : callable
        From x, amax (broadcast against x) and switches to digits, as floats not yet clamped.
    weights : callable
        From amax to what the recombination multiplies each digit with, as a real number: its
        rounded constants count, its roundings do not.
    division : Division
        As in the source.
    """

    name: str
    digits: int
    largest: int
    split: Split
    weights: Weights
    division: Division = Division.NEAREST

    def decompose(self, x: Floats, amax: Floats, switches: Switches | None = None) -> Digits:
        """Return the digits of ``x`` for rows of the given ``amax``.

        Casts saturate: float to float, rounded, to half to integer. An amax of 0 divides 0 by 0,
        unguarded, and the cast of NaN is 0 here; the kernels do not say.

        Raises
        ------
        TypeError
            If an array is not float32, bfloat16 or float16.
        """
        backend.check_floats(x)
        backend.check_floats(amax, "amax")
        switches = switches or Switches()
        switches = replace(switches, division=switches.division or self.division)
        with np.errstate(all="ignore"):
            digits = self.split(x.astype(np.float32), amax.astype(np.float32), switches)
            clamped = [np.clip(np.nan_to_num(d), -self.largest - 1, self.largest) for d in digits]
        return [d.astype(np.int8) for d in clamped]


def divide(x: Any, y: Any, division: Division | None) -> Floats:
    """Return ``x / y`` as the switch has it; 0 and Inf are right in any case."""
    quotient: Floats = np.divide(x, y, dtype=np.float32)
    if division is Division.RECIPROCAL:
        quotient = np.multiply(x, np.divide(np.float32(1), y), dtype=np.float32)
    if division in (Division.ULP_BELOW, Division.ULP_ABOVE):
        outward = np.copysign(np.float32(np.inf), quotient)
        toward = outward if division is Division.ULP_ABOVE else np.float32(0)
        off = np.isfinite(quotient) & (quotient != 0)
        return np.where(off, np.nextafter(quotient, toward), quotient)
    return quotient


def multiply_add(a: Any, b: Any, c: Any, fusion: Fusion) -> Floats:
    """Return ``a * b + c`` in binary32, rounded once or twice."""
    if fusion is Fusion.SEPARATE:
        rounded: Floats = a * b + c
        return rounded
    # The product is exact in binary64; the sum is rounded to odd, so that rounding again is right.
    p, q = np.multiply(a, b, dtype=np.float64), np.asarray(c, np.float64)
    total = p + q
    back = total - p
    error = (p - (total - back)) + (q - back)
    even = total.view(np.int64) & 1 == 0
    toward = np.where(error > 0, np.inf, -np.inf)
    odd = np.where((error != 0) & even, np.nextafter(total, toward), total)
    fused: Floats = odd.astype(np.float32)
    return fused


def round_half_away(x: Floats) -> Floats:
    """CAST_ROUND, float to float."""
    return np.copysign(np.floor(np.abs(x.astype(np.float64)) + 0.5), x).astype(np.float32)


F1, F2 = np.float32(127.499), np.float32(2 * 127.499**2)


INT4_FIRST, INT4_RATIO = np.float32(7.49), np.float32(14.98)


def _multicore(x: Floats, amax: Floats, switches: Switches) -> list[Floats]:
    """``t = x / am; a1 = rha(t F1); a2 = rha((t - a1 (1 / F1)) F2)``."""
    t = divide(x, amax, switches.division)
    first = round_half_away(t * F1)
    rest = multiply_add(-first, np.float32(1) / F1, t, switches.fusion)
    return [first, round_half_away(rest * F2)]


def _successive(first: np.float32, *ratios: np.float32) -> Split:
    """``y = (x / am) first; a1 = rha(y)``, then each digit of the rest times its ratio."""

    def split(x: Floats, amax: Floats, switches: Switches) -> list[Floats]:
        rest = divide(x, amax, switches.division) * first
        digits = [round_half_away(rest)]
        for ratio in ratios:
            rest = (rest - digits[-1]) * ratio
            digits.append(round_half_away(rest))
        return digits

    return split


def _grouped(x: Floats, amax: Floats, switches: Switches) -> list[Floats]:
    """``c = 127 / am; a1 = rha(x c); a2 = rha((x c - a1) 254)``."""
    factor = divide(np.full_like(amax, 127), amax, switches.division)
    first = round_half_away(x * factor)
    rest = multiply_add(x, factor, -first, switches.fusion)
    return [first, round_half_away(rest * np.float32(254))]


def _feed_forward(x: Floats, amax: Floats, switches: Switches) -> list[Floats]:
    """``am' = 1.001 am``, base 128, rounded down both times."""
    scaled = divide(x, amax * np.float32(1.001), switches.division) * np.float32(128)
    first = np.floor(scaled)
    return [first, np.floor((scaled - first) * np.float32(128))]


def _residual_in_half(x: Floats, amax: Floats, switches: Switches) -> list[Floats]:
    """``y = (x / am) 127; a1 = rha(y); a2 = rha(fp16(y - a1) 254)``."""
    y = divide(x, amax, switches.division) * np.float32(127)
    first = round_half_away(y)
    rest = (y - first).astype(np.float16).astype(np.float32)
    return [first, round_half_away(rest * np.float32(254))]


def _constant(*weights: Fraction) -> Weights:
    return lambda amax: [amax * w for w in weights]


def _fraction(x: Any) -> Fraction:
    return Fraction(float(x))


def _powers(first: Any, ratio: Any, count: int) -> Weights:
    base, step = _fraction(first), _fraction(ratio)
    return _constant(*[1 / (base * step**i) for i in range(count)])


def later_scales(ratio: np.float32, count: int) -> list[np.float32]:
    """Return 1, then what attention multiplies each later product with: each over the ratio."""
    scales = [np.float32(1)]
    while len(scales) < count:
        scales.append(scales[-1] / ratio)
    return scales


def _attention_weights(first: np.float32, ratio: np.float32, count: int) -> Weights:
    return _constant(*[_fraction(s) / _fraction(first) for s in later_scales(ratio, count)])


def _dequantizing_weights(amax: Fraction) -> list[Fraction]:
    """``1 / 1024`` and ``1 / (1024 * 254)`` as Fixpipe keeps them, times ``1024 / 127``."""
    kept = [_fraction(kept_by_fixpipe(np.float32(x))) for x in (1 / 1024, 1 / (1024 * 254))]
    return [amax * x * 1024 / 127 for x in kept]


def kept_by_fixpipe(scale: np.float32) -> np.float32:
    """Return a scale without the low 13 bits of its significand."""
    bits = np.asarray(scale, np.float32).view(np.uint32) & np.uint32(0xFFFFE000)
    return np.float32(bits.view(np.float32))


def half(x: float) -> Fraction:
    """Return x rounded to half."""
    return Fraction(float(np.float16(x)))


def _grouped_weights(amax: Fraction) -> list[Fraction]:
    scale = _fraction(np.float32(float(amax)) / np.float32(127))
    return [scale, scale * _fraction(np.float32(1) / np.float32(254))]


def _feed_forward_weights(amax: Fraction) -> list[Fraction]:
    grown = _fraction(np.float32(float(amax)) * np.float32(1.001))
    return [grown / 128, grown / 16384]


_INT8 = _successive(np.float32(127), np.float32(254))


_INT4 = _successive(INT4_FIRST, INT4_RATIO, INT4_RATIO)


_STEP = Fraction(1) / _fraction(INT4_FIRST)


VARIANTS: Registry[Variant] = Registry.of(
    "VARIANTS",
    (
        Variant(
            "multicore", 2, 127, _multicore,
            _constant(1 / _fraction(F1), 1 / _fraction(F2)), Division.RECIPROCAL,
        ),
        Variant("multicore_short_k", 2, 127, _multicore,
                _constant(1 / _fraction(F1), 1 / _fraction(F2))),
        Variant("split_k_int8", 2, 127, _INT8, _powers(127, 254, 2)),
        Variant(
            "split_k_int4_half", 3, 7, _INT4,
            _constant(_STEP, _STEP * half(1 / 14.98), _STEP * half(1 / 14.98**2)),
        ),
        Variant("experimental_a16w4", 3, 7, _INT4, _powers(INT4_FIRST, INT4_RATIO, 3)),
        Variant("grouped_a16w8", 2, 127, _grouped, _grouped_weights),
        Variant(
            "grouped_a16w4", 2, 127, _INT8,
            _constant(Fraction(1, 127), Fraction(1, 127) * half(1 / 254)),
        ),
        Variant("ffn", 2, 127, _feed_forward, _feed_forward_weights),
        Variant(
            "attention_int8_x2", 2, 127, _INT8,
            _attention_weights(np.float32(127), np.float32(254), 2),
        ),
        Variant(
            "attention_int8_x3", 3, 127, _successive(*map(np.float32, (127, 254, 254))),
            _attention_weights(np.float32(127), np.float32(254), 3),
        ),
        Variant(
            "attention_int4_x4", 4, 7, _successive(INT4_FIRST, *[INT4_RATIO] * 3),
            _attention_weights(INT4_FIRST, INT4_RATIO, 4),
        ),
        Variant("attention_dd", 2, 127, _residual_in_half, _dequantizing_weights),
    ),
)  # fmt: skip
"""Every split by name. Short k is below 128: there the multicore kernel divides."""

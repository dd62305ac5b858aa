"""Casts of P: each headline number once more, in fractions and without the emulator."""

from bisect import bisect_left
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from msdnum.trials.pcast.claims import exactness
from msdnum.trials.pcast.scales import PATTERN_OF_ONE, StaticScale, all_scales, scales_from

E4M3 = [Fraction(m, 512) for m in range(8)] + [
    Fraction(8 + m, 8) * Fraction(2) ** e for e in range(-6, 9) for m in range(8)
]
E4M3 = [x for x in E4M3 if x <= 448]


def bf16(pattern):
    field, fraction = divmod(pattern, 128)
    if field == 0:
        return fraction * Fraction(2) ** -133
    return Fraction(128 + fraction, 128) * Fraction(2) ** (field - 127)


P = [bf16(pattern) for pattern in range(1, PATTERN_OF_ONE + 1)]


def cast(x):
    """Return the index of the nearest E4M3 number, to even in the middle."""
    j = min(max(bisect_left(E4M3, x), 1), len(E4M3) - 1)
    low, high = x - E4M3[j - 1], E4M3[j] - x
    return j if high < low or (high == low and j % 2 == 0) else j - 1


@pytest.mark.parametrize("scale", [1, 100.5, 255, 256, 264, 272, 288, 446, 448, 2.0**-20])
def test_every_weight_once_more_in_fractions(scale):
    s = Fraction(scale)
    codes = [cast(p * s) for p in P]
    errors = [abs(E4M3[c] / s - p) for c, p in zip(codes, P, strict=True)]
    normal = [(e / p) for e, p in zip(errors, P, strict=True) if p * s >= Fraction(1, 64)]
    became = sorted({0, *codes})
    gaps = [E4M3[b] - E4M3[a] for a, b in pairwise(became)]
    found = StaticScale.of(scale)
    assert found.error == max(errors) == errors[found.worst - 1]
    assert found.relative_error == max(normal, default=0)
    assert found.gap == max(gaps, default=0) / s
    assert found.flushed == codes.count(0) == sum(p * s <= Fraction(1, 1024) for p in P)
    assert found.normal == len(normal)


def test_the_least_worst_error_is_that_of_264():
    """Worst errors of all scales from the ties alone: halfway points, and what 1 becomes."""
    least = {}
    for s in map(Fraction, map(float, scales_from(1))):
        at_one = abs(E4M3[cast(s)] - s)
        halves = [(b - a) / 2 for a, b in pairwise(E4M3) if (a + b) / 2 <= s]
        least[s] = max(at_one, max(halves)) / s
    assert min(least.values()) == Fraction(1, 33) == least[264]
    assert least[256] == Fraction(1, 32)
    assert all(StaticScale.of(s).error <= least[s] for s in (256, 264, 300))


def test_spacings_beside_a_scale():
    found = StaticScale.of(256)
    assert (found.spacing_below, found.spacing_above) == (Fraction(1, 16), Fraction(1, 8))
    assert StaticScale.of(448).spacing_below == Fraction(32, 448)


def test_normal_range_in_binades():
    assert [StaticScale.of(s).normal for s in (128, 256)] == [13 * 128 + 1, 14 * 128 + 1]
    assert sum(p >= Fraction(1, 64) / 448 for p in P) == StaticScale.of(448).normal == 1902


def test_what_lies_above_448_of_512_saturates():
    assert StaticScale.of(512).error == 1 - Fraction(448, 512)


def test_all_scales_are_all():
    scales = all_scales()
    assert scales[0] == 2.0**-133
    assert scales[-1] == 448
    assert len(scales) == 0x43E0
    numbers = {float(x) for x in E4M3[1:]} | {2.0**k for k in range(-133, 9)}
    assert numbers <= set(scales.tolist())


def test_448_is_exact_in_binary32_for_bf16_and_not_for_binary32():
    assert all((p * 448).numerator.bit_length() <= 24 for p in P)
    odd = 2**24 - 1
    assert (odd * 7).bit_length() > 24
    assert (odd * 7) % 8


def fl32(x):
    """Round a fraction to 24 bits, to even: normal numbers only."""
    e = 24 - (x.numerator.bit_length() - x.denominator.bit_length())
    scaled = x * Fraction(2) ** e
    while scaled >= 2**24:
        scaled, e = scaled / 2, e - 1
    while scaled < 2**23:
        scaled, e = scaled * 2, e + 1
    return round(scaled) / Fraction(2) ** e


def test_fifty_codes_change_with_448():
    """Where 448 P in binary32 and 448 P lie on different sides of a midpoint, in fractions."""
    changed = []
    for a, b in pairwise(E4M3):
        middle = np.float32(float((a + b) / 2 / 448))
        for k in range(-3, 4):
            p = Fraction(float((middle.view(np.int32) + np.int32(k)).view(np.float32)))
            if p <= 1 and cast(fl32(p * 448)) != cast(p * 448):
                changed.append(p)
    assert len(changed) == 50
    assert exactness._judge_codes(448).found.startswith("50 of")

"""Formats of IEEE P3109, held to what gfloat 0.5.2 made of them: digests, for it is not installed.

The digests are over float64: every code's number, and what inputs around every number, midpoint
and overflow round to.
"""

import hashlib
import json
import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from msdnum import Overflow, Rounding, decode, encode, spec
from msdnum.formats import E4M3, FloatFormat, NonNumbers, p3109
from msdnum.formats.elements import E4M3FNUZ
from tests.support.agreement import on_numpy_and_jit
from tests.support.paths import ROOT

PEER = json.loads((ROOT / "tests/data/p3109_gfloat.json").read_text(encoding="utf-8"))["formats"]
FORMATS = {
    fmt.name: fmt
    for width in range(3, 9)
    for signed in (True, False)
    for infinities in (True, False)
    for precision in range(1, width + 1 - signed)
    if (fmt := p3109(width, precision, signed=signed, infinities=infinities)).name in PEER
}


def digest(numbers):
    plain = np.array([math.nan if x != x else x for x in numbers], "<f8")
    return hashlib.sha256(plain.tobytes()).hexdigest()[:16]


def inputs(fmt):
    """Return numbers, midpoints with their float32 neighbours, and magnitudes that overflow.

    With float64 neighbours gfloat's RNA would go up below a midpoint: it adds 0.5 in float64.
    """
    numbers = sorted({abs(x) for x in fmt.values if math.isfinite(x)})
    found = [0.0]
    for low, high in pairwise(numbers):
        middle = np.float32((low + high) / 2)
        found += [low, middle, *(np.nextafter(middle, np.float32(end)) for end in (0, np.inf))]
    found += [numbers[-1], numbers[-1] * 1.25, numbers[-1] * 4]
    return np.array(found + [-x for x in found] * fmt.signed)


def test_the_peer_has_them_all():
    assert set(FORMATS) == set(PEER)
    assert len(FORMATS) == 120


@pytest.mark.parametrize("name", FORMATS)
def test_every_code_is_the_number_of_the_peer(name):
    fmt = FORMATS[name]
    assert digest(fmt.values) == PEER[name]["numbers"]
    codes = np.arange(1 << fmt.bits, dtype=np.uint8)
    np.testing.assert_array_equal(decode(codes, fmt), np.float32(fmt.values))
    for code, x in enumerate(fmt.values):
        if math.isfinite(x):
            assert spec.decode(code, fmt) == Fraction(x)


@pytest.mark.parametrize("name", FORMATS)
def test_numbers_round_as_those_of_the_peer(name):
    fmt, x = FORMATS[name], inputs(FORMATS[name])
    for rounding in (mode for mode in Rounding if mode is not Rounding.STOCHASTIC):
        codes = encode(x, fmt, overflow=Overflow.SATURATE, rounding=rounding)
        assert digest(decode(codes, fmt)) == PEER[name][rounding.name], rounding
    for rounding in (Rounding.RNE, Rounding.RNA):
        codes = encode(x, fmt, overflow=Overflow.OVERFLOW, rounding=rounding)
        assert digest(decode(codes, fmt)) == PEER[name][f"{rounding.name} over"], rounding


@pytest.mark.parametrize("name", ["binary8p1se", "binary8p1uf", "binary8p3sf", "binary6p4ue"])
def test_arrays_round_as_specified(name):
    fmt = FORMATS[name]
    x = np.append(
        inputs(fmt)[abs(inputs(fmt)) < 2.0**127].astype(np.float32),
        np.float32([np.nan, np.inf, -np.inf, -1]),
    )
    for overflow in Overflow:
        for rounding in (mode for mode in Rounding if mode is not Rounding.STOCHASTIC):
            found = on_numpy_and_jit(
                lambda v, o=overflow, r=rounding: encode(v, fmt, overflow=o, rounding=r), x
            )
            expected = [
                spec.encode(spec.from_float(float(v)), fmt, overflow=overflow, rounding=rounding)
                for v in x
            ]
            np.testing.assert_array_equal(found, expected)


def test_a_tie_of_one_bit_goes_to_the_even_code():
    fmt = p3109(8, 1)
    low, high = fmt.value(63), fmt.value(64)
    tie = np.float32([(low + high) / 2, (high + fmt.value(65)) / 2])
    np.testing.assert_array_equal(encode(tie, fmt, overflow=Overflow.SATURATE), [64, 64])
    ieee = FloatFormat("IEEE", 7, 0, 64, NonNumbers.INF_AND_ONE_NAN)
    np.testing.assert_array_equal(encode(tie, ieee, overflow=Overflow.SATURATE), [64, 65])


def test_finite_eight_bits_of_precision_four_are_fnuz():
    fnuz, finite = E4M3FNUZ, p3109(8, 4, infinities=False)
    np.testing.assert_array_equal(fnuz.values, finite.values)


def test_what_is_no_format_is_refused_in_words():
    with pytest.raises(ValueError, match=r"precision must be in 1..7 for 'binary8p8se' of 8 bits"):
        p3109(8, 8)
    with pytest.raises(TypeError, match="width"):
        p3109("8", 3)
    with pytest.raises(ValueError, match=r"exponent_bits must be in 1..8"):
        p3109(15, 2)
    with pytest.raises(ValueError, match="ties_by_code must be False"):
        FloatFormat("x", 4, 3, ties_by_code=True)
    with pytest.raises(ValueError, match="no number besides zero"):
        FloatFormat("x", 1, 0, 1, NonNumbers.INF_AND_ONE_NAN)
    assert E4M3.ties_by_code is False

"""Helpers of the tests of CANN."""

import math
from fractions import Fraction

import numpy as np

from msdnum import spec
from msdnum.emulator.cann.digits import Division
from msdnum.formats.elements import FP16
from msdnum.formats.modes import Overflow

RNG = np.random.default_rng(0)


def fl(x):
    return spec.number(spec.fl32(Fraction(x)))


def constant(x):
    return fl(Fraction(str(x)))


def half(x):
    """Round a number to half (RNE)."""
    return spec.number(spec.round_to(Fraction(x), FP16, overflow=Overflow.OVERFLOW))


def away(x):
    """Round half away from zero."""
    return int(math.copysign(math.floor(abs(x) + Fraction(1, 2)), x))


# Scalar digits, from the note's table


def quotient(x, y, division):
    if division is Division.RECIPROCAL:
        return fl(x * fl(1 / y))
    return fl(x / y)


def multicore(x, m, division):
    f1, f2 = constant(127.499), fl(2 * Fraction("127.499") ** 2)
    t = quotient(x, m, division)
    first = away(fl(t * f1))
    rest = fl(t - fl(first * fl(1 / f1)))
    return [first, away(fl(rest * f2))]


def successive(first, ratio, count):
    def digits(x, m, division):
        rest = fl(quotient(x, m, division) * constant(first))
        found = [away(rest)]
        for _ in range(count - 1):
            rest = fl(fl(rest - found[-1]) * constant(ratio))
            found.append(away(rest))
        return found

    return digits


def residual_in_half(x, m, division):
    rest = fl(quotient(x, m, division) * 127)
    first = away(rest)
    return [first, away(fl(half(fl(rest - first)) * 254))]


def grouped(x, m, division):
    factor = quotient(Fraction(127), m, division)
    first = away(fl(x * factor))
    rest = fl(fl(x * factor) - first)
    return [first, away(fl(rest * 254))]


def feed_forward(x, m, division):
    scaled = fl(quotient(x, fl(m * constant(1.001)), division) * 128)
    first = math.floor(scaled)
    return [first, math.floor(fl(fl(scaled - first) * 128))]


ORACLES = {
    "multicore": multicore,
    "multicore_short_k": multicore,
    "split_k_int8": successive(127, 254, 2),
    "split_k_int4_half": successive(7.49, 14.98, 3),
    "experimental_a16w4": successive(7.49, 14.98, 3),
    "grouped_a16w8": grouped,
    "grouped_a16w4": successive(127, 254, 2),
    "ffn": feed_forward,
    "attention_int8_x2": successive(127, 254, 2),
    "attention_int8_x3": successive(127, 254, 3),
    "attention_int4_x4": successive(7.49, 14.98, 4),
    "attention_dd": residual_in_half,
}

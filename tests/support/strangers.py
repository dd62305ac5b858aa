"""Formats, schemes and blocks that nobody here has written: drawn at random, to try bounds on."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import transposed
from msdnum.formats.accumulators import ALL_ACCUMULATORS
from msdnum.formats.blocks import NVFP4, BlockFormat
from msdnum.formats.elements import BINARY32, E8M0, FloatFormat, IntegerFormat, NonNumbers
from msdnum.formats.modes import Arithmetic, ScaleRule
from msdnum.formats.schemes import OWN_AMAX, Scheme, amax_scheme

RULES = [rule for rule in ScaleRule if rule is not ScaleRule.AMAX]
UNITS = list(ALL_ACCUMULATORS.values())


def element(rng, most=13):
    """Draw a float format (E 1 to 5, M 0 to 7, any specials) or, one in four, an integer one.

    Of at most ``most`` bits.
    """
    while True:
        try:
            if rng.random() < 0.25:
                bits = int(rng.integers(2, 9))
                low = -(1 << (bits - 1)) + int(rng.integers(0, 2))
                return IntegerFormat(f"I{bits}", bits, low, int(rng.integers(0, bits)))
            exponent = int(rng.integers(1, 6))
            fraction = int(rng.integers(0, min(8, most - exponent)))
            specials = list(NonNumbers)[rng.integers(len(NonNumbers))]
            usual = (1 << (exponent - 1)) - 1
            bias = usual + int(rng.integers(-2, 3))
            return FloatFormat(f"E{exponent}M{fraction}", exponent, fraction, bias, specials)
        except ValueError:
            continue


def scheme(rng, block_size=None, most=13):
    """Draw a scheme: one in five of INT8's kind, the others with power-of-two scales."""
    draw = _integers if rng.random() < 0.2 else _floats
    while True:
        try:
            return draw(rng, block_size, most)
        except ValueError:
            continue


def _floats(rng, block_size, most):
    count = int(rng.integers(1, 5))
    rule = RULES[rng.integers(len(RULES))]
    formats = tuple(
        BlockFormat(f"MX-{e.name}", e, E8M0, block_size, rule)
        for e in (element(rng, most) for _ in range(count))
    )
    ratios = tuple(Fraction(2) ** int(rng.integers(-2, 10)) for _ in range(count - 1))
    ratios = OWN_AMAX if rng.random() < 0.25 else ratios
    return Scheme("stranger", formats, ratios, Arithmetic.EXACT)


def _integers(rng, block_size, most):
    count = int(rng.integers(1, 4))
    elements = [
        IntegerFormat(f"I{b}", b, 1 - (1 << b - 1)) for b in rng.integers(2, 9, count).tolist()
    ]
    found = amax_scheme("stranger", *elements, block_size=block_size)
    ratios = tuple(Fraction(int(rng.integers(1, int(r) + 1))) for r in found.ratios)
    return Scheme("stranger", found.formats, ratios, Arithmetic.EXACT)


def block(rng, size, exponent=None):
    """Draw a binary32 block whose amax comes first, in any binade or in the one that is named."""
    exponent = int(rng.integers(-149, 128)) if exponent is None else exponent
    amax = np.ldexp(1 + rng.random() * (rng.random() < 0.8), exponent)
    amax = min(float(np.float32(amax)), float(np.finfo(np.float32).max))
    x = np.float32(amax) * rng.random(size) * np.exp2(-rng.integers(0, 12, size))
    grid = np.round(x / amax * 256) / 256 * amax
    x = np.where(rng.random(size) < 0.5, x, grid) * rng.choice([-1, 1], size)
    x[0] = amax
    return np.clip(x, -amax, amax).astype(np.float32)


def weight_format(rng, block_size):
    """Draw a format of weights: of OCP's and NVIDIA's kind, or with binary32 scales."""
    kind = rng.integers(4)
    if kind == 0:
        return replace(NVFP4, block_size=block_size)
    while True:
        e = element(rng, 8)
        try:
            if kind == 1:
                return BlockFormat(e.name, e, BINARY32, block_size, ScaleRule.AMAX)
            return BlockFormat(e.name, e, E8M0, block_size, RULES[rng.integers(len(RULES))])
        except ValueError:
            continue


def product(rng):
    """Draw a factor, how to decompose it, a weight and a unit: ranges from tiny to huge."""
    size, k = 8, int(rng.integers(1, 40))
    exponents = rng.integers(-149, 128, 2) if rng.random() < 0.7 else rng.integers(-4, 4, 2)
    if rng.random() < 0.4:
        exponents[1] = np.clip(-exponents[0] + rng.integers(-6, 7), -149, 127)
    x = np.stack([block(rng, k, int(exponents[0])) for _ in range(2)])
    w = np.stack([block(rng, k, int(exponents[1])) for _ in range(2)])
    w = np.where(np.isfinite(w), w, 0)
    quantized = transposed(quantize(w, weight_format(rng, size)))
    return x, scheme(rng, size, 8), quantized, UNITS[rng.integers(len(UNITS))]

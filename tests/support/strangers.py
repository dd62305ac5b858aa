"""Blocks, products and heads that nobody here has written: drawn at random, to try bounds on."""

from dataclasses import replace

import numpy as np

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import transposed
from msdnum.evidence.strangers import RULES, block, element, scheme
from msdnum.formats.accumulators import ALL_ACCUMULATORS
from msdnum.formats.blocks import NVFP4, BlockFormat
from msdnum.formats.elements import BINARY32, E8M0
from msdnum.formats.modes import ScaleRule

UNITS = list(ALL_ACCUMULATORS.values())


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

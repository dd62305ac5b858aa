"""Blocks, products and units that nobody here has written: drawn at random, to try bounds on."""

from dataclasses import replace

import numpy as np

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import transposed
from msdnum.evidence.strangers import RULES, block, element, scheme
from msdnum.formats.accumulators import (
    ALL_ACCUMULATORS,
    INSTRUCTIONS,
    Blocks,
    Cdna3Unit,
    FusedUnit,
    GroupedUnit,
    MatrixUnit,
    PairwiseUnit,
)
from msdnum.formats.blocks import NVFP4, BlockFormat
from msdnum.formats.chained_units import ChainUnit, LanesUnit
from msdnum.formats.elements import BF16, BINARY32, E4M3, E5M2, E8M0, FP16
from msdnum.formats.modes import ScaleRule
from msdnum.formats.own_units import DesignedUnit, Pairwise, Sequential, SumRounding
from msdnum.formats.scale_searches import EVERY_SCALE, FOUR_OVER_SIX

PRESETS = list(ALL_ACCUMULATORS.values())
OUTPUTS, ROUNDINGS = (BINARY32, BINARY32, FP16, BF16), list(SumRounding)


def choice(rng, values):
    """Draw one."""
    return list(values)[rng.integers(len(values))]


def coin(rng, probability=0.5):
    """Draw a bool."""
    return bool(rng.random() < probability)


def divisor(rng, n):
    """Draw a divisor."""
    return choice(rng, [d for d in range(1, n + 1) if n % d == 0])


def designed(rng):
    """Draw a unit by all that published units vary."""
    group, late = int(rng.integers(1, 33)), coin(rng)
    return DesignedUnit(
        "designed", group, int(rng.integers(1, 26)), choice(rng, OUTPUTS), choice(rng, ROUNDINGS),
        choice(rng, ROUNDINGS), coin(rng), late, divisor(rng, group) if late else 1, coin(rng),
        coin(rng, 0.3), coin(rng), coin(rng), int(rng.integers(-300, -126)),
    )  # fmt: skip


def matrix_unit(rng):
    """Draw a truncating unit, of sums in binary32 or FP16."""
    sizes = (int(rng.integers(1, high)) for high in (33, 41, 24))
    zero, output = int(rng.integers(-300, -126)), choice(rng, (BINARY32, BINARY32, FP16))
    return MatrixUnit("matrix", *sizes, exponent_of_zero=zero, output=output)


def chained(rng):
    """Draw lanes or a chain, in any format and rounding."""
    rest = choice(rng, OUTPUTS), choice(rng, ROUNDINGS)
    flushes = coin(rng, 0.3), coin(rng, 0.3)
    if coin(rng):
        order = tuple(rng.permutation(int(rng.integers(1, 6))).tolist())
        return ChainUnit("chain", order, *rest, *flushes)
    group = int(rng.integers(1, 17))
    return LanesUnit("lanes", group, divisor(rng, group), *rest, coin(rng), *flushes)


def other(rng):
    """Draw a unit of one of the other kinds."""
    return choice(
        rng,
        [
            Cdna3Unit("cdna3", int(rng.integers(1, 9)), 1, int(rng.integers(2, 26))),
            FusedUnit("fused", int(rng.integers(1, 9))),
            PairwiseUnit("pairwise", 1 << int(rng.integers(0, 4))),
            GroupedUnit("grouped", 16, divisor(rng, 16), int(rng.integers(20, 36))),
            Sequential(choice(rng, OUTPUTS), choice(rng, ROUNDINGS), coin(rng)),
            Pairwise(choice(rng, OUTPUTS), choice(rng, ROUNDINGS)),
            choice(rng, INSTRUCTIONS.values()),
        ],
    )


def unit(rng):
    """Draw a preset, or as often a unit of one's own, alone or in blocks."""
    if coin(rng):
        return choice(rng, PRESETS)
    while True:
        try:
            found = choice(rng, (designed, matrix_unit, chained, other))(rng)
            if coin(rng, 0.85):
                return found
            outputs = (BINARY32, found.output)
            return Blocks(1 << int(rng.integers(0, 6)), found, 1, choice(rng, outputs))
        except ValueError:
            continue


def weight_format(rng, block_size, heights=(1,)):
    """Draw a format of weights: of OCP's and NVIDIA's kind, or with scales of any other.

    Some have a scale of the tensor, scales that are searched, or tiles of so many rows.
    """
    kind, rows = rng.integers(6), choice(rng, heights)
    while True:
        e = element(rng, 8)
        try:
            if kind == 0:
                search = choice(rng, (None, None, FOUR_OVER_SIX, EVERY_SCALE))
                return replace(NVFP4, block_size=block_size, search=search)
            if kind == 1:
                scale, size = choice(rng, (BF16, FP16, E4M3, E5M2)), choice(rng, (block_size, None))
                tensor = coin(rng, 0.3)
                return BlockFormat(e.name, e, scale, size, ScaleRule.AMAX, tensor, rows=rows)
            if kind == 2:
                return BlockFormat(e.name, e, BINARY32, block_size, ScaleRule.AMAX)
            search = choice(rng, (None, None, None, EVERY_SCALE))
            rule = choice(rng, RULES)
            return BlockFormat(e.name, e, E8M0, block_size, rule, rows=rows, search=search)
        except ValueError:
            continue


def product(rng, rows=2):
    """Draw factors, how to decompose one, and a unit: ranges from tiny to huge, row by row."""
    size, k = 8, int(rng.integers(1, 40))
    x, w = (np.empty((rows, k), np.float32) for _ in range(2))
    for i in range(rows):
        exponents = rng.integers(-149, 128, 2) if coin(rng, 0.7) else rng.integers(-4, 4, 2)
        if coin(rng, 0.4):
            exponents[1] = np.clip(-exponents[0] + rng.integers(-6, 7), -149, 127)
        x[i], w[i] = (block(rng, k, int(e)) for e in exponents)
    w = np.where(np.isfinite(w), w, 0)
    return x, scheme(rng, size, 8), weight(rng, w, size), unit(rng)


def weight(rng, w, size):
    """Quantize to a format that is drawn, whose scales hold these numbers."""
    while True:
        try:
            return transposed(quantize(w, weight_format(rng, size, (1, 1, 1, 2, 8))))
        except ValueError:
            continue

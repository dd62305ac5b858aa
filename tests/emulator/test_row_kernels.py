"""Kernels compiled by numba: the bits of NumPy's way, on hostile rows of every kind."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba")

from msdnum import SCHEMES, decompose, decompose_terms, quantize, use_numba
from msdnum.emulator import compiled_rows
from msdnum.formats.blocks import BLOCK_FORMATS, MXFP4
from msdnum.formats.elements import FP16
from msdnum.formats.modes import Arithmetic, ScaleRule
from msdnum.formats.schemes import OWN_AMAX
from tests.emulator.conftest import same_bits
from tests.support.decompositions import MIXED

RULES = [ScaleRule.FLOOR, ScaleRule.CEIL, ScaleRule.RCEIL, ScaleRule.EVEN, ScaleRule.COVERING]


def hostile(rows=192, size=32, seed=11):
    """Return rows of all patterns, binades, ties, subnormals, zeros, and NaN and Inf alone."""
    rng = np.random.default_rng(seed)
    shape = rows // 6, size
    top = rng.integers(0, 0x7F800000, (shape[0], 1))
    sign = rng.integers(0, 2, shape) << 31
    kinds = [
        rng.integers(0, 1 << 32, shape),
        sign | rng.integers(0, 1 << 31, shape) % (top + 1),
        sign | np.maximum(top - (rng.integers(0, 14, shape) << 23), 0) & ~((1 << 19) - 1),
        sign | rng.integers(0, 1 << rng.integers(1, 25, (shape[0], 1)), shape),
        sign | rng.integers(0x7E000000, 0x7F800000, shape),
        sign | (rng.integers(0, 3, shape) == 0) * rng.integers(0, 0x7F800000, shape),
    ]
    patterns = np.concatenate(kinds).astype(np.uint32)
    patterns[1, 3], patterns[2, 5], patterns[3] = 0x7F800000, 0xFFC00001, 0
    patterns[4] = 0xFF7FFFFF
    return patterns.view(np.float32)


def both(function, *arguments, **options):
    found = []
    for use in (True, False):
        with use_numba(use):
            found.append(function(*arguments, **options))
    same_bits(*found)
    return found[0]


ELEMENTS = {fmt.element for fmt in BLOCK_FORMATS.values()} | {FP16}


@pytest.mark.parametrize("size", [1, 6, 16, 32])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_codes_and_scales_of_every_element_format(rule, size):
    for element in sorted(ELEMENTS, key=lambda fmt: fmt.name):
        fmt = replace(MXFP4, name="one", element=element)
        if element.emax > 1 and rule in ScaleRule.powers_of_two():
            both(quantize, hostile(size=96), fmt, rule=rule, block_size=size)


@pytest.mark.parametrize("scheme", [*SCHEMES.values(), *MIXED], ids=lambda scheme: scheme.name)
def test_terms_and_remainders_of_every_scheme(scheme):
    for chosen in [scheme, *own_scales(scheme)]:
        both(decompose_terms, hostile(size=96), chosen)
        both(decompose, hostile(size=96), chosen)


def own_scales(scheme):
    exact_integers = scheme.formats[0].rule is ScaleRule.AMAX and (
        scheme.arithmetic is Arithmetic.EXACT
    )
    return [] if exact_integers else [replace(scheme, ratios=OWN_AMAX)]


@pytest.mark.parametrize("axis", [-1, 0, None])
def test_other_axes_and_arrays_that_are_read_only(axis):
    x = hostile(size=96)
    x.flags.writeable = False
    both(quantize, x, MXFP4, axis=axis)
    both(quantize, x[::2, ::3], MXFP4, axis=axis)


def test_threads_share_the_rows(monkeypatch):
    monkeypatch.setattr(compiled_rows, "CHUNK", 1 << 10)
    monkeypatch.setattr(compiled_rows, "cores", lambda: 3)
    x = hostile(192, 96)
    both(quantize, x, MXFP4)
    both(decompose, x, SCHEMES["MXFP4_X2"])
    both(decompose_terms, x, SCHEMES["INT8_X2_FLOAT32"])


def test_more_rows_than_a_tile():
    x = np.tile(hostile(192, 96), (10, 1))
    both(decompose, x, SCHEMES["MXFP4_X2"])
    both(decompose_terms, x, SCHEMES["INT8_X2_FLOAT32"], axis=None)

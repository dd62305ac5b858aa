"""Tiles: bits do not depend on them."""

import pytest

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm import tiles
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import EXACT, HOPPER, SEQUENTIAL, Blocks
from msdnum.formats.blocks import MXFP4
from tests.support.products import assert_same_bits, normal, on_jax


@pytest.mark.parametrize("accumulator", [SEQUENTIAL, Blocks(32, EXACT), HOPPER])
def test_bits_do_not_depend_on_tiles(accumulator, monkeypatch):
    monkeypatch.setattr(tiles, "DOT_ELEMENTS", 1 << 17)
    a, b = quantize(normal(600, 96), MXFP4), quantize(normal(96, 700, seed=1), MXFP4, axis=-2)
    whole = matmul(a, b, accumulator=accumulator)
    for i, j in ((0, 0), (599, 699), (300, 512)):
        x = QuantizedArray(a.codes[i : i + 1], a.scale_codes[i : i + 1], None, a.format, -1)
        column = slice(j, j + 1)
        y = QuantizedArray(b.codes[:, column], b.scale_codes[:, column], None, b.format, -2)
        assert_same_bits(matmul(x, y, accumulator=accumulator)[0, 0], whole[i, j])
    assert_same_bits(matmul(*on_jax((a, b)), accumulator=accumulator), whole)

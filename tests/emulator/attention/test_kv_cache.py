"""The KV cache: presets, and heads of a group."""

from dataclasses import replace

import numpy as np
import pytest

from msdnum import BlockFormat, ScaleRule, attend, matmul, quantize
from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.attention.methods import FLOAT32_FLASH, Mask
from msdnum.emulator.gemm import transposed
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.formats import BINARY32, E4M3, EXACT
from msdnum.formats.schemes import Scheme
from tests.support.agreement import assert_same_bits, on_numpy_and_jit
from tests.support.attention import drawn, over_cache
from tests.support.selection import quick


@pytest.mark.parametrize("name", KV_FORMATS)
def test_heads_of_a_group_share_keys_and_values(name):
    q, k, v = drawn(2, 6, 3, 32), drawn(2, 2, 33, 32), drawn(2, 2, 33, 8)
    found = over_cache(name, DECOMPOSING[name], mask=Mask.CAUSAL)(q, k, v)
    repeated = (np.repeat(x, 3, axis=1) for x in (k, v))
    assert_same_bits(found, over_cache(name, DECOMPOSING[name], mask=Mask.CAUSAL)(q, *repeated))


def test_presets_are_of_the_schemes_they_name():
    assert set(DECOMPOSING) == set(KV_FORMATS)
    assert all(
        isinstance(m.queries, Scheme) and m.queries == m.weights for m in DECOMPOSING.values()
    )


# One scale for a tensor, for a group along the head, for a group of tokens, for a rectangle

FP8 = BlockFormat("FP8", E4M3, BINARY32, None, ScaleRule.AMAX)
GROUPS = BlockFormat("FP8_GROUPS", E4M3, BINARY32, 16, ScaleRule.AMAX)
WIDE = (4, 32), (64, 32), (64, 32)


def test_a_scale_of_the_tensor_is_that_of_every_channel():
    q, k, v = (drawn(*shape) for shape in WIDE)
    for scale in (None, 1, 0.25):
        whole = [quantize(x, FP8, axis=None, scales=scale) for x in (k, v)]
        each = [
            quantize(x, FP8, axis=-2, scales=w.scales()) for x, w in zip((k, v), whole, strict=True)
        ]
        assert_same_bits(attend(q, *whole, FLOAT32_FLASH), attend(q, *each, FLOAT32_FLASH))


def test_groups_have_their_scales_in_the_products():
    """Scores are sums of the products of groups, each times its scale, as `matmul` has them."""
    q, k, v = (drawn(*shape) for shape in WIDE)
    keys, values = quantize(k, GROUPS), quantize(v, GROUPS, axis=-2)
    method = replace(FLOAT32_FLASH, accumulator=EXACT, tile=64)
    found = attend(q, keys, values, method, scale=1.0)
    scores = matmul(q, transposed(keys), accumulator=EXACT)
    p = method.exp.function(scores - scores.max(axis=1, keepdims=True))
    total = p
    while total.shape[1] > 1:
        total = total[:, 0::2] + total[:, 1::2]
    assert_same_bits(found, matmul(p, values, accumulator=EXACT) / total)
    exact = attend(q, keys.dequantize(), values.dequantize(), method, scale=1.0)
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-6)


def test_rectangles_and_groups_cross_tiles_and_jit():
    q, k, v = (drawn(*shape) for shape in WIDE)
    method = replace(FLOAT32_FLASH, tile=32)

    def found(q, k, v):
        tile = quantize(k, FP8, block_size=(16, 32))
        return attend(q, tile, quantize(v, GROUPS, axis=-2), method)

    one = on_numpy_and_jit(found, q, k, v)
    whole = attend(q, quantize(k, FP8, block_size=(16, 32)), quantize(v, GROUPS, axis=-2), method)
    assert_same_bits(one, whole)


def test_groups_as_long_as_a_tile_keep_their_scales():
    """They look like scales per channel in each tile, which are multiplied at the end alone."""
    q, k, v = drawn(4, 32), drawn(41, 32), drawn(41, 8)
    method = replace(FLOAT32_FLASH, tile=32)

    def found(q, k, v):
        return attend(q, k, quantize(v, GROUPS, axis=-2, block_size=32), method)

    values = quantize(v, GROUPS, axis=-2, block_size=32).dequantize()
    exact = attend(q, k, values, method)
    np.testing.assert_allclose(on_numpy_and_jit(found, q, k, v), exact, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("block", quick([8, 12, (16, 8)], {"12"}))
def test_groups_along_the_head_of_values_are_attended_to_apart(block):
    """Each as values of their own with a scale per token; a rectangle is a group of every token."""
    q, k, v = (drawn(*shape) for shape in WIDE)
    method = replace(FLOAT32_FLASH, tile=16)
    found = on_numpy_and_jit(
        lambda q, k, v: attend(q, k, quantize(v, GROUPS, block_size=block), method), q, k, v
    )
    rows, size = block if isinstance(block, tuple) else (1, block)
    each = [v[:, start : start + size] for start in range(0, 32, size)]
    apart = [attend(q, k, quantize(x, FP8, block_size=(rows, x.shape[1])), method) for x in each]
    assert_same_bits(found, np.concatenate(apart, axis=1))
    exact = attend(q, k, quantize(v, GROUPS, block_size=block).dequantize(), method)
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-6)


def test_groups_that_a_product_cannot_take_are_refused():
    q, k, v = (drawn(*shape) for shape in WIDE)
    with pytest.raises(ValueError, match="per group along axis -1, got blocks of 16 along axis -2"):
        attend(q, quantize(k, GROUPS, axis=-2), v, FLOAT32_FLASH)
    with pytest.raises(ValueError, match="tile must be a multiple of the 16 tokens"):
        attend(q, k, quantize(v, GROUPS, axis=-2), replace(FLOAT32_FLASH, tile=24))

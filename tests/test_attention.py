"""Attention: bits alike on all backends, exact references, masks, groups, lengths, bad input."""

import ml_dtypes
import numpy as np
import pytest
from agreement import on_numpy_and_jit

from msdnum import exact
from msdnum.attention import BF16_FLASH, FLOAT32_FLASH, MSD, Mask, attend
from msdnum.kv_cache import KV_FORMATS

RNG = np.random.default_rng(5)


def drawn(*shape, dtype=np.float32):
    return RNG.normal(size=shape).astype(dtype)


def reference(q, k, v):
    """Attend exactly, one head."""
    ctx = exact.context(100)
    rows = exact.mp_attention(q.astype(np.float64), k, v, ctx)
    return np.array([[float(x) for x in rows[i, :]] for i in range(rows.rows)])


def relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("name", KV_FORMATS)
def test_numpy_and_jit_agree(name):
    cache, method = KV_FORMATS[name], MSD[name]
    q, k, v = drawn(2, 3, 64, dtype=ml_dtypes.bfloat16), drawn(2, 20, 64), drawn(2, 20, 32)

    def attended(q, k, v):
        return attend(q, cache.keys(k), cache.values(v), method)

    found = on_numpy_and_jit(attended, q, k, v)
    keys, values = cache.keys(k).dequantize(), cache.values(v).dequantize()
    limit = 0.1 if name == "MXFP4" else 2e-3
    assert relative(found[1], reference(q[1], keys[1], values[1])) < limit


@pytest.mark.parametrize(("method", "limit"), [(FLOAT32_FLASH, 1e-6), (BF16_FLASH, 1e-2)])
def test_floats_are_close_to_the_exact_output(method, limit):
    q, k, v = drawn(4, 32, dtype=ml_dtypes.bfloat16), drawn(300, 32), drawn(300, 16)
    assert relative(attend(q, k, v, method), reference(q, k, v)) < limit


def test_a_length_hides_the_rest():
    q, k, v = drawn(2, 3, 5, 32), drawn(2, 3, 20, 32), drawn(2, 3, 20, 32)
    found = attend(q, k, v, FLOAT32_FLASH, lengths=np.array([[7], [20]]))
    np.testing.assert_array_equal(found[1], attend(q[1], k[1], v[1], FLOAT32_FLASH))
    short = attend(q[0], k[0, :, :7], v[0, :, :7], FLOAT32_FLASH)
    assert relative(found[0], short) < 1e-6


def test_causal_rows_see_what_is_before_them():
    q, k, v = drawn(3, 32), drawn(9, 32), drawn(9, 8)
    found = attend(q, k, v, FLOAT32_FLASH, mask=Mask.CAUSAL)
    for i in range(3):
        alone = reference(q[i : i + 1], k[: 7 + i], v[: 7 + i])
        assert relative(found[i : i + 1], alone) < 1e-6

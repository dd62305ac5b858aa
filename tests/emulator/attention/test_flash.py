"""Attention: bits alike on all backends and as defined, masks, groups, lengths, bad input."""

import math
from dataclasses import replace

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msdnum import exact
from msdnum.emulator import backend
from msdnum.emulator.attention.exponential import Exponential
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.kv_cache import KV_FORMATS, per_channel, per_token
from msdnum.emulator.attention.methods import BF16_FLASH, FLOAT32_FLASH, Mask, Method, WeightRange
from msdnum.emulator.blocks import quantize
from msdnum.emulator.decompositions import decompose
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.formats.accumulators import INT32
from msdnum.formats.blocks import INT8_ROW, MXFP4
from msdnum.formats.elements import BINARY32, FP16
from msdnum.formats.schemes import INT8_X1, INT8_X2_FLOAT32, MXFP4_X2
from tests.support.agreement import assert_same_bits, on_numpy_and_jit
from tests.support.attention import drawn, over_cache
from tests.support.attention_oracle import attended


def reference(q, k, v):
    """Attend exactly, one head."""
    rows = exact.mp_attention(q.astype(np.float64), k, v, exact.context(100))
    return np.array([[float(x) for x in rows[i, :]] for i in range(rows.rows)])


def relative(found, expected):
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


# Bits


def on_both(x):
    """``numpy.exp`` of both backends: JAX calls it back."""
    if not backend.is_jax(x):
        return np.exp(x)
    return jax.pure_callback(np.exp, jax.ShapeDtypeStruct(x.shape, x.dtype), x)


@pytest.mark.parametrize(
    ("name", "method", "options"),
    [
        ("INT8_TOKEN", replace(DECOMPOSING["INT8"], tile=16), {"lengths": np.array([[9], [40]])}),
        pytest.param(
            "MXFP4",
            replace(DECOMPOSING["MXFP4"], range=WeightRange.AMAX, tile=32),
            {"mask": Mask.CAUSAL},
            marks=pytest.mark.slow,
        ),
        pytest.param("INT8", DECOMPOSING["INT8"], {}, marks=pytest.mark.long),
        pytest.param("MXFP8", DECOMPOSING["MXFP8"], {}, marks=pytest.mark.long),
    ],
)
def test_numpy_and_jit_agree(name, method, options):
    q, k, v = drawn(2, 2, 3, 32, dtype=ml_dtypes.bfloat16), drawn(2, 1, 40, 32), drawn(2, 1, 40, 8)
    found = on_numpy_and_jit(over_cache(name, method, **options), q, k, v)
    assert np.isfinite(found).all()


def test_with_the_same_exponential_all_other_bits_agree():
    method = replace(BF16_FLASH, exp=Exponential("CALLED_BACK", on_both, 1.0), tile=8)
    q, k, v = drawn(3, 16), drawn(20, 16), drawn(20, 4)
    on_numpy_and_jit(lambda q, k, v: attend(q, k, v, method), q, k, v)


def test_a_cache_that_jit_closes_over_gives_the_same_bits():
    q, k, v = drawn(3, 8), drawn(6, 8), drawn(6, 5)
    keys, values, count = map(jnp.asarray, (k, v, np.int32(4)))
    found = jax.jit(lambda q: attend(q, keys, values, FLOAT32_FLASH, lengths=count))(q)
    assert_same_bits(found, attend(q, k, v, FLOAT32_FLASH, lengths=4))


def test_the_divisor_of_a_scale_counts():
    q, k, v = drawn(3, 8), drawn(6, 8), drawn(6, 5)
    keys, values = (decompose(x, INT8_X1, axis=-2).terms[0] for x in (k, v))
    found = attend(q, keys, values, DECOMPOSING["INT8"])
    assert relative(found, reference(q, keys.dequantize(), values.dequantize())) < 2**-10


def test_under_vmap_and_jit_a_nan_reaches_what_sees_it():
    q, k, v = drawn(3, 2, 8), drawn(3, 9, 8), drawn(3, 9, 4)
    expected = attend(q, k, v, FLOAT32_FLASH)
    q[1, 0, 3] = np.nan
    expected[1, 0] = np.nan
    attended = jax.jit(jax.vmap(lambda *heads: attend(*heads, FLOAT32_FLASH)))
    assert_same_bits(attended(*map(jnp.asarray, (q, k, v))), expected)


@pytest.mark.parametrize("name", ["INT8", "INT8_TOKEN"])
@pytest.mark.parametrize("weights", WeightRange)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), limit=st.integers(1, 11))
def test_every_number_is_as_defined(name, weights, seed, limit):
    rng = np.random.default_rng(seed)
    query, keys, values = (
        rng.normal(0, 3, s).astype(np.float32) for s in ((1, 6), (11, 6), (11, 3))
    )
    k, v = KV_FORMATS[name].keys(keys), KV_FORMATS[name].values(values)
    method = replace(DECOMPOSING["INT8"], range=weights, tile=4)
    scales = v.scales().ravel()
    ones = np.ones(11, np.float32), np.ones(3, np.float32)
    token, channel = (scales, ones[1]) if name == "INT8_TOKEN" else (ones[0], scales)
    expected = attended(
        query[0], k.integers(), k.scales()[0], v.integers(), token, channel, limit, method,
        weights is WeightRange.FIXED,
    )  # fmt: skip
    found = attend(query, k, v, method, lengths=limit)
    assert_same_bits(found[0], np.array(expected, np.float32))


# Against exact attention; bounds are in test_attention_bounds.py


@pytest.mark.parametrize(
    ("method", "limit"),
    [(FLOAT32_FLASH, 1e-6), (BF16_FLASH, 1e-2), (Method(FP16, FP16), 1e-3)],
)
def test_floats_are_close_to_the_exact_output(method, limit):
    q, k, v = drawn(4, 32, dtype=ml_dtypes.bfloat16), drawn(300, 32), drawn(300, 16)
    assert relative(attend(q, k, v, method), reference(q, k, v)) < limit


def test_a_length_hides_the_rest():
    q, k, v = drawn(2, 3, 5, 32), drawn(2, 3, 20, 32), drawn(2, 3, 20, 32)
    found = attend(q, k, v, FLOAT32_FLASH, lengths=np.array([[7], [20]]))
    assert_same_bits(found[1], attend(q[1], k[1], v[1], FLOAT32_FLASH))
    short = attend(q[0], k[0, :, :7], v[0, :, :7], FLOAT32_FLASH)
    assert relative(found[0], short) < 1e-6
    k[0, :, 7:], v[0, :, 7:] = 9, 9
    assert_same_bits(attend(q, k, v, FLOAT32_FLASH, lengths=np.array([[7], [20]])), found)


def test_causal_rows_see_what_is_before_them():
    q, k, v = drawn(3, 32), drawn(9, 32), drawn(9, 8)
    found = attend(q, k, v, FLOAT32_FLASH, mask=Mask.CAUSAL)
    for i in range(3):
        alone = reference(q[i : i + 1], k[: 7 + i], v[: 7 + i])
        assert relative(found[i : i + 1], alone) < 1e-6


@pytest.mark.parametrize("mask", Mask)
def test_a_window_hides_what_is_before_it(mask):
    q, k, v = drawn(3, 32), drawn(20, 32), drawn(20, 8)
    method = replace(FLOAT32_FLASH, tile=4)

    def found(q, k, v):
        return attend(q, k, v, method, mask=mask, window=5, lengths=18)

    whole = on_numpy_and_jit(found, q, k, v)
    for i in range(3):
        end = 16 + i if mask is Mask.CAUSAL else 18
        alone = reference(q[i : i + 1], k[end - 5 : end], v[end - 5 : end])
        assert relative(whole[i : i + 1], alone) < 1e-6
    k[:10], v[:10], k[18:], v[18:] = 9, 9, 9, 9
    assert_same_bits(found(q, k, v), whole)
    for longer in (99, 2**40):
        assert_same_bits(attend(q, k, v, method, window=longer), attend(q, k, v, method))


# Bad input


Q, K, V = (np.ones(shape, np.float32) for shape in ((4, 2, 8), (2, 5, 8), (2, 5, 3)))


UNLIKE = Method(INT8_X2_FLOAT32, BINARY32, INT32)


WITH_NAN_KEYS = np.where(np.arange(8) == 3, np.nan, K).astype(np.float32)


WITH_NAN = np.where(np.arange(8) == 3, np.nan, Q).astype(np.float32)


INT8_KEYS, MX_KEYS = (KV_FORMATS[name].keys(K) for name in ("INT8", "MXFP8"))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"queries": Q[:3]}, ValueError, r"queries must have the leading dimensions .* \(2,\), or"),
        ({"queries": Q[0, 0]}, ValueError, "queries must have at least two dimensions"),
        ({"queries": Q[..., :7]}, ValueError, "keys must have the width of the queries, 7, got 8"),
        ({"queries": Q.astype(np.float64)}, TypeError, "queries must be float32, bfloat16 or"),
        ({"queries": WITH_NAN}, ValueError, "queries must be finite, got Inf or NaN"),
        ({"keys": K * np.float32(np.inf)}, ValueError, "keys must be finite"),
        ({"keys": per_token(INT8_ROW)(WITH_NAN_KEYS)}, ValueError, "keys must be finite"),
        ({"keys": replace(MX_KEYS, codes=MX_KEYS.codes | 0x7F)}, ValueError, "codes of Inf or NaN"),
        ({"keys": jax.tree.map(np.ravel, INT8_KEYS)}, ValueError,
            r"keys must be an array whose parts belong together: axis must be in -1..0, got -2"),
        ({"keys": K[:, :0]}, ValueError, "keys must not be empty"),
        ({"keys": jnp.asarray(K)}, TypeError, "all be NumPy or all JAX arrays"),
        ({"keys": per_channel(MXFP4)(K)}, ValueError, "keys must have its MXFP4 blocks along"),
        ({"values": V[:, :4]}, ValueError, r"heads and tokens of the keys, \(2, 5\), got \(2, 4\)"),
        ({"values": per_token(MXFP4)(V)}, ValueError, "values must have its MXFP4 blocks along"),
        ({"values": quantize(V, MXFP4, axis=-2, block_size=2), "method": Method(BINARY32, MXFP4_X2,
            tile=3)}, ValueError, "tile must be a multiple of the 2 tokens of a block, got 3"),
        ({"method": "MSD"}, TypeError, "method must be Method, got 'MSD'"),
        ({"method": UNLIKE}, ValueError, "needs integer elements"),
        ({"mask": True}, TypeError, "mask must be one of FULL, CAUSAL, got True"),
        ({"lengths": 6}, ValueError, "lengths must be in 1..5, the tokens of the keys, got 6"),
        ({"lengths": 0}, ValueError, "lengths must be in 1..5"),
        ({"lengths": 2.0}, TypeError, "lengths must be integers"),
        ({"lengths": np.ones(3, int)}, ValueError, "lengths must broadcast to .* got shape"),
        ({"window": 0}, ValueError, "window must be positive, got 0"),
        ({"window": 1.5}, TypeError, "window must be"),
        ({"scale": 0.0}, ValueError, "scale must be a positive normal binary32 number, got 0"),
        ({"scale": "1"}, TypeError, "scale must be a number, got '1'"),
        ({"scale": math.nan}, ValueError, "scale must be a positive normal .* got nan"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(change, error, message):
    arguments = {"queries": Q, "keys": K, "values": V, "method": FLOAT32_FLASH} | change
    with pytest.raises(error, match=message):
        attend(**arguments)

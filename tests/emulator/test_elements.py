"""Element casts: specification, NumPy, JAX eager, JAX jit and ml_dtypes, bit by bit."""

from functools import cache

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import msdnum
from msdnum import Overflow, Rounding, spec, testing
from msdnum.emulator.codes import storage_dtype
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E2M1,
    E2M3,
    E3M2,
    E4M3,
    E5M2,
    E8M0,
    FP16,
    INT4,
    INT8,
    FloatFormat,
    IntegerFormat,
)
from tests.support.agreement import assert_same_bits, on_all_backends
from tests.support.elements import FORMATS, NARROW, WIDE, by_name, neighbours
from tests.support.selection import quick

pytestmark = pytest.mark.core

DETERMINISTIC = [mode for mode in Rounding if mode is not Rounding.STOCHASTIC]


ALL_BF16 = (np.arange(2**16, dtype=np.uint32) << 16).view(np.float32)


def overflows(fmt):
    return list(Overflow) if has_nan(fmt) else [Overflow.SATURATE]


def has_nan(fmt):
    return isinstance(fmt, FloatFormat) and fmt.nan_code is not None


def encodable(x, fmt):
    """Drop the NaNs that the format has no code for."""
    return x if has_nan(fmt) else x[~np.isnan(x.astype(np.float32))]


@cache
def number(word):
    return spec.from_float32_bits(word)


def specified(x, fmt, overflow, rounding=Rounding.RNE):
    codes = [
        spec.encode(number(word), fmt, overflow=overflow, rounding=rounding)
        for word in x.view(np.uint32).tolist()
    ]
    return np.array(codes, storage_dtype(fmt))


def positive_values(fmt):
    values = np.array([v for v in fmt.values if 0 <= v < np.inf])
    return np.unique(values)


def midpoints(fmt):
    """Return what lies half-way between neighbouring values, and the overflow threshold."""
    values = positive_values(fmt)
    last = values[-1] + (values[-1] - values[-2]) / 2
    return np.append((values[:-1] + values[1:]) / 2, last)


POWERS = neighbours((np.arange(255, dtype=np.uint32) << 23).view(np.float32))


def hostile(fmt):
    """Return the inputs where casts go wrong, all of them, or of 16-bit formats every seventh."""
    values = np.concatenate([midpoints(fmt), positive_values(fmt)])
    values = values[values <= np.finfo(np.float32).max]
    return encodable(
        np.concatenate([neighbours(values[:: 1 if fmt.bits <= 8 else 7]), POWERS]), fmt
    )


@pytest.mark.parametrize("fmt", quick(NARROW, {fmt.name for fmt in NARROW} - {"BF16"}), **by_name)
def test_all_codes_decode_as_specified(fmt):
    codes = np.arange(1 << fmt.bits).astype(storage_dtype(fmt))
    words = [spec.to_float32_bits(spec.decode(code, fmt)) for code in fmt.codes]
    expected = np.array(words, np.uint32).view(np.float32)
    assert_same_bits(on_all_backends(lambda c: msdnum.decode(c, fmt), codes), expected)
    assert_same_bits(np.array(list(fmt.values), np.float32), expected)


@pytest.mark.parametrize("fmt", NARROW, **by_name)
def test_all_values_encode_to_their_codes(fmt):
    codes = np.arange(1 << fmt.bits).astype(storage_dtype(fmt))
    values = msdnum.decode(codes, fmt)
    exact = np.isfinite(values)
    if isinstance(fmt, IntegerFormat):
        exact &= values >= fmt.min_integer * fmt.eta
    for rounding in DETERMINISTIC:
        encoded = msdnum.encode(values[exact], fmt, overflow=Overflow.SATURATE, rounding=rounding)
        assert_same_bits(encoded, codes[exact])


@pytest.mark.parametrize("fmt", quick(FORMATS, {"E2M1", "E4M3", "E5M2", "E8M0", "INT8"}), **by_name)
def test_all_bf16_patterns_encode_as_specified(fmt):
    x = encodable(ALL_BF16, fmt)
    for overflow in overflows(fmt):
        codes = on_all_backends(lambda x, o=overflow: msdnum.encode(x, fmt, overflow=o), x)
        assert_same_bits(codes, specified(x, fmt, overflow))


@pytest.mark.parametrize("rounding", [mode for mode in DETERMINISTIC if mode is not Rounding.RNE])
@pytest.mark.parametrize("fmt", FORMATS, **by_name)
def test_directed_roundings_of_bf16_patterns(fmt, rounding):
    x = encodable(ALL_BF16, fmt)
    overflow = overflows(fmt)[-1]
    codes = on_all_backends(
        lambda x: msdnum.encode(x, fmt, overflow=overflow, rounding=rounding), x
    )
    sample = slice(int(rounding is Rounding.RTP), None, 11)
    assert_same_bits(codes[sample], specified(x[sample], fmt, overflow, rounding))


@pytest.mark.long
@pytest.mark.parametrize("rounding", DETERMINISTIC)
@pytest.mark.parametrize("fmt", FORMATS, **by_name)
def test_all_roundings_of_all_bf16_patterns(fmt, rounding):
    x = encodable(ALL_BF16, fmt)
    for overflow in overflows(fmt):
        codes = msdnum.encode(x, fmt, overflow=overflow, rounding=rounding)
        assert_same_bits(codes, specified(x, fmt, overflow, rounding))


@pytest.mark.parametrize("fmt", quick(NARROW, {"E2M1", "E4M3", "E3M2", "INT8", "FP16"}), **by_name)
def test_midpoints_and_powers_of_two_encode_as_specified(fmt):
    x = hostile(fmt)
    for rounding in DETERMINISTIC if fmt.bits <= 8 else [Rounding.RNE]:
        overflow = overflows(fmt)[-1]
        codes = on_all_backends(
            lambda x, o=overflow, r=rounding: msdnum.encode(x, fmt, overflow=o, rounding=r), x
        )
        assert_same_bits(codes, specified(x, fmt, overflow, rounding))


ML_DTYPES = {
    fmt: getattr(ml_dtypes, name)
    for fmt, name in [
        (E2M1, "float4_e2m1fn"), (E2M3, "float6_e2m3fn"), (E3M2, "float6_e3m2fn"),
        (E4M3, "float8_e4m3fn"), (E5M2, "float8_e5m2"), (BF16, "bfloat16"),
        (E8M0, "float8_e8m0fnu"),
    ]
} | {FP16: np.float16}  # fmt: skip


@pytest.mark.parametrize("fmt", ML_DTYPES, **by_name)
def test_ml_dtypes_agrees(fmt):
    """It overflows to Inf or NaN where there is one, as OVERFLOW, and saturates elsewhere.

    Its NaNs keep their sign, ours do not; to formats without NaN it makes them zeros, we refuse.
    Zero is NaN in its E8M0: our OVERFLOW again. Below 2**-126 its E8M0 is not RNE, and left out.
    """
    x = encodable(np.concatenate([ALL_BF16, hostile(fmt)]), fmt)
    if fmt is E8M0:
        x = x[~(np.abs(x) < 2.0**-126) | (x == 0)]
    overflow = overflows(fmt)[-1]
    ours = msdnum.as_ml_dtype(msdnum.encode(x, fmt, overflow=overflow), fmt)
    with np.errstate(over="ignore", invalid="ignore"):
        theirs = x.astype(ML_DTYPES[fmt])
    assert_same_bits(ours.astype(np.float32), theirs.astype(np.float32))
    number = ~np.isnan(x)
    assert_same_bits(ours[number].view(storage_dtype(fmt)), theirs[number].view(storage_dtype(fmt)))


def test_binary32_keeps_every_pattern():
    x = np.random.default_rng(1).integers(0, 2**32, 10**6, dtype=np.uint32).view(np.float32)
    x = np.concatenate([x, POWERS])
    codes = on_all_backends(lambda x: msdnum.encode(x, BINARY32, overflow=Overflow.OVERFLOW), x)
    assert_same_bits(codes.view(np.float32), x)


UNSIGNED = FloatFormat("UE4M3", 4, 3, 7, E4M3.specials, signed=False, subnormals=False)


def test_unsigned_formats_with_a_fraction_and_no_zero():
    codes = np.arange(128, dtype=np.uint8)
    assert_same_bits(msdnum.decode(codes, UNSIGNED), np.array(list(UNSIGNED.values), np.float32))
    below_the_least = np.linspace(2.0**-8, 2.0**-7, 33, dtype=np.float32)
    x = np.concatenate([hostile(UNSIGNED), neighbours(below_the_least)])
    for overflow in Overflow:
        encoded = msdnum.encode(x, UNSIGNED, overflow=overflow)
        assert_same_bits(encoded, specified(x, UNSIGNED, overflow))


@given(
    testing.element_formats(),
    st.lists(st.tuples(testing.float32_bits(), st.integers(0, 2**32 - 1)), min_size=1, max_size=20),
)
@example(E2M1, [(0x40300000, word) for word in (0xBFFFFFFF, 0xC0000000)])  # 2.75
@example(WIDE, [(0x3F800001, word) for word in (0x7FFFFFFF, 0x80000000)])  # 1 + 2**-23
@example(E2M1, [(0x33000000, word) for word in (127, 128, 255, 256, 511, 512)])  # 2**-25
@example(E2M1, [(0x37800000, word) for word in (2**17 - 1, 2**17, 2**18 - 1, 2**18)])  # 2**-16
def test_stochastic_rounding_as_specified(fmt, draws):
    draws = [(w, r) for w, r in draws if has_nan(fmt) or number(w) is not spec.Special.NAN]
    if not draws:
        return
    x = np.array([w for w, _ in draws], np.uint32).view(np.float32)
    words = np.array([r for _, r in draws], np.uint32)
    overflow = overflows(fmt)[-1]
    codes = msdnum.encode(x, fmt, overflow=overflow, rounding=Rounding.STOCHASTIC, random=words)
    expected = [
        spec.encode(number(w), fmt, overflow=overflow, rounding=Rounding.STOCHASTIC, random=r)
        for w, r in draws
    ]
    assert codes.tolist() == expected


@pytest.mark.parametrize("fmt", FORMATS, **by_name)
def test_stochastic_rounding_agrees_on_all_backends(fmt):
    x = encodable(ALL_BF16, fmt)
    words = np.random.default_rng(2).integers(0, 2**32, x.size, dtype=np.uint32)
    on_all_backends(
        lambda x, w: msdnum.encode(
            x, fmt, overflow=Overflow.SATURATE, rounding=Rounding.STOCHASTIC, random=w
        ),
        x,
        words,
    )


def test_stochastic_rounding_is_unbiased_and_reproducible():
    x = np.full(100_000, 2.75, np.float32)
    options = {"overflow": Overflow.SATURATE, "rounding": Rounding.STOCHASTIC}
    rounded = msdnum.round_to(x, E2M1, random=np.random.default_rng(3), **options)
    assert set(rounded.tolist()) == {2.0, 3.0}
    assert abs(rounded.mean() - 2.75) < 5 * 0.4330 / x.size**0.5
    assert_same_bits(rounded, msdnum.round_to(x, E2M1, random=np.random.default_rng(3), **options))
    key = jax.random.key(4)
    traced = jax.jit(lambda x: msdnum.round_to(x, E2M1, random=key, **options))(x)
    assert_same_bits(traced, msdnum.round_to(jnp.asarray(x), E2M1, random=key, **options))
    assert set(np.asarray(traced).tolist()) == {2.0, 3.0}


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, np.float16])
@pytest.mark.parametrize("fmt", [E2M1, E5M2, BF16, INT8], **by_name)
def test_half_width_inputs_are_widened_exactly(dtype, fmt):
    x = np.arange(2**16, dtype=np.uint16).view(dtype)
    x = encodable(x, fmt)
    codes = on_all_backends(lambda x: msdnum.encode(x, fmt, overflow=Overflow.SATURATE), x)
    wide = msdnum.encode(x.astype(np.float32), fmt, overflow=Overflow.SATURATE)
    assert_same_bits(codes, wide)


@pytest.mark.parametrize(("fmt", "code"), [(E2M1, 0b0111), (INT8, 127)], ids=["E2M1", "INT8"])
def test_nan_without_a_code(fmt, code):
    x = np.array([np.nan, -np.nan], np.float32)
    for array in (x, jnp.asarray(x)):
        with pytest.raises(ValueError, match=f"x must not hold NaN: {fmt.name} has no code for it"):
            msdnum.encode(array, fmt, overflow=Overflow.SATURATE)
    traced = jax.jit(lambda x: msdnum.encode(x, fmt, overflow=Overflow.SATURATE))(x)
    assert np.asarray(traced).tolist() == [code, code]


def test_signed_zero_and_underflow_keep_their_sign():
    x = np.array([-0.0, -1e-30, 1e-30], np.float32)
    assert msdnum.encode(x, E4M3, overflow=Overflow.OVERFLOW).tolist() == [0x80, 0x80, 0]
    assert msdnum.encode(x, INT4, overflow=Overflow.SATURATE).tolist() == [0, 0, 0]


def test_rounding_is_differentiated_as_the_identity():
    def loss(x):
        return (3.0 * msdnum.round_to(x, E2M1, overflow=Overflow.SATURATE)).sum()

    x = jnp.array([0.3, 2.7, 100.0], jnp.float32)
    assert jax.grad(loss)(x).tolist() == [3.0, 3.0, 3.0]
    assert jax.vmap(lambda v: msdnum.round_to(v, E2M1, overflow=Overflow.SATURATE))(x).tolist() == [
        0.5, 3.0, 6.0,
    ]  # fmt: skip


def test_views_share_memory():
    codes = msdnum.encode(np.ones(4, np.float32), E4M3, overflow=Overflow.OVERFLOW)
    view = msdnum.as_ml_dtype(codes, E4M3)
    assert np.shares_memory(codes, view)
    assert view.dtype == ml_dtypes.float8_e4m3fn
    four = msdnum.encode(np.array([-1.0, 6.0], np.float32), INT4, overflow=Overflow.SATURATE)
    assert msdnum.as_ml_dtype(four, INT4).astype(np.int8).tolist() == [-1, 6]


def test_narrow_codes_of_jax_are_not_viewed():
    with pytest.raises(ValueError, match="codes must be a NumPy array for E2M1, got a JAX array"):
        msdnum.as_ml_dtype(jnp.ones(2, jnp.uint8), E2M1)
    wide = msdnum.as_ml_dtype(jnp.ones(2, jnp.uint8), E4M3)
    assert wide.dtype == ml_dtypes.float8_e4m3fn


def test_a_generator_is_not_drawn_from_at_trace_time():
    def rounded(x):
        return msdnum.round_to(
            x,
            E2M1,
            overflow=Overflow.SATURATE,
            rounding=Rounding.STOCHASTIC,
            random=np.random.default_rng(0),
        )

    with pytest.raises(ValueError, match="random must be a JAX key or words where x is traced"):
        jax.jit(rounded)(jnp.ones(3))


def test_a_format_of_a_known_name_is_not_seen_as_the_known_one():
    biased = FloatFormat("E4M3", 4, 3, 8, E4M3.specials)
    with pytest.raises(ValueError, match="fmt must be one of INT4, INT8"):
        msdnum.as_ml_dtype(np.zeros(3, np.uint8), biased)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"fmt": "E2M1"}, TypeError, "fmt must be"),
        ({"overflow": "saturate"}, TypeError, "overflow must be one of SATURATE, OVERFLOW"),
        ({"overflow": Overflow.OVERFLOW}, ValueError, "E2M1 has neither Inf nor NaN"),
        ({"rounding": "RNE"}, TypeError, "rounding must be one of RNE, RNA"),
        ({"rounding": Rounding.STOCHASTIC}, TypeError, "random must be a numpy Generator"),
        ({"random": np.random.default_rng(0)}, ValueError, "random must be None for rounding RNE"),
        (
            {"rounding": Rounding.STOCHASTIC, "random": np.zeros(4, np.uint32)},
            ValueError,
            r"random must have the shape of x, \(3,\), got \(4,\)",
        ),
    ],
)
def test_bad_arguments(arguments, error, message):
    arguments = {"fmt": E2M1, "overflow": Overflow.SATURATE} | arguments
    with pytest.raises(error, match=message):
        msdnum.encode(np.ones(3, np.float32), **arguments)


def test_options_are_named():
    for call in (msdnum.encode, msdnum.round_to):
        with pytest.raises(TypeError, match="positional"):
            call(np.ones(3, np.float32), E2M1, Overflow.SATURATE)


def test_overflow_is_required():
    with pytest.raises(TypeError, match="overflow"):
        msdnum.encode(np.ones(3, np.float32), E2M1)

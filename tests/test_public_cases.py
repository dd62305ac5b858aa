"""What people have met in public, case by case, beside right answers found apart from msdnum.

Each case comes from a thread of another project. The answer is a number of that thread, a table, or
a few lines of NumPy; cases have NumPy arrays, and JAX's under ``jit`` where values need no look.
"""

from dataclasses import replace
from fractions import Fraction

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import msdnum
from msdnum import Overflow, QuantizedArray, attend, decode, encode, matmul, quantize
from msdnum import formats as f
from msdnum.conformance import smallest_difference
from msdnum.emulator import AsymmetricArray, layouts, quantize_as
from msdnum.emulator.attention import FLOAT32_FLASH, Method, StaticCast
from msdnum.evidence import ozaki_count
from tests.support.agreement import assert_same_bits

F4, U8, I8 = np.float32, np.uint8, np.int8
ROW = f.BlockFormat("E4M3_ROW", f.E4M3, f.BINARY32, None, f.ScaleRule.AMAX)
INT8_ANY = f.BlockFormat("INT8_ANY", f.INT8, f.BINARY32, None, f.ScaleRule.AMAX)
TIES = f.BlockFormat("FP4_E4M3", f.E2M1, f.E4M3, 16, f.ScaleRule.AMAX)
CASES = []


def case(name, *arrays, right, traced=True):
    """Keep a function of arrays under a name, with the answer that is right."""

    def keep(function):
        CASES.append(pytest.param(function, arrays, right, traced, id=name))
        return function

    return keep


def small(numbers, name):
    return np.array(numbers, F4).astype(getattr(ml_dtypes, name))


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(F4)


def bytes_of(*shape):
    return np.random.default_rng(2).integers(0, 256, shape).astype(U8)


ONES = small([1, -1] * 16, "float8_e4m3fn").reshape(1, 32)
SEVENTH = np.array([[120]], U8).view(ml_dtypes.float8_e8m0fnu)


@case("C01 E4M3 with E8M0 scales", ONES, SEVENTH, right=F4([[2.0**-7, -(2.0**-7)] * 16]))
def _(codes, scales):
    return QuantizedArray(codes, scales, None, f.MXFP8_E4M3, -1).dequantize()


@case("C01 under vmap", ONES, SEVENTH, right=F4([[2.0**-7, -(2.0**-7)] * 16]))
def _(codes, scales):
    def one(c, s):
        return QuantizedArray(c, s, None, f.MXFP8_E4M3, -1).dequantize()

    return jax.vmap(one)(codes, scales)


@case("C04 NVFP4 with a divisor", bytes_of(2, 8), U8([[56], [48]]), right=F4([[2.0], [1.0]]))
def _(packed, scales):
    found = layouts.from_compressed_tensors(packed, scales, np.array([0.5], F4))
    return found.scales()


@case("C05 static INT8", F4([0.5, -3, 200, 1e6]), right=I8([25, -128, 127, 127]))
def _(x):
    return quantize(x, INT8_ANY, scales=0.02).integers()


@case("C05 static E4M3", F4([0.5, -3, 200, 1e6]), right=F4([0.5, -3, 192, 448]))
def _(x):
    return quantize(x, ROW, scales=1).dequantize()


def tiled(x, rows, length):
    """Return the scales of tiles by a plain loop."""
    starts = [range(0, n, step) for n, step in zip(x.shape, (rows, length), strict=True)]
    tiles = [[x[i : i + rows, j : j + length] for j in starts[1]] for i in starts[0]]
    return F4([[np.abs(tile).max() for tile in row] for row in tiles]) / F4(448)


@case("C06 short tiles", normal(40, 36), right=tiled(normal(40, 36), 16, 16))
def _(x):
    return quantize(x, ROW, block_size=(16, 16)).scales()


SCALES = bytes_of(130, 5)
PLACES = [
    (r // 128 * 2 + c // 4) * 512 + r % 32 * 16 + r % 128 // 32 * 4 + c % 4
    for r in range(130)
    for c in range(5)
]
SWIZZLED = np.zeros(2048, U8)
SWIZZLED[PLACES] = SCALES.ravel()


@case("C07 tiles of 128 x 4", SCALES, right=SWIZZLED)
def _(scales):
    return layouts.to_scale_tiles(scales).reshape(-1)


Q4 = np.concatenate([U8([120]), np.arange(16, dtype=U8) * 17])[None]
E2M1_NUMBERS = F4([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])


@case("C08 GGUF's MXFP4", Q4, right=np.tile(E2M1_NUMBERS, 2)[None] * F4(2.0**-7))
def _(block):
    return layouts.GGUF_MXFP4.read(block).dequantize()


BLOCKS = normal(20, 32)
LARGE = np.abs(BLOCKS).max(1, keepdims=True) / F4(127)
Q8 = BLOCKS * (F4(1) / LARGE)
AWAY = np.sign(Q8) * np.floor(abs(Q8) + F4(0.5)) + F4(0)


@case(
    "C09 over the unrounded scale", BLOCKS, right=np.sign(Q8) * np.floor(abs(Q8) + F4(0.5)) + F4(0)
)
def _(x):
    return quantize_as(x, f.LIBRARY_ARITHMETIC["gguf Q8_0"]).integers().astype("float32")


@case("C10 FNUZ", F4([-1e-5, np.inf, 250, -0.0, 240]), right=U8([0, 128, 128, 0, 127]))
def _(x):
    return encode(x, f.E4M3FNUZ, overflow=Overflow.OVERFLOW)


@case("C11 UE5M3", np.arange(0, 255, 8, dtype=U8), right=F4(
    [(m % 8 * 2.0**-17 if m < 8 else (1 + m % 8 / 8) * 2.0 ** (m // 8 - 15))
     for m in range(0, 255, 8)]))  # fmt: skip
def _(codes):
    return decode(codes, f.UE5M3)


@case("C12 float64 once", np.float64([1 + 2.0**-11 + 2.0**-40]), right=np.uint16([15361]),
      traced=False)  # fmt: skip
def _(x):
    return encode(x, f.FP16, overflow=Overflow.OVERFLOW)


@case("C13 last points", F4([61439.996, 61440, -61440]), right=F4([57344, np.inf, -np.inf]))
def _(x):
    return decode(encode(x, f.E5M2, overflow=Overflow.OVERFLOW), f.E5M2)


@case("C14 E8M0", U8([0, 134, 254, 255]), right=F4([2.0**-127, 128, 2.0**127, np.nan]))
def _(codes):
    return decode(codes, f.E8M0)


@case("C15 E8M0 up", F4([3, 0, np.inf]), right=U8([129, 0, 254]))
def _(x):
    return encode(x, f.E8M0, overflow=Overflow.SATURATE, rounding=f.Rounding.RTP)


@case("C16 zeros", np.zeros((2, 32), F4), right=np.zeros((2, 1), U8))
def _(x):
    return quantize(x, f.MXFP4).scale_codes


A8 = U8([[238, 115, 94], [245, 111, 102], [158, 225, 48]])
B8 = I8([[25, 36, 125], [42, -123, 76], [-81, -86, 35]])


@case("C17 zero points", A8, B8, right=F4((A8.astype(int) - 42) @ (B8.astype(int) + 26)))
def _(a, b):
    one = np.float32(1).view(np.uint32)
    xp = np if isinstance(a, np.ndarray) else jnp
    unsigned = replace(INT8_ANY, element=f.UINT8)
    left = QuantizedArray(a, xp.full((3, 1), one, np.uint32), None, unsigned, -1)
    right = QuantizedArray(b, xp.full((1, 3), one, np.uint32), None, INT8_ANY, 0)
    return matmul(
        AsymmetricArray(left, xp.full((3, 1), 42, U8)),
        AsymmetricArray(right, xp.full((1, 3), -26, I8)),
        accumulator=f.INT32,
    )


@case("C18 int8 arrays", I8([[-44, -20], [-126, 6]]), I8([[24, -75], [127, -101]]),
      right=F4([[-3596, 5320], [-2262, 8844]]))  # fmt: skip
def _(a, b):
    return matmul(a, b, accumulator=f.INT32)


@case("C18 FP8 arrays", small([[1, 2]], "float8_e4m3fn"), small([[3], [4]], "float8_e4m3fn"),
      right=F4([[11]]))  # fmt: skip
def _(a, b):
    return matmul(a, b, accumulator=f.HOPPER_FP8)


WORDS = np.random.default_rng(1).integers(-(2**31), 2**31, (2, 8)).astype(np.int32)


@case("C19 words of AWQ", WORDS, right=WORDS)
def _(words):
    return layouts.AWQ_WORDS.write(layouts.AWQ_WORDS.read(words))


@case("C20 static weights", np.ones((1, 4), F4), right=F4([[1.0]]))
def _(q):
    k = q[:, :1] * 0 + np.zeros((1024, 4), F4)
    method = Method(f.BF16, StaticCast(f.E4M3, 448.0))
    return attend(q, k, k[:, :1] + np.float32(1), method)


@case("C21 scores in FP16", np.full((1, 128), 100, F4), right=F4([[np.nan]]))
def _(q):
    return attend(q, q, q[:, :1], replace(FLOAT32_FLASH, scores=f.FP16))


SUBNORMALS = np.arange(0, 0x1000, 7, dtype=np.uint16).view(np.float16)


@case("C26 FP16 through subnormals", SUBNORMALS, right=(SUBNORMALS.astype(F4) / 16).astype("f2"))
def _(x):
    codes = encode(
        decode(encode(x, f.FP16, overflow=Overflow.OVERFLOW), f.FP16) / 16,
        f.FP16,
        overflow=Overflow.OVERFLOW,
    )
    return codes.view("float16")


@case("C27 a tie by division", F4([[0.02392577938735485]]), right=U8([[3]]))
def _(x):
    return quantize(x, TIES, scales=np.float32(7 * 2.0**-9)).codes


@case("C27 and by its reciprocal", F4([[0.02392577938735485]]), right=U8([[4]]))
def _(x):
    scale = np.float32(7 * 2.0**-9)
    return quantize(x, TIES, scales=scale, factors=np.float32(1) / scale).codes


NIBBLES = bytes_of(4, 6) & 15


@case("C28 packed along rows", NIBBLES, right=NIBBLES[::2] | NIBBLES[1::2] << 4)
def _(codes):
    return msdnum.pack(codes, f.E2M1, axis=0)


@case("C29 four over six", F4([[6, 5, 5, 5] + [0] * 12]), right=F4([[6, 4.5, 4.5, 4.5] + [0] * 12]),
      traced=False)  # fmt: skip
def _(x):
    return quantize(x, replace(f.NVFP4, search=f.FOUR_OVER_SIX)).dequantize()


@case("C30 FP8 as numbers", small([1, -2, 0.5], "float8_e4m3fn"), right=U8([0x38, 0xC0, 0x30]))
def _(x):
    return encode(x, f.E4M3, overflow=Overflow.SATURATE)


@case("C31 NF4", F4([1, -1, 0, 0.5]), right=U8([15, 0, 7, 12]))
def _(x):
    return encode(x, f.NF4, overflow=Overflow.SATURATE)


@case("C32 flushing", F4([1e-39, -1e-39, 1.5]), right=F4([0, -0.0, 1.5]))
def _(x):
    bf16 = f.FloatFormat("BF16_FTZ", 8, 7, specials=f.NonNumbers.IEEE, subnormals=False)
    return decode(encode(x, bf16, overflow=Overflow.OVERFLOW), bf16)


@case("W1 -0 under a scale of 0", np.full((1, 16), -0.0, F4), right=np.full((1, 16), 8, U8))
def _(x):
    return quantize(x, f.NVFP4).codes


@pytest.mark.parametrize(("function", "arrays", "right", "traced"), CASES)
@pytest.mark.parametrize("library", ["numpy", pytest.param("jax", marks=pytest.mark.slow)])
def test_a_public_case_has_the_right_answer(library, function, arrays, right, traced):
    if library == "jax" and not traced:
        with jax.enable_x64():
            found = function(*map(jnp.asarray, arrays))
    elif library == "jax":
        found = jax.jit(function)(*map(jnp.asarray, arrays))
    else:
        found = function(*arrays)
    assert_same_bits(found, right)


def test_the_least_input_that_tells_two_libraries_apart():
    """C33 and kind 5: TransformerEngine's order of two products, before and after 2026."""
    names = ("transformer_engine", "transformer_engine 2025")
    found = smallest_difference(*(f.LIBRARY_ARITHMETIC[name] for name in names))
    assert found.one.scale_code != found.other.scale_code


def test_rows_that_span_many_powers_of_two_need_more_slices():
    """C24: rows that span 2**80 need more than rows whose numbers are near each other."""
    near, far = (ozaki_count(7, Fraction(2) ** spread, Fraction(1, 2**32)) for spread in (0, 20))
    assert near < far

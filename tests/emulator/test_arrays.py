"""What people bring as arrays: float64, swapped bytes, lists, small types, torch tensors."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import msdnum
from msdnum import Overflow, QuantizedArray, Rounding, ScaleRule, spec
from msdnum.emulator.arrays import as_array
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.methods import FLOAT32_FLASH
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.zero_points import quantize_asymmetric
from msdnum.formats.accumulators import ALL_ACCUMULATORS, INT32
from msdnum.formats.blocks import INT8_GROUP, MXFP4, MXFP8_E4M3, NVFP4, BlockFormat
from msdnum.formats.elements import BINARY32, E2M1, E4M3, ELEMENT_FORMATS, FP16
from tests.support.agreement import assert_same_bits
from tests.support.arrays import BACKENDS, Q8_0, SAT, VARIANTS, X

# ------------------------------------------------------------------------------------------------
# float64: rounded once
# ------------------------------------------------------------------------------------------------


def hostile(fmt):
    """Return numbers of the format, the middles between them, and their float64 neighbours."""
    codes = np.random.default_rng(0).permutation(1 << min(fmt.bits, 16))[:100]
    numbers = np.array([fmt.value(int(c) << max(0, fmt.bits - 16)) for c in codes])
    numbers = np.sort(numbers[np.isfinite(numbers)])
    middles = (numbers[1:] + numbers[:-1]) / 2
    around = [np.nextafter(v, end) for v in (numbers, middles) for end in (np.inf, -np.inf)]
    ends = [0.0, -0.0, 5e-324, -1e-310, 1.7e308, -1e300, np.inf, -np.inf, 1.5 * 2.0**-128, 2.0**128]
    return np.concatenate([numbers, middles, *around, ends])


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("fmt", ELEMENT_FORMATS.values(), ids=ELEMENT_FORMATS)
def test_float64_is_rounded_once(fmt, rounding):
    x = hostile(fmt)
    # Small words, too: what lies far below a quantum exceeds none of them.
    rng = np.random.default_rng(1)
    words = rng.integers(0, 2**32, x.shape, np.uint32) >> rng.integers(0, 32, x.size, np.uint32)
    random = words if rounding is Rounding.STOCHASTIC else None
    for overflow in Overflow if getattr(fmt, "nan_code", None) is not None else [SAT]:
        found = msdnum.encode(x, fmt, overflow=overflow, rounding=rounding, random=random)
        for i, number in enumerate(x):
            expected = spec.encode(
                spec.from_float(float(number)), fmt, overflow=overflow, rounding=rounding,
                random=None if random is None else int(random[i]),
            )  # fmt: skip
            assert found[i] == expected, number


@pytest.mark.parametrize("fmt", [E2M1, E4M3, FP16, BINARY32], ids=lambda f: f.name)
def test_float64_is_rounded_once_by_jax(fmt):
    x = hostile(fmt)
    with jax.enable_x64(True):
        for rounding in (Rounding.RNE, Rounding.RTP):
            found = jax.jit(lambda v, r=rounding: msdnum.encode(v, fmt, overflow=SAT, rounding=r))(
                jnp.asarray(x)
            )
            assert_same_bits(found, msdnum.encode(x, fmt, overflow=SAT, rounding=rounding))


def test_float64_by_hand():
    assert msdnum.encode(1 + 2.0**-11 + 2.0**-40, FP16, overflow=SAT) == 0x3C01
    assert msdnum.round_to(17 + 2.0**-30, E4M3, overflow=SAT) == 18
    assert msdnum.round_to(np.array([17 + 2.0**-30, 17]), E4M3, overflow=SAT).tolist() == [18, 16]
    assert msdnum.encode(np.array([np.nan]), FP16, overflow=SAT).tolist() == [0x7E00]
    with pytest.raises(ValueError, match="x must not hold NaN: E2M1 has no code for it"):
        msdnum.encode(np.array([np.nan]), E2M1, overflow=SAT)


def blocks_of_float64():
    """Return rows of 64: all binades, ties missed by little, zeros, specials."""
    rng = np.random.default_rng(2)
    x = rng.standard_normal((6, 64)) * 2.0 ** rng.integers(-160, 120, (6, 1))
    near = rng.integers(-8, 9, (3, 64)) / 4 + rng.choice([0, 2.0**-40, -(2.0**-40)], (3, 64))
    special = np.where(np.arange(64) == 5, np.nan, rng.standard_normal((1, 64)))
    return np.concatenate([x, near, np.full((1, 64), -0.0), special])


BLOCKS = blocks_of_float64()


VARIANTS += [
    BlockFormat(f"E2M1-{rule.name}", E2M1, MXFP4.scale, 32, rule)
    for rule in (ScaleRule.CEIL, ScaleRule.RCEIL, ScaleRule.EVEN)
]


@pytest.mark.parametrize("fmt", VARIANTS, ids=lambda f: f.name)
def test_blocks_of_float64_as_specified(fmt):
    quantized = msdnum.quantize(BLOCKS, fmt)
    rows = [[spec.from_float(float(v)) for v in row] for row in BLOCKS]
    tensor = spec.tensor_scale([v for row in rows for v in row], fmt)
    if tensor is not None:
        assert int(quantized.tensor_scale.view(np.uint32)) == spec.to_float32_bits(tensor)
    size = quantized.format.block_size
    for i, row in enumerate(rows):
        for b, start in enumerate(range(0, 64, size)):
            scale, codes = spec.quantize_block(row[start : start + size], fmt, tensor=tensor)
            assert quantized.scale_codes[i, b] == scale
            assert quantized.codes[i, start : start + size].tolist() == codes


@pytest.mark.parametrize("fmt", [MXFP4, NVFP4, INT8_GROUP], ids=lambda f: f.name)
def test_blocks_of_float64_by_jax(fmt):
    expected = msdnum.quantize(BLOCKS, fmt)
    with jax.enable_x64(True):
        found = jax.jit(lambda x: msdnum.quantize(x, fmt))(jnp.asarray(BLOCKS))
    assert_same_bits(found.codes, expected.codes)
    assert_same_bits(found.scale_codes, expected.scale_codes)


def test_float64_beyond_binary32():
    x = np.array([1e300, -1e299, *[1.0] * 30])
    values = [spec.from_float(v) for v in x]
    for fmt in (MXFP4, INT8_GROUP, Q8_0):
        found = msdnum.quantize(x, fmt)
        expected = spec.quantize_block(values, fmt)
        assert (found.scale_codes[0], found.codes.tolist()) == expected
    with pytest.raises(ValueError, match=r"x must be below 6 \* 2\*\*128 in magnitude for the sca"):
        msdnum.quantize(x, NVFP4)


def test_float64_has_a_way_out_where_it_is_refused():
    x, scheme = np.ones((2, 64)), msdnum.SCHEMES["MXFP4_X2"]
    calls = [
        lambda: msdnum.decompose(x, scheme), lambda: msdnum.decompose_terms(x, scheme),
        lambda: matmul(x, x.T), lambda: attend(x, x, x, FLOAT32_FLASH),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(TypeError, match=r"got float64: round it once, .astype\('float32'\)"):
            call()


CALLS = {
    "encode": lambda x: msdnum.encode(x, E4M3, overflow=SAT),
    "round_to": lambda x: msdnum.round_to(x, E4M3, overflow=SAT),
    "quantize": lambda x: msdnum.quantize(x, NVFP4).dequantize(),
    "decompose": lambda x: msdnum.decompose(x, msdnum.SCHEMES["MXFP4_X2"]).remainder,
    "zero points": lambda x: quantize_asymmetric(x, ELEMENT_FORMATS["INT4"]).dequantize(),
    "matmul": lambda x: matmul(x, np.ones((64, 1), np.float32)),
    "attend": lambda x: attend(x, X, X, FLOAT32_FLASH),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_numbers_of_either_byte_order(call):
    for dtype in (np.float32, np.float16):
        x = X.astype(dtype)
        assert_same_bits(call(x.astype(x.dtype.newbyteorder(">"))), call(x))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_lists_of_binary32_numbers(call):
    """float64 numbers, and so rounded once; decompositions and products need binary32."""
    assert_same_bits(call(X.tolist()), call(X))


def test_lists_and_scalars():
    assert msdnum.encode([0.1, -2, 3], E4M3, overflow=SAT).tolist() == [0x1D, 0xC0, 0x44]
    assert msdnum.round_to(0.3, E2M1, overflow=SAT) == 0.5
    assert msdnum.round_to(7, E2M1, overflow=SAT).dtype == np.float32
    assert msdnum.decode([0x38, 0xB8], E4M3).tolist() == [1, -1]
    assert msdnum.decode(0x38, E4M3) == 1
    assert matmul([[1, 2.5]], [[3], [4]]).tolist() == [[13.0]]
    assert msdnum.quantize([1, 2, -3], MXFP4).dequantize().tolist() == [1, 2, -3]


def test_codes_of_either_byte_order():
    codes = np.array([0x3C01, 0xC000], np.uint16)
    assert_same_bits(msdnum.decode(codes.astype(">u2"), FP16), msdnum.decode(codes, FP16))
    quantized = msdnum.quantize(X, INT8_GROUP)
    swapped = quantized.scale_codes.astype(">u4")
    found = QuantizedArray(quantized.codes, swapped, None, INT8_GROUP, -1)
    assert_same_bits(found.dequantize(), quantized.dequantize())
    numbers = quantized.scales().astype(">f4")
    found = QuantizedArray.from_scales(quantized.codes, numbers, INT8_GROUP)
    assert_same_bits(found.dequantize(), quantized.dequantize())


def test_scales_of_python_and_float64():
    codes = np.ones((1, 32), np.uint8)
    for scale in ([[0.25]], np.array([[0.25]])):
        assert QuantizedArray.from_scales(codes, scale, MXFP4).scale_codes.tolist() == [[125]]
    with pytest.raises(ValueError, match=r"scales must be numbers of BINARY32, got 0.1 at"):
        QuantizedArray.from_scales(codes, [[0.1]], INT8_GROUP)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones(3, np.int32), TypeError, r"x must be float32, .*got int32: convert numbers with"),
        (np.ones(3, np.uint8), TypeError, r"got uint8: convert numbers .*; decode takes codes"),
        (np.ones(3, bool), TypeError, "x must be float32, bfloat16 or float16, got bool"),
        (np.ones(3, np.complex64), TypeError, "got complex64"),
        (np.ones(3, np.longdouble), TypeError, "got (float128|longdouble|float64)"),
        (True, TypeError, "x must be a NumPy or JAX array, got bool"),
        ("1", TypeError, "x must be a NumPy or JAX array, got str"),
        (None, TypeError, "x must be a NumPy or JAX array, got NoneType"),
        ([True], TypeError, "x must be numbers or an array of them, got list"),
        ([None], TypeError, "x must be numbers or an array of them, got list"),
        ([2**53 + 1], TypeError, r"x must be binary64 numbers, got integers above 2\*\*53"),
        ([], ValueError, "x must not be empty"),
        ([[1], [1, 2]], ValueError, "inhomogeneous"),
        (np.ma.ones(3, np.float32), TypeError, "got MaskedArray"),
    ],
)
def test_what_is_no_array_of_numbers(x, error, message):
    with pytest.raises(error, match=message):
        msdnum.encode(x, E4M3, overflow=SAT)


@BACKENDS
def test_int8_arrays_are_factors(array):
    """As ONNX's MatMulInteger and bug reports against int8 products have them."""
    a = array(np.array([[-44, -20], [-126, 6]], np.int8))
    b = array(np.array([[24, -75], [127, -101]], np.int8))
    expected = [[-3596, 5320], [-2262, 8844]]
    assert np.asarray(matmul(a, b)).tolist() == expected
    assert np.asarray(matmul(a, b, accumulator=INT32)).tolist() == expected
    assert (
        np.asarray(jax.jit(lambda a, b: matmul(a, b, accumulator=INT32))(a, b)).tolist() == expected
    )
    lowest = array(np.full((1, 5), -128, np.int8))
    assert np.asarray(matmul(lowest, lowest.T, accumulator=INT32)).tolist() == [[5 * 2**14]]


@BACKENDS
def test_int4_arrays_are_factors(array):
    a = array(np.array([[-8, 7]], ml_dtypes.int4))
    assert np.asarray(matmul(a, array(np.array([[3], [5]], np.int8)))).tolist() == [[11.0]]


@BACKENDS
@pytest.mark.parametrize("unit", ["HOPPER_FP8", "BLACKWELL_MX"])
def test_fp8_arrays_are_factors_of_a_matrix_unit(array, unit):
    """The same as with scales of 1."""
    x = X.astype(ml_dtypes.float8_e4m3fn)
    ones = np.full((3, 2), 127, np.uint8)
    a = QuantizedArray(x, ones, None, MXFP8_E4M3, -1)
    b = QuantizedArray(x.T, ones.T, None, MXFP8_E4M3, -2)
    accumulator = ALL_ACCUMULATORS[unit]
    found = matmul(array(x), array(x.T), accumulator=accumulator)
    assert_same_bits(found, matmul(a, b, accumulator=accumulator))


# ------------------------------------------------------------------------------------------------
# torch
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "float8_e4m3fn", "float64"])
def test_torch_tensors_of_floats(dtype):
    torch = pytest.importorskip("torch")
    x = torch.from_numpy(X.copy()).to(getattr(torch, dtype))
    same = X.astype(dtype)
    assert as_array(x, "x").dtype == same.dtype
    assert_same_bits(as_array(x, "x"), same)
    assert_same_bits(msdnum.quantize(x, MXFP4).codes, msdnum.quantize(same, MXFP4).codes)
    assert_same_bits(
        msdnum.encode(x.T, E4M3, overflow=SAT), msdnum.encode(same.T, E4M3, overflow=SAT)
    )


def test_torch_tensors_of_a_checkpoint():
    torch = pytest.importorskip("torch")
    codes = torch.tensor([[0x38, 0xB8] * 16], dtype=torch.uint8)
    scales = torch.tensor([[120]], dtype=torch.uint8)
    for c in (codes, codes.view(torch.float8_e4m3fn), codes.view(torch.int8)):
        for s in (scales, scales.view(torch.float8_e8m0fnu), scales.view(torch.int8)):
            found = QuantizedArray(c, s, None, MXFP8_E4M3, -1).dequantize()
            assert found[0, :2].tolist() == [2.0**-7, -(2.0**-7)]
    nvfp4 = QuantizedArray(
        torch.full((1, 16), 2, dtype=torch.uint8), torch.tensor([[0x38]], dtype=torch.uint8),
        torch.tensor([0.5]), NVFP4, -1,
    )  # fmt: skip
    assert nvfp4.dequantize()[0, 0] == 0.5


def test_torch_tensors_that_need_a_gradient_or_are_integers():
    torch = pytest.importorskip("torch")
    x = torch.ones(4, requires_grad=True)
    assert msdnum.encode(x, E4M3, overflow=SAT).tolist() == [0x38] * 4
    a = torch.tensor([[1, -2]], dtype=torch.int8)
    assert matmul(a, a.T, accumulator=INT32).tolist() == [[5.0]]
    with pytest.raises(TypeError, match=r"x must be a tensor on the CPU, got meta: call .cpu"):
        msdnum.encode(torch.ones(4, device="meta"), E4M3, overflow=SAT)
    packed = torch.zeros(4, dtype=torch.uint8).view(torch.float4_e2m1fn_x2)
    with pytest.raises(TypeError, match=r"got float4_e2m1fn_x2: view it as bytes, .view"):
        msdnum.decode(packed, E2M1)

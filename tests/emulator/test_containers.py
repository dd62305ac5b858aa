"""What people put into a container: the same bits in other types, numbers, and what is neither."""

from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

import msdnum
from msdnum import NonNumbers, QuantizedArray, ScaleRule, spec
from msdnum.emulator.attention.flash import attend
from msdnum.emulator.attention.methods import FLOAT32_FLASH
from msdnum.emulator.gemm.products import matmul, transposed
from msdnum.emulator.zero_points import AsymmetricArray, quantize_asymmetric
from msdnum.formats.accumulators import EXACT, INT32
from msdnum.formats.blocks import (
    INT8_GROUP,
    INT8_ROW,
    MXFP4,
    MXFP6_E2M3,
    MXFP8_E4M3,
    MXINT8,
    NVFP4,
    BlockFormat,
)
from msdnum.formats.elements import (
    BF16,
    BINARY32,
    E2M1,
    E2M3,
    E4M3,
    E5M2,
    E8M0,
    FP16,
    INT4,
    INT8,
    INT8_SYMMETRIC,
    FloatFormat,
)
from tests.support.agreement import assert_same_bits, on_numpy_and_jit
from tests.support.containers import X
from tests.support.corpus import hostile_blocks
from tests.support.selection import quick

BACKENDS = pytest.mark.parametrize("array", [np.asarray, jnp.asarray], ids=["numpy", "jax"])


INT4_BLOCKS = BlockFormat("INT4_BLOCKS", INT4, BINARY32, 16, ScaleRule.AMAX)


Q8_0 = BlockFormat("Q8_0", INT8_SYMMETRIC, FP16, 32, ScaleRule.AMAX)


BF16_SCALES = BlockFormat("BF16_SCALES", E4M3, BF16, 16, ScaleRule.AMAX)


E5M2_SCALES = BlockFormat("E5M2_SCALES", E2M1, E5M2, 16, ScaleRule.AMAX)


UE5M3 = FloatFormat("UE5M3", 5, 3, 15, NonNumbers.NAN, signed=False)


UE5M3_SCALES = BlockFormat("UE5M3_SCALES", E2M1, UE5M3, 16, ScaleRule.AMAX)


E7M0 = FloatFormat("E7M0", 7, 0, 63, NonNumbers.NAN, signed=False, subnormals=False)


E7M0_SCALES = BlockFormat("E7M0_SCALES", E2M1, E7M0, 16, ScaleRule.AMAX)


FP6 = replace(E2M3, name="FP6")


def e4m3(*bytes_):
    return np.array(bytes_, np.uint8).view(ml_dtypes.float8_e4m3fn)


def mxfp4(scale, codes=None, axis=-1, tensor_scale=None, fmt=MXFP4):
    """Return one row of 32 elements: 1, -0.5, 3, and zeros."""
    given = np.zeros((1, 32), np.uint8)
    given[0, :3] = 2, 9, 5
    return QuantizedArray(given if codes is None else codes, scale, tensor_scale, fmt, axis)


# ------------------------------------------------------------------------------------------------
# The same bits
# ------------------------------------------------------------------------------------------------


def on_backend(array, *parts):
    return [None if part is None else array(part) for part in parts]


@BACKENDS
def test_a_tensor_of_a_checkpoint_is_read_as_it_is(array):
    """F8_E4M3 with F8_E8M0: 1.148e-41 and NaN came for 2**-7 and -2**-7."""
    w = e4m3(*[0x38, 0xB8] * 16).reshape(1, 32)
    s = np.array([[120]], np.uint8).view(ml_dtypes.float8_e8m0fnu)
    found = QuantizedArray(array(w), array(s), None, MXFP8_E4M3, -1)
    assert (found.codes.dtype, found.scale_codes.dtype) == (np.uint8, np.uint8)
    expected = np.array([[2.0**-7, -(2.0**-7)] * 16], np.float32)
    assert_same_bits(found.dequantize(), expected)
    assert_same_bits(jax.jit(lambda q: q.dequantize())(found), expected)
    made_inside = jax.jit(lambda w, s: QuantizedArray(w, s, None, MXFP8_E4M3, -1).dequantize())
    assert_same_bits(made_inside(jnp.asarray(w), jnp.asarray(s)), expected)


@BACKENDS
@pytest.mark.parametrize(
    ("byte", "dtype", "scale"),
    [(127, "float8_e8m0fnu", 1.0), (200, "int8", 2.0**73), (254, "int8", 2.0**127)],
)
def test_scales_of_the_same_bits(array, byte, dtype, scale):
    found = mxfp4(array(np.array([[byte]], np.uint8).view(dtype)), array(mxfp4_codes()))
    assert np.asarray(found.scales()).tolist() == [[scale]]
    if byte < 254:
        numbers = np.asarray(found.dequantize())[0, :3]
        assert numbers.tolist() == [scale, -0.5 * scale, 3 * scale]


def mxfp4_codes():
    return np.asarray(mxfp4(np.full((1, 1), 127, np.uint8)).codes)


FORMATS_AND_TYPES = [
    (MXFP4, "float4_e2m1fn"), (MXFP4, "uint4"), (MXFP6_E2M3, "float6_e2m3fn"),
    (MXFP8_E4M3, "float8_e4m3fn"), (MXFP8_E4M3, "int8"), (MXINT8, "int8"), (INT8_GROUP, "int8"),
    (replace(MXFP6_E2M3, element=FP6), "float6_e2m3fn"), (INT4_BLOCKS, "int4"),
    (INT4_BLOCKS, "uint4"), (replace(MXFP8_E4M3, element=BF16), "bfloat16"),
    (replace(MXFP8_E4M3, element=FP16), "float16"), (replace(MXFP8_E4M3, element=INT8), "int8"),
]  # fmt: skip


@BACKENDS
@pytest.mark.parametrize(("fmt", "dtype"), FORMATS_AND_TYPES, ids=lambda x: getattr(x, "name", x))
def test_codes_of_the_same_bits(array, fmt, dtype):
    if dtype.startswith("float6") and array is jnp.asarray:
        pytest.skip("JAX has no such type")
    x = np.random.default_rng(1).standard_normal((3, 32)).astype(np.float32) * 3
    quantized = msdnum.quantize(x, fmt)
    codes = array(other_type(quantized, dtype))
    found = QuantizedArray(codes, array(quantized.scale_codes), None, fmt, -1)
    assert_same_bits(found.codes, quantized.codes)
    assert_same_bits(found.dequantize(), quantized.dequantize())
    if array is jnp.asarray:
        jitted = jax.jit(lambda c, s: QuantizedArray(c, s, None, fmt, -1).dequantize())
        assert_same_bits(jitted(codes, found.scale_codes), quantized.dequantize())


def other_type(quantized, dtype):
    """Return the codes as numbers of another type, by the numbers, not the bits."""
    if dtype == "uint4":
        return quantized.codes.astype(dtype)
    fmt = quantized.format.element
    if dtype.startswith("int") and not isinstance(fmt, FloatFormat):
        return quantized.integers().astype(dtype)
    if dtype == "int8":
        return quantized.codes.view(dtype)
    return msdnum.decode(quantized.codes, fmt).astype(dtype)


@BACKENDS
@pytest.mark.parametrize(
    ("fmt", "dtype"),
    [(NVFP4, "float8_e4m3fn"), (INT8_GROUP, "float32"), (Q8_0, "float16"),
     (BF16_SCALES, "bfloat16"), (E5M2_SCALES, "float8_e5m2"), (MXFP4, "float8_e8m0fnu")],
    ids=lambda x: getattr(x, "name", x),
)  # fmt: skip
def test_scales_in_the_type_of_their_numbers(array, fmt, dtype):
    """NVFP4 scales as float8_e4m3fn gave -0.0045 for 1."""
    x = np.random.default_rng(2).standard_normal((2, 64)).astype(np.float32)
    quantized = msdnum.quantize(x, fmt)
    scales = array(msdnum.decode(quantized.scale_codes, fmt.scale).astype(dtype))
    parts = on_backend(array, quantized.codes, quantized.tensor_scale)
    found = QuantizedArray(parts[0], scales, parts[1], fmt, -1)
    assert_same_bits(found.scale_codes, quantized.scale_codes)
    assert_same_bits(found.dequantize(), quantized.dequantize())
    again = QuantizedArray.from_scales(parts[0], scales, fmt, tensor_scale=parts[1])
    assert_same_bits(again.dequantize(), quantized.dequantize())


# ------------------------------------------------------------------------------------------------
# The tensor scale
# ------------------------------------------------------------------------------------------------


@BACKENDS
@pytest.mark.parametrize(
    "scale",
    [0.375, 1, np.float64(0.375), np.float32(0.375), np.array([0.375], np.float32),
     np.array(1, np.int32), np.array(0.375, ml_dtypes.bfloat16), np.array(0.375, ">f4"),
     np.float16(0.375), [0.375], np.float64(2.0**-149)],
    ids=lambda x: f"{type(x).__name__}-{getattr(x, 'dtype', '')}",
)  # fmt: skip
def test_a_tensor_scale_is_a_number(array, scale):
    codes, scales = array(mxfp4_codes()), array(np.full((1, 2), 0x38, np.uint8))
    found = QuantizedArray(codes, scales, scale, NVFP4, -1)
    assert (found.tensor_scale.dtype, found.tensor_scale.shape) == (np.float32, ())
    number = np.float32(np.asarray(scale).item())
    expected = np.array([1, -0.5, 3], np.float32) * number
    assert_same_bits(np.asarray(found.dequantize())[0, :3], expected)


@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16, np.float16])
def test_a_traced_tensor_scale(dtype):
    def numbers(scale):
        return mxfp4(
            jnp.full((1, 2), 0x38, np.uint8), jnp.asarray(mxfp4_codes()), -1, scale, NVFP4
        ).dequantize()[0, :3]

    found = jax.jit(numbers)(jnp.asarray(0.375, dtype))
    assert_same_bits(found, np.array([0.375, -0.1875, 1.125], np.float32))


# ------------------------------------------------------------------------------------------------
# Neither
# ------------------------------------------------------------------------------------------------

ONE = np.full((1, 1), 127, np.uint8)


TWO = np.zeros((1, 64), np.uint8)


FP8 = np.full((1, 2), 0x38, np.uint8)


REFUSED = {
    "numbers for E8M0": (
        lambda a: mxfp4(a(np.ones((1, 1), np.float32)), a(mxfp4_codes())),
        TypeError, "scale_codes must be uint8, got float32: bit patterns of E8M0, .*from_scales",
    ),
    "numbers for E4M3": (
        lambda a: mxfp4(a(np.ones((1, 2), np.float32)), a(mxfp4_codes()), -1, 1.0, NVFP4),
        TypeError, "scale_codes must be uint8, got float32: bit patterns of E4M3, also as int8, fl",
    ),
    "int32 for BINARY32": (
        lambda a: QuantizedArray(a(TWO), a(np.ones((1, 1), np.int32)), None, INT8_GROUP, -1),
        TypeError, "scale_codes must be uint32, got int32",
    ),
    "bits of another format": (
        lambda a: QuantizedArray(a(e4m3(*[0] * 32)), a(np.uint8([1])), None, MXFP4, -1),
        TypeError, "codes must be uint8, got float8_e4m3fn: bit patterns of E2M1, also as uint4",
    ),
    "numbers for codes": (
        lambda a: QuantizedArray(a(np.ones((1, 32), np.float32)), a(ONE), None, MXFP4, -1),
        TypeError, "codes must be uint8, got float32: .*: encode numbers first, or quantize them",
    ),
    "signed bytes of narrow codes": (
        lambda a: QuantizedArray(a(np.ones((1, 32), np.int8)), a(ONE), None, MXFP4, -1),
        TypeError, "codes must be uint8, got int8",
    ),
    "packed codes": (
        lambda a: QuantizedArray(a(TWO[:, :32]), a(np.ones((1, 2), np.uint8)), None, MXFP4, -1),
        ValueError, r"scale_codes must have shape \(1, 1\), got \(1, 2\): .*; are the codes packed",
    ),
    "packed codes of one block": (
        lambda a: mxfp4(a(ONE), a(np.full((1, 16), 0x29, np.uint8))).dequantize(),
        ValueError, "codes must be below 16 for E2M1, got 41: unpack several codes in a byte first",
    ),
    "one scale for two blocks": (
        lambda a: QuantizedArray(a(TWO), a(ONE), None, MXFP4, -1),
        ValueError, r"scale_codes must have shape \(1, 2\), got \(1, 1\): one for each block of 32",
    ),
    "three scales for two blocks": (
        lambda a: QuantizedArray(a(TWO), a(np.ones((1, 3), np.uint8)), None, MXFP4, -1),
        ValueError, r"scale_codes must have shape \(1, 2\), got \(1, 3\)",
    ),
    "blocks along the other axis": (
        lambda a: QuantizedArray(a(TWO), a(np.ones((1, 2), np.uint8)), None, MXFP4, -2),
        ValueError, r"scale_codes must have shape \(1, 64\), got \(1, 2\): .* along axis -2",
    ),
    "flat scales": (
        lambda a: QuantizedArray(a(TWO), a(np.ones(2, np.uint8)), None, MXFP4, -1),
        ValueError, r"scale_codes must have shape \(1, 2\), got \(2,\): .*; reshape them",
    ),
    "scales in a column": (
        lambda a: QuantizedArray(a(TWO), a(np.ones((2, 1), np.uint8)), None, MXFP4, -1),
        ValueError, r"scale_codes must have shape \(1, 2\), got \(2, 1\): .*; reshape them",
    ),
    "block scales for a whole tensor": (
        lambda a: QuantizedArray(a(TWO), a(np.ones((1, 2), np.uint8)), None, MXFP4, None),
        ValueError, r"scale_codes must have shape \(\), one scale .*: name the axis of the blocks",
    ),
    "an axis that is not there": (
        lambda a: QuantizedArray(a(TWO), a(ONE), None, MXFP4, 2),
        ValueError, r"axis must be in -2..1, got 2",
    ),
    "an axis that is no integer": (
        lambda a: QuantizedArray(a(TWO), a(ONE), None, MXFP4, -1.0),
        TypeError, r"axis must be an integer or None, got -1.0",
    ),
    "no dimension": (
        lambda a: QuantizedArray(a(np.uint8(1)), a(np.uint8(1)), None, MXFP4, -1),
        ValueError, "codes must have at least one dimension where axis is not None",
    ),
    "no elements": (
        lambda a: QuantizedArray(a(TWO[:, :0]), a(ONE), None, MXFP4, -1),
        ValueError, "codes must not be empty",
    ),
    "a name for a format": (
        lambda a: QuantizedArray(a(TWO), a(ONE), None, "MXFP4", -1),
        TypeError, "format must be BlockFormat, got 'MXFP4'",
    ),
    "a list": (
        lambda a: QuantizedArray(a(TWO), [[1.0, 2.0]], None, MXFP4, -1),
        TypeError, "scale_codes must be integers, bit patterns of E8M0, got float64",
    ),
    "no divisor": (
        lambda a: QuantizedArray(a(TWO), a(ONE), None, INT8_GROUP, -1, 0),
        TypeError, "scale_codes must be uint32, got uint8",
    ),
    "a divisor of zero": (
        lambda a: QuantizedArray(a(TWO), a(np.ones((1, 1), np.uint32)), None, INT8_GROUP, -1, 0),
        ValueError, "divisor must be a positive integer, got 0",
    ),
    "a tensor scale that is no binary32 number": (
        lambda a: mxfp4(a(FP8), a(mxfp4_codes()), -1, 0.1, NVFP4),
        ValueError, r"tensor_scale must be a binary32 number, got 0.1: .* np.float32\(0.1\)",
    ),
    "a tensor scale for each row": (
        lambda a: mxfp4(a(FP8), a(mxfp4_codes()), -1, np.ones(3, np.float32), NVFP4),
        ValueError, r"tensor_scale must have shape \(\), one scale .*, got \(3,\)",
    ),
    "a tensor scale in words": (
        lambda a: mxfp4(a(FP8), a(mxfp4_codes()), -1, "1", NVFP4),
        TypeError, "tensor_scale must be a number, float32, got '1'",
    ),
    "a tensor scale of Booleans": (
        lambda a: mxfp4(a(FP8), a(mxfp4_codes()), -1, True, NVFP4),
        TypeError, "tensor_scale must be a number, float32, got True",
    ),
    "no tensor scale": (
        lambda a: mxfp4(a(FP8), a(mxfp4_codes()), -1, None, NVFP4),
        ValueError, "tensor_scale must be a number, float32, for NVFP4, got None",
    ),
    "a tensor scale too many": (
        lambda a: mxfp4(a(ONE), a(mxfp4_codes()), -1, 1.0),
        ValueError, "tensor_scale must be None for MXFP4, got 1.0",
    ),
}  # fmt: skip


@BACKENDS
@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_an_error_in_words(array, case):
    make, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        make(array)


def test_numpy_beside_jax_is_refused():
    with pytest.raises(TypeError, match=r"scale_codes must be of the backend .* JAX beside NumPy"):
        mxfp4(jnp.asarray(ONE))
    with pytest.raises(TypeError, match=r"scale_codes must be of the backend .* NumPy beside JAX"):
        mxfp4(ONE, jnp.asarray(mxfp4_codes()))
    with pytest.raises(TypeError, match=r"tensor_scale must be of the backend .* JAX beside NumPy"):
        mxfp4(FP8, None, -1, jnp.float32(1), NVFP4)


def test_a_traced_tensor_scale_of_integers_is_refused():
    def made(scale):
        return mxfp4(jnp.asarray(FP8), jnp.asarray(mxfp4_codes()), -1, scale, NVFP4)

    with pytest.raises(TypeError, match="tensor_scale must be float32 where it is traced"):
        jax.jit(made)(jnp.int32(1))


# ------------------------------------------------------------------------------------------------
# Shapes that fit
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_axis_may_be_counted_from_either_end(axis):
    x = np.random.default_rng(3).standard_normal((32, 40, 33)).astype(np.float32)
    q = msdnum.quantize(x, MXFP4, axis=axis)
    found = QuantizedArray(q.codes, q.scale_codes, None, MXFP4, axis)
    assert (found.axis, q.axis) == (axis - 3, axis - 3)
    assert_same_bits(found.dequantize(), q.dequantize())


def test_a_whole_row_is_a_block_of_its_length():
    """A bare AssertionError came of a format without a block size."""
    codes, scales = np.full((2, 5), 3, np.uint8), np.full((2, 1), 0x3F800000, np.uint32)
    found = QuantizedArray(codes, scales, None, INT8_ROW, -1)
    assert found.format.block_size == 5
    assert found.dequantize().tolist() == [[3.0] * 5] * 2
    whole = QuantizedArray(codes, scales[0, 0], None, INT8_GROUP, None)
    assert whole.format.block_size == 10
    assert whole.dequantize().tolist() == [[3.0] * 5] * 2


METHODS = {
    "dequantize": lambda q: q.dequantize(),
    "scales": lambda q: q.scales(),
    "rows": lambda q: q.rows(q.codes),
    "integers": lambda q: q.integers(),
    "to_blocks_and_scales": msdnum.to_blocks_and_scales,
    "transposed": transposed,
    "matmul": lambda q: matmul(q, jnp.ones((32, 1), jnp.float32)),
    "attend": lambda q: attend(jnp.ones((2, 32), jnp.float32), q, q, FLOAT32_FLASH),
}


def spoilt(q):
    """Return an array of which JAX has made what the constructor would refuse."""
    return jax.tree.map(lambda v: v[..., :1] if v.shape[-1] == 2 else v, q)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_checks(method):
    q = msdnum.quantize(X[0].reshape(1, 64), MXINT8)
    bad = spoilt(q)
    assert bad.scale_codes.shape == (1, 1)
    with pytest.raises(ValueError, match=r"scale_codes must have shape \(1, 2\), got \(1, 1\)"):
        METHODS[method](bad)
    with pytest.raises(ValueError, match=r"scale_codes must have shape \(1, 2\), got \(1, 1\)"):
        jax.jit(METHODS[method])(bad)


def test_containers_are_trees_of_anything():
    """Shapes, axes and mere objects are leaves that JAX puts into containers."""
    q = msdnum.quantize(X, NVFP4)
    leaves, tree = jax.tree.flatten(q)
    assert [v.shape for v in leaves] == [(4, 2, 32), (4, 2, 2), ()]
    assert jax.tree.unflatten(tree, [object()] * 3).format == q.format
    shapes = jax.eval_shape(partial(msdnum.quantize, fmt=NVFP4), X)
    assert (shapes.codes.shape, shapes.codes.dtype) == (X.shape, np.uint8)
    assert jax.tree.map(lambda _: 0, q).scale_codes == 0
    names = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(q)]
    assert names == [".codes", ".scale_codes", ".tensor_scale"]
    assert jax.tree.structure(jax.device_put(q)) == tree


@pytest.mark.parametrize(
    "fmt", quick([MXFP4, NVFP4, INT8_GROUP, Q8_0], {"MXFP4", "Q8_0"}), ids=lambda f: f.name
)
def test_containers_go_through_vmap(fmt):
    quantized = jax.vmap(lambda x: msdnum.quantize(x, fmt))(X)
    inside = jax.jit(jax.vmap(lambda q: q.dequantize()))(quantized)
    expected = np.stack([msdnum.quantize(np.asarray(x), fmt).dequantize() for x in X])
    assert_same_bits(inside, expected)
    if not fmt.tensor_scale:
        assert_same_bits(quantized.dequantize(), expected)


def test_raw_bytes_go_through_vmap():
    q = msdnum.quantize(X, MXFP8_E4M3)

    def numbers(codes, scales):
        return QuantizedArray(codes, scales, None, MXFP8_E4M3, 1).dequantize()

    found = jax.vmap(numbers)(
        q.codes.view(jnp.float8_e4m3fn), q.scale_codes.view(jnp.float8_e8m0fnu)
    )
    assert_same_bits(found, q.dequantize())
    with pytest.raises(ValueError, match=r"scale_codes must have shape \(2, 1\), got \(1, 2\)"):
        jax.vmap(numbers)(q.codes, q.scale_codes.swapaxes(1, 2))


def test_a_notebook_shows_no_table_of_what_is_none():
    assert spoilt(msdnum.quantize(X[0].reshape(1, 64), MXFP4))._repr_html_() is None


# ------------------------------------------------------------------------------------------------
# Scales as numbers
# ------------------------------------------------------------------------------------------------


@BACKENDS
@pytest.mark.parametrize("dtype", [np.float32, ml_dtypes.bfloat16, np.float16])
def test_scales_as_numbers(array, dtype):
    codes = array(mxfp4_codes())
    found = QuantizedArray.from_scales(codes, array(np.array([[0.25]], dtype)), MXFP4)
    assert np.asarray(found.scale_codes).tolist() == [[125]]
    whole = QuantizedArray.from_scales(codes, array(np.array(3.0, dtype)), INT8_GROUP, axis=None)
    assert float(whole.scales()) == 3.0
    assert_same_bits(whole.dequantize(), array(3 * mxfp4_codes().astype(np.float32)))


@BACKENDS
@pytest.mark.parametrize(
    ("fmt", "scale", "message"),
    [
        (MXFP4, 3.0, r"scales must be numbers of E8M0, got 3.0 at \(0, 0\): round them first"),
        (MXFP4, 0.0, r"numbers of E8M0, got 0.0"),
        (MXFP4, -1.0, r"numbers of E8M0, got -1.0"),
        (MXFP4, np.inf, r"numbers of E8M0, got inf"),
        (Q8_0, 0.1, r"numbers of FP16, got 0.1"),
        (Q8_0, 1e-41, r"numbers of FP16, got 9.99"),
    ],
)  # fmt: skip
def test_no_scale_is_rounded(array, fmt, scale, message):
    with pytest.raises(ValueError, match=message):
        QuantizedArray.from_scales(
            array(mxfp4_codes()), array(np.array([[scale]], np.float32)), fmt
        )


def test_a_scale_of_nan_makes_a_nan_block():
    found = QuantizedArray.from_scales(mxfp4_codes(), np.array([[np.nan]], np.float32), MXFP4)
    assert found.scale_codes.tolist() == [[255]]


def test_traced_numbers_cannot_be_seen_to_be_scales():
    def numbers(scales, fmt):
        return QuantizedArray.from_scales(jnp.asarray(mxfp4_codes()), scales, fmt).dequantize()

    with pytest.raises(TypeError, match="scales must be known to be numbers of E8M0"):
        jax.jit(partial(numbers, fmt=MXFP4))(jnp.ones((1, 1), jnp.float32))
    found = jax.jit(partial(numbers, fmt=INT8_GROUP))(jnp.full((1, 1), 2, jnp.bfloat16))
    assert_same_bits(found, 2 * mxfp4_codes().astype(np.float32))
    powers = np.full((1, 1), 128, np.uint8).view(ml_dtypes.float8_e8m0fnu)
    found = jax.jit(partial(numbers, fmt=MXFP4))(jnp.asarray(powers))
    assert np.asarray(found)[0, :3].tolist() == [2.0, -1.0, 6.0]


# ------------------------------------------------------------------------------------------------
# Zero points
# ------------------------------------------------------------------------------------------------

ASYMMETRIC = quantize_asymmetric(np.asarray(X[0]), INT4, block_size=16)


def test_zero_points_as_int4():
    zeros = ASYMMETRIC.zero_points.astype(ml_dtypes.int4)
    found = AsymmetricArray(ASYMMETRIC.quantized, zeros)
    assert found.zero_points.dtype == np.int8
    assert_same_bits(found.dequantize(), ASYMMETRIC.dequantize())


@pytest.mark.parametrize(
    ("zeros", "error", "message"),
    [
        (ASYMMETRIC.zero_points.astype(np.int32), TypeError, "zero_points must be int8 or int4"),
        (ASYMMETRIC.zero_points[:, :1], ValueError, r"zero_points must have shape \(2, 2\), that"),
        (jnp.asarray(ASYMMETRIC.zero_points), TypeError, "zero_points must be of the backend of"),
    ],
)
def test_zero_points_that_do_not_belong(zeros, error, message):
    with pytest.raises(error, match=message):
        AsymmetricArray(ASYMMETRIC.quantized, zeros)


def test_zero_points_belong_to_quantized_arrays():
    with pytest.raises(TypeError, match="quantized must be QuantizedArray"):
        AsymmetricArray(ASYMMETRIC.quantized.codes, ASYMMETRIC.zero_points)


def test_zero_points_that_jax_has_spoilt():
    spoilt_zeros = jax.tree.map(lambda v: v[:1] if v.dtype == np.int8 else v, ASYMMETRIC)
    for method in (AsymmetricArray.dequantize, AsymmetricArray.integers):
        with pytest.raises(ValueError, match=r"zero_points must have shape \(2, 2\)"):
            method(spoilt_zeros)
    with pytest.raises(ValueError, match="a must be an array whose parts belong together: zero_"):
        matmul(spoilt_zeros, np.ones((32, 1), np.float32))


def test_asymmetric_arrays_go_through_vmap():
    quantized = jax.vmap(partial(quantize_asymmetric, element=INT4))(X)
    found = jax.jit(jax.vmap(lambda q: q.dequantize()))(quantized)
    assert_same_bits(found, quantize_asymmetric(np.asarray(X), INT4).dequantize())


# ------------------------------------------------------------------------------------------------
# Every scale that a block format accepts
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fmt",
    [Q8_0, BF16_SCALES, E5M2_SCALES, UE5M3_SCALES, E7M0_SCALES],
    ids=lambda f: f.name,
)
def test_blocks_with_every_scale_as_specified(fmt):
    x = hostile_blocks(40)
    quantized = on_numpy_and_jit(lambda x: msdnum.quantize(x, fmt), x)
    dequantized = on_numpy_and_jit(lambda x: msdnum.quantize(x, fmt).dequantize(), x)
    size = quantized.format.block_size
    for i, row in enumerate(x):
        values = [spec.from_float(float(v)) for v in row]
        for b, start in enumerate(range(0, 32, size)):
            part = slice(start, start + size)
            scale, codes = spec.quantize_block(values[part], fmt)
            assert quantized.scale_codes[i, b] == scale
            assert quantized.codes[i, part].tolist() == codes
            numbers = [spec.to_float32_bits(v) for v in spec.dequantize_block(scale, codes, fmt)]
            assert_same_bits(dequantized[i, part], np.array(numbers, np.uint32).view(np.float32))


def random_product(fmt):
    rng = np.random.default_rng(6)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((3, 64), (64, 2)))
    return msdnum.quantize(a, fmt), msdnum.quantize(b, fmt, axis=-2)


@pytest.mark.parametrize("fmt", [E5M2_SCALES, UE5M3_SCALES], ids=lambda f: f.name)
def test_scales_of_eight_bits_are_part_of_the_products(fmt):
    """Products and their sums are exact in float64."""
    left, right = random_product(fmt)
    expected = left.dequantize().astype(np.float64) @ right.dequantize().astype(np.float64)
    assert_same_bits(matmul(left, right, accumulator=EXACT), expected.astype(np.float32))
    assert_same_bits(matmul(*jax.tree.map(jnp.asarray, (left, right))), matmul(left, right))


@pytest.mark.parametrize("fmt", [BF16_SCALES, E7M0_SCALES, Q8_0], ids=lambda f: f.name)
def test_other_scales_multiply_sums_of_blocks(fmt):
    """As llama.cpp has it for Q8_0: sums of blocks, times both scales."""
    left, right = random_product(fmt)
    elements = [msdnum.decode(x.codes, fmt.element).astype(np.float64) for x in (left, right)]
    total = np.zeros((3, 2), np.float32)
    for block in range(64 // fmt.block_size):
        k = slice(fmt.block_size * block, fmt.block_size * (block + 1))
        sums = (elements[0][:, k] @ elements[1][k]).astype(np.float32)
        total += sums * left.scales()[:, block, None] * right.scales()[block]
    assert_same_bits(matmul(left, right, accumulator=EXACT), total)
    assert_same_bits(matmul(*jax.tree.map(jnp.asarray, (left, right))), matmul(left, right))
    if fmt is Q8_0:
        assert_same_bits(matmul(left, right, accumulator=INT32), total)


def test_scales_of_a_wide_range_do_not_leave_that_of_binary32():
    """Products of elements with such scales would be subnormal, which JAX takes for zero."""
    ones, least = np.ones((1, 16), np.uint8), np.zeros((1, 1), np.uint8)
    left = QuantizedArray(ones, least, None, E7M0_SCALES, -1)
    assert left.scales() == 2.0**-63
    for a in (left, jax.tree.map(jnp.asarray, left)):
        assert np.asarray(matmul(a, transposed(a))).tolist() == [[4 * 2.0**-126]]


def test_a_scale_of_fp16_saturates():
    quantized = msdnum.quantize(np.array([1e9, -1e9, 1.0], np.float32), Q8_0)
    assert quantized.scales().tolist() == [65504.0]
    assert quantized.dequantize().tolist() == [127 * 65504.0, -127 * 65504.0, 0.0]


def test_keys_with_scales_of_fp16_per_channel():
    """The same as the numbers that they stand for, where those are exact."""
    fmt = replace(Q8_0, block_size=None)
    keys = np.random.default_rng(7).integers(-127, 128, (2, 8, 4)).astype(np.float32)
    keys[:, 0] = 127
    queries = np.ones((2, 3, 4), np.float32)
    quantized = msdnum.quantize(keys, fmt, axis=-2)
    assert_same_bits(quantized.dequantize(), keys)
    found = attend(queries, quantized, quantized, FLOAT32_FLASH, scale=2.0**-10)
    assert_same_bits(found, attend(queries, keys, keys, FLOAT32_FLASH, scale=2.0**-10))


def test_a_tensor_scale_beside_powers_of_two_is_refused():
    """It was taken, and forgotten."""
    with pytest.raises(ValueError, match="tensor_scale must be False with E8M0 scales, got 'X'"):
        BlockFormat("X", E2M1, E8M0, 32, ScaleRule.FLOOR, tensor_scale=True)


# ------------------------------------------------------------------------------------------------
# Zeros
# ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fmt",
    [MXFP4, NVFP4, UE5M3_SCALES, E5M2_SCALES, BF16_SCALES,
     BlockFormat("E4M3_ROW", E4M3, BINARY32, None, ScaleRule.AMAX)],
    ids=lambda f: f.name,
)  # fmt: skip
def test_a_zero_keeps_its_sign_whatever_the_scale(fmt):
    x = np.array([0.0, -0.0] * 16, np.float32)
    quantized = msdnum.quantize(x, fmt)
    assert_same_bits(quantized.dequantize(), x)
    assert_same_bits(jax.jit(lambda x: msdnum.quantize(x, fmt).dequantize())(x), x)


def test_what_a_scale_of_zero_leaves_is_the_sign():
    """Beside a large block, the scale of a small one is zero."""
    x = np.array([[1e30] * 16 + [1e-30, -1e-30] * 8], np.float32)
    quantized = msdnum.quantize(x, NVFP4)
    assert quantized.scale_codes[0, 1] == 0
    assert_same_bits(quantized.dequantize()[0, 16:18], np.array([0.0, -0.0], np.float32))
    assert msdnum.quantize(-np.zeros(4, np.float32), INT8_ROW).codes.tolist() == [0] * 4

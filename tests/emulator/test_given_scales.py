"""Given scales and blocks of two dimensions: against plain loops in fractions, on all backends."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from msdnum import (
    BLOCK_FORMATS,
    BlockFormat,
    Overflow,
    QuantizedArray,
    ScaleRule,
    attend,
    matmul,
    quantize,
    spec,
)
from msdnum.emulator.attention import Method
from msdnum.emulator.gemm import transposed
from msdnum.formats import (
    BF16,
    BINARY32,
    E2M1,
    E4M3,
    E8M0,
    FP16,
    HIF8,
    INT8,
    INT8_SYMMETRIC,
    MXFP4,
    NVFP4,
    UE5M3,
)
from tests.support.agreement import on_numpy_and_jit
from tests.support.selection import quick

INT8_TENSOR = BlockFormat("INT8_TENSOR", INT8, BINARY32, None, ScaleRule.AMAX)
FP8_TILES = BlockFormat("FP8_128x128", E4M3, BINARY32, 128, ScaleRule.AMAX, rows=128)


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# --- given scales


def test_a_cache_of_scale_one():
    fp8 = BlockFormat("FP8", E4M3, BINARY32, None, ScaleRule.AMAX)
    q = quantize(np.float32([0.5, -3, 200, 1e6]), fp8, axis=None, scales=1)
    np.testing.assert_array_equal(q.dequantize(), [0.5, -3, 192, 448])


SCALE_FORMATS = [E8M0, E4M3, UE5M3, FP16, BF16, BINARY32]


@pytest.mark.parametrize("scale", SCALE_FORMATS, ids=lambda f: f.name)
@pytest.mark.parametrize("element", [E2M1, E4M3, INT8_SYMMETRIC, HIF8], ids=lambda f: f.name)
def test_any_scale_for_each_block_is_as_specified(element, scale):
    rule = ScaleRule.FLOOR if scale == E8M0 else ScaleRule.AMAX
    fmt = BlockFormat("x", element, scale, 8, rule)
    x = normal(3, 20) * np.float32(2.0) ** np.arange(-3, 17, dtype=np.float32)
    given = np.float32([[0.5, 2, 1], [1, 0.25, 4], [2, 2, 2]])
    q = quantize(x, fmt, scales=given)
    if scale in (E8M0, FP16):
        on_numpy_and_jit(lambda v: quantize(v, fmt, scales=given), x)
    for i, j in np.ndindex(x.shape):
        quotient = spec.divide(spec.from_float(float(x[i, j])), Fraction(float(given[i, j // 8])))
        expected = spec.encode(spec.fl32(quotient), element, overflow=Overflow.SATURATE)
        assert q.codes[i, j] == expected
    np.testing.assert_array_equal(q.scales(), given)


@pytest.mark.parametrize(
    "scale", quick(SCALE_FORMATS, {"E8M0", "E4M3", "BINARY32"}), ids=lambda f: f.name
)
def test_every_scale_format_works_everywhere(scale):
    """What a block format accepts is taken by quantize, dequantize and matmul."""
    rule = ScaleRule.FLOOR if scale == E8M0 else ScaleRule.AMAX
    fmt = BlockFormat("x", INT8_SYMMETRIC, scale, 32, rule)
    a, b = normal(4, 64), normal(64, 4, seed=1)
    qa, qb = quantize(a, fmt), quantize(b, fmt, axis=-2)
    exact = qa.dequantize().astype(np.float64) @ qb.dequantize().astype(np.float64)
    found = on_numpy_and_jit(lambda a, b: matmul(quantize(a, fmt), quantize(b, fmt, axis=-2)), a, b)
    np.testing.assert_allclose(found, exact, rtol=2e-5, atol=1e-5)


def test_zero_nan_and_negative_scales():
    fmt = BlockFormat("x", E2M1, BINARY32, 2, ScaleRule.AMAX)
    x = np.float32([1, -1, 1, -1, 3, -np.inf])
    q = on_numpy_and_jit(lambda v: quantize(v, fmt, scales=np.float32([0, np.nan, -1])), x)
    np.testing.assert_array_equal(q.codes, [0, 8, 0, 0, 13, 7])
    np.testing.assert_array_equal(q.dequantize(), np.float32([0, -0.0, np.nan, np.nan, 3, -6]))


def test_a_nan_becomes_that_of_the_element_or_is_refused():
    x = np.float32([np.nan, 1])
    fp8 = BlockFormat("FP8", E4M3, BINARY32, None, ScaleRule.AMAX)
    np.testing.assert_array_equal(quantize(x, fp8, scales=1.0).codes, [0x7F, 0x38])
    with pytest.raises(ValueError, match="x must not hold NaN: INT8 has no code for it"):
        quantize(x, INT8_TENSOR, scales=1.0)


def test_a_calibrated_tensor_scale():
    """Static NVFP4: the scale of the tensor is given, those of the blocks follow."""
    x = normal(2, 64)
    given = np.float32(0.001)
    q = on_numpy_and_jit(lambda v: quantize(v, NVFP4, tensor_scale=given), x)
    for i in range(2):
        for j in range(4):
            block = [Fraction(float(v)) for v in x[i, 16 * j : 16 * j + 16]]
            scale, codes = spec.quantize_block(block, NVFP4, tensor=Fraction(float(given)))
            assert q.scale_codes[i, j] == scale
            np.testing.assert_array_equal(q.codes[i, 16 * j : 16 * j + 16], codes)
    again = quantize(x, NVFP4, scales=decode_scales(q), tensor_scale=given)
    np.testing.assert_array_equal(again.codes, q.codes)
    with pytest.raises(ValueError, match="tensor_scale must be given beside scales of NVFP4"):
        quantize(x, NVFP4, scales=1.0)


def decode_scales(q):
    from msdnum import decode

    return decode(q.scale_codes, q.format.scale)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scales": 0.02, "fmt": MXFP4}, "scales must be numbers of E8M0, got 0.01999"),
        ({"scales": np.ones((2, 3), np.float32), "fmt": MXFP4}, r"scales must have shape \(2, 2\)"),
        ({"scales": 1.0, "tensor_scale": 1.0, "fmt": MXFP4}, "tensor_scale must be None for MXFP4"),
        ({"tensor_scale": np.ones(3), "fmt": NVFP4}, r"tensor_scale must have shape \(\)"),
    ],
)
def test_what_does_not_belong_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        quantize(normal(2, 64), **arguments)


# --- blocks of two dimensions


def tiles(x, rows, size):
    """Yield the index of every tile and its numbers, as plain loops have them."""
    for i in range(0, x.shape[0], rows):
        for j in range(0, x.shape[1], size):
            yield (i // rows, j // size), (slice(i, i + rows), slice(j, j + size))


CASES = [
    (FP8_TILES, (256, 384), None), (FP8_TILES, (130, 200), None), (MXFP4, (32, 48), (16, 16)),
    (MXFP4, (33, 50), (16, 16)), (FP8_TILES, (3, 200), (1, 128)), (NVFP4, (20, 40), (16, 16)),
]  # fmt: skip


@pytest.mark.parametrize(("fmt", "shape", "size"), CASES)
def test_tiles_are_quantized_as_plain_loops_do(fmt, shape, size):
    x = normal(*shape) * np.float32(2) ** (np.arange(shape[0], dtype=np.float32)[:, None] % 64)
    q = on_numpy_and_jit(lambda v: quantize(v, fmt, block_size=size), x)
    rows, length = size or (128, 128)
    # What a row of the same numbers gives is held to spec elsewhere.
    one = BlockFormat("row", fmt.element, fmt.scale, None, fmt.rule, fmt.tensor_scale)
    given = {} if q.tensor_scale is None else {"tensor_scale": q.tensor_scale}
    for index, place in tiles(x, rows, length):
        row = quantize(np.ascontiguousarray(x[place]).reshape(-1), one, **given)
        assert q.scale_codes[index] == row.scale_codes[0]
        np.testing.assert_array_equal(q.codes[place].reshape(-1), row.codes)
        np.testing.assert_array_equal(q.dequantize()[place].reshape(-1), row.dequantize())


def test_tiles_along_either_axis_and_in_batches():
    x = normal(2, 5, 33, 50)
    last = quantize(x, MXFP4, block_size=(16, 8))
    other = quantize(np.swapaxes(x, -1, -2), MXFP4, axis=-2, block_size=(16, 8))
    np.testing.assert_array_equal(np.swapaxes(other.codes, -1, -2), last.codes)
    np.testing.assert_array_equal(np.swapaxes(other.scale_codes, -1, -2), last.scale_codes)
    assert last.scale_codes.shape == (2, 5, 3, 7)
    matrix = quantize(x[0, 0], MXFP4, block_size=(16, 8))
    np.testing.assert_array_equal(matrix.codes, last.codes[0, 0])
    flipped = transposed(matrix)
    np.testing.assert_array_equal(flipped.dequantize(), matrix.dequantize().T)


@pytest.mark.parametrize("fmt", quick([FP8_TILES, MXFP4], {"MXFP4"}), ids=lambda f: f.name)
def test_products_take_tiles(fmt):
    """DeepSeek's: activations in blocks of 1 x 128, weights in tiles of 128 x 128."""
    size = (128, 128) if fmt is FP8_TILES else (32, 32)

    def both(a, w):
        rows = quantize(a, fmt, block_size=(1, size[1]))
        return rows, quantize(w, fmt, axis=-2, block_size=size)

    numbers = normal(5, 300), normal(300, 150, seed=1)
    a, w = both(*numbers)
    found = on_numpy_and_jit(lambda *x: matmul(*both(*x)), *numbers)
    np.testing.assert_array_equal(found, matmul(a, w.row_by_row()))
    exact = a.dequantize().astype(np.float64) @ w.dequantize().astype(np.float64)
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-4)


def test_a_scale_that_changes_along_k_multiplies_the_sum_of_its_blocks():
    a, w = normal(3, 256), quantize(normal(256, 130, seed=1), FP8_TILES, axis=-2)
    codes = QuantizedArray(w.codes, np.uint32(0x3F800000).reshape(()), None, w.format, None)
    parts = [matmul(a[:, k : k + 128], select(codes, k)) for k in (0, 128)]
    scales = np.repeat(w.scales(), 128, axis=1)[:, :130]
    expected = np.float32(0) + parts[0] * scales[0]
    np.testing.assert_array_equal(matmul(a, w), expected + parts[1] * scales[1])


def select(q, k):
    return QuantizedArray(q.codes[k : k + 128], q.scale_codes, None, q.format, None)


def test_attention_takes_a_scale_for_a_rectangle_of_a_cache():
    q, k, v = normal(4, 64), normal(128, 64, seed=1), normal(128, 64, seed=2)
    fp8 = BlockFormat("FP8", E4M3, E8M0, 64, ScaleRule.FLOOR)
    keys = quantize(k, fp8, block_size=(64, 64))
    values = quantize(v, fp8, axis=-2, block_size=(64, 64))
    method = Method(BF16, BF16)
    found = attend(q, keys, values, method)
    rows = keys.row_by_row(), values.row_by_row()
    np.testing.assert_array_equal(found, attend(q, *rows, method))


def test_containers_of_tiles_are_checked():
    w = quantize(normal(130, 200), FP8_TILES)
    assert w.scale_codes.shape == (2, 2)
    with pytest.raises(ValueError, match=r"scale_codes must have shape \(2, 2\), got \(130, 2\): "
                                         r"one for each block of 128 x 128"):  # fmt: skip
        QuantizedArray(w.codes, w.row_by_row().scale_codes, None, FP8_TILES, -1)
    with pytest.raises(ValueError, match="x must have blocks of 128 rows along its last two axes"):
        quantize(normal(128), FP8_TILES)
    with pytest.raises(ValueError, match="block_size must be a length, or rows and a length"):
        quantize(normal(4, 4), MXFP4, block_size=(2, 2, 2))
    with pytest.raises(ValueError, match="rows must be positive"):
        BlockFormat("x", E4M3, BINARY32, 128, ScaleRule.AMAX, rows=0)
    assert "128 x 128" in w._repr_html_()


def test_vmap_and_gradients_see_tiles():
    x = normal(3, 32, 48)
    fmt = BLOCK_FORMATS["MXFP4"]
    rowwise = jax.vmap(lambda v: quantize(v, fmt, block_size=(16, 16)).dequantize())
    np.testing.assert_array_equal(
        rowwise(jnp.asarray(x)), quantize(x, fmt, block_size=(16, 16)).dequantize()
    )


# --- stored against used


FP4_E4M3 = BlockFormat("FP4_E4M3", E2M1, E4M3, 16, ScaleRule.AMAX)


@pytest.mark.parametrize("how", ["factors", "divisors"])
def test_what_is_used_beside_what_is_stored(how):
    """Every element in fractions, rounded to binary32 and then to the format; scales as given."""
    fmt = BlockFormat("Q8", INT8_SYMMETRIC, FP16, 8, ScaleRule.AMAX)
    x = normal(4, 16)
    exact = np.abs(x.reshape(4, 2, 8)).max(-1) / np.float32(127)
    used = exact if how == "divisors" else np.float32(1) / exact
    stored = exact.astype(np.float16)

    q = quantize(x, fmt, scales=stored, **{how: used})
    for (i, j), value in np.ndenumerate(x):
        number = Fraction(float(used[i, j // 8]))
        ideal = Fraction(float(value)) * (1 / number if how == "divisors" else number)
        code = spec.encode(spec.fl32(ideal), INT8_SYMMETRIC, overflow=Overflow.SATURATE)
        assert q.codes[i, j] == code
    np.testing.assert_array_equal(q.scale_codes, stored.view(np.uint16))


@pytest.mark.parametrize("used", [{"divisors": 0.0}, {"factors": np.inf}])
def test_under_a_scale_of_zero_elements_are_zeros_whatever_is_used(used):
    """A block of zeros has the divisor 0, and the factor 1 / 0."""
    x = np.float32([[0, -0.0, 1, -2]])
    (q,) = on_numpy_and_jit(lambda v: [quantize(v, FP4_E4M3, scales=0.0, **used)], x)
    assert q.codes.tolist() == [[0, 8, 0, 8]]
    (plain,) = on_numpy_and_jit(lambda v: [quantize(v, FP4_E4M3, scales=0.0)], x)
    np.testing.assert_array_equal(q.codes, plain.codes)


def test_jit_multiplies_the_same():
    x, factors = normal(4, 32), np.abs(normal(4, 2, seed=1)) * 100
    on_numpy_and_jit(
        lambda x, f: [
            quantize(x, NVFP4, scales=1.5, tensor_scale=0.5, factors=f),
            quantize(x, NVFP4, scales=1.5, tensor_scale=0.5, divisors=f),
        ],
        x,
        factors,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factors": 2.0}, "scales must be given beside factors or divisors"),
        ({"scales": 1, "factors": 2, "divisors": 2}, "factors must be None beside divisors"),
        ({"scales": 1, "factors": np.ones((3, 1), np.float32)}, "factors or divisors must have"),
        ({"scales": 1, "factors": np.nan}, "factors or divisors must be numbers, got NaN"),
    ],
)
def test_bad_factors(arguments, message):
    with pytest.raises(ValueError, match=message):
        quantize(normal(2, 16), FP4_E4M3, **arguments)

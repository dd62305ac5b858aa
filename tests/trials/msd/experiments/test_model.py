"""The model by every variant: measures by hand, products to the bit, and tables that fit."""

import math

import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("safetensors")
pytest.importorskip("tokenizers")

from msdnum.emulator.attention.kv_cache import KV_FORMATS  # noqa: E402
from msdnum.emulator.blocks import quantize  # noqa: E402
from msdnum.emulator.decompositions import decompose_terms  # noqa: E402
from msdnum.emulator.gemm import dequantizing  # noqa: E402
from msdnum.emulator.gemm.dequantizing import to_bf16  # noqa: E402
from msdnum.emulator.gemm.products import matmul  # noqa: E402
from msdnum.experiments.tables import read  # noqa: E402
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3  # noqa: E402
from msdnum.formats.elements import BF16, BINARY32, FP16  # noqa: E402
from msdnum.formats.schemes import MXFP4_X2, MXFP8_X1  # noqa: E402  # noqa: E402
from msdnum.inputs import minilm_checkpoint  # noqa: E402
from msdnum.trials.msd.baselines import BASELINES  # noqa: E402
from msdnum.trials.msd.experiments import model  # noqa: E402
from msdnum.trials.msd.model import runs  # noqa: E402
from msdnum.trials.msd.model.attentions import OVER  # noqa: E402
from msdnum.trials.msd.model.linears import GROUPS, VARIANTS, baseline_names, in_format  # noqa: E402
from msdnum.trials.msd.model.runs import cosine_distances, similarity_correlation  # noqa: E402
from msdnum.trials.toolkit.agreement import CERTIFICATES  # noqa: E402

FEW = model.QUICK[0]
TABLES = CERTIFICATES.parent / "figures" / "msd" / "tables"


def unit(*angles):
    return np.array([[math.cos(a), math.sin(a)] for a in angles])


def test_cosine_distance():
    found = cosine_distances(unit(0, 1, 2), unit(0, 1 + 1e-9, 2.5))
    assert found == pytest.approx([0, 5e-19, 1 - math.cos(0.5)], rel=1e-6)


def test_rank_correlation():
    """By hand: similarities ranked 3 2 1 beside 3 1 2, and ties."""
    x, y = unit(0, 0.1, 0.3), unit(0, 0.1, -0.15)
    assert similarity_correlation(x, x) == pytest.approx(1)
    assert similarity_correlation(x, y) == pytest.approx(0.5)
    assert runs._ranks(np.array([5.0, 1, 5, 2])).tolist() == [3.5, 1, 3.5, 2]


def test_sentences_are_graded():
    """Lines come in fours; the second says what the first does, as the model sees it, too."""
    lines = minilm_checkpoint.sentences(runs.SENTENCES)
    assert len(lines) == len(set(lines)) == model.COUNT
    words = [len(line.split()) for line in lines]
    assert min(words) <= 3
    assert max(words) >= 40
    found = runs.run_variant("FLOAT32, float32, BINARY32", FEW).embeddings
    groups = found.reshape(FEW // 4, 4, -1)
    same, other = (np.einsum("ij,ij->i", groups[:, 0], groups[:, i]) for i in (1, 2))
    assert (same > other).all()


def test_every_variant_is_there():
    assert len({(v.name, v.attention.name) for v in VARIANTS.values()}) == len(VARIANTS)
    for weight in ("INT8", "INT4", "MXFP4", "MXFP8"):
        schemes = {v.scheme for v in VARIANTS.values() if v.weight == weight}
        assert set(baseline_names(weight)) < schemes
    for cache in KV_FORMATS:
        for name in ("MSD", "BF16", "float32"):
            assert any(v.attention is OVER[name, cache] for v in VARIANTS.values())


@pytest.mark.parametrize(("fmt", "kind"), [(BF16, "bfloat16"), (FP16, "float16")])
def test_activations_are_rounded_to_the_format(fmt, kind):
    x = np.random.default_rng(1).normal(size=99).astype(np.float32)
    with jax.enable_x64(True):
        found = np.asarray(jax.jit(lambda x: in_format(x, fmt))(x))
    assert found.dtype == kind
    assert (found.view(np.uint16) == x.astype(kind).view(np.uint16)).all()
    assert in_format(x, BINARY32) is x


def test_a_linear_of_the_model_is_the_emulated_product():
    """On JAX with 64-bit types, jitted, as the model runs: the bits that NumPy gives."""
    rng = np.random.default_rng(2)
    x, w = (rng.normal(size=size).astype(np.float32) for size in ((5, 64), (64, 3)))
    variant = VARIANTS["MXFP4, MXFP4_X2, BF16"]
    weight = quantize(w, MXFP4, axis=-2)
    with jax.enable_x64(True):
        found = np.asarray(variant.linear(jax.numpy.asarray(x), variant.form(weight)))
    expected = matmul(decompose_terms(to_bf16(x), MXFP4_X2), weight)
    assert (found.view(np.uint32) == expected.view(np.uint32)).all()


@pytest.mark.parametrize("fmt", [MXFP4, MXFP8_E4M3], ids=lambda fmt: fmt.name)
def test_what_is_not_run_is_no_other(fmt):
    """By MX weights a scale after is a weight in BF16, and one pass of MXFP8 is MXFP8 ceil."""
    assert set(BASELINES) - set(baseline_names("MXFP4")) == {"scale after"}
    assert set(BASELINES) == set(baseline_names("INT8"))
    rng = np.random.default_rng(5)
    x, w = (rng.normal(size=size).astype(np.float32) for size in ((5, 96), (96, 3)))
    weight = quantize(w, fmt, axis=-2)
    found = dequantizing.scale_after(x, weight), dequantizing.dequantized_bf16(x, weight)
    assert found[0].tobytes() == found[1].tobytes()
    if fmt is MXFP8_E4M3:
        one_pass = matmul(decompose_terms(to_bf16(x), MXFP8_X1), weight)
        assert one_pass.tobytes() == dequantizing.mxfp8_ceil(to_bf16(x), weight).tobytes()


def test_cann_takes_the_weights_that_msd_has():
    from msdnum.trials.msd.model.linears import WEIGHTS

    w = np.random.default_rng(3).normal(size=(256, 3)).astype(np.float32)
    cann = [v for v in VARIANTS.values() if v.kind == "CANN"]
    assert len(cann) == 7
    for variant in cann:
        weight = WEIGHTS[variant.weight](w, None)
        np.testing.assert_array_equal(
            variant.form(weight).dequantize().astype(np.float32), weight.dequantize()
        )


@pytest.mark.parametrize("cache", ["INT8", "MXFP4"])
def test_attentions_of_one_cache_are_close(cache):
    """Sentences of 5 and 3 tokens, on NumPy; attending to the padding would be seen."""
    rng = np.random.default_rng(4)
    mask = np.arange(5) < np.array([[5], [3]])
    q, k, v = rng.normal(size=(3, 2, 1, 5, 32)).astype(np.float32) * mask[:, None, :, None]
    exact = np.asarray(OVER["float32", cache].compute(q, k, v, mask))
    for name, far in (("BF16", 0.02), ("MSD", 0.02 if cache == "INT8" else 0.1)):
        found = OVER[name, cache].compute(q, k, v, mask)
        off = np.abs(found - exact)[np.broadcast_to(mask[:, None, :], (2, 1, 5))]
        assert 0 < off.max() < far


def test_quick_run():
    """A few sentences of the published model: float32 beside float64, each product in its bound."""
    name = "FLOAT32, float32, BINARY32"
    (row,) = model.model_sentences((FEW, (name,)), 0)
    assert row["quantized_distance_max"] < 8e-12
    assert row["distance_mean"] == row["quantized_distance_mean"]
    layers = list(model.model_layers((FEW, (name,)), 0))
    assert [layer["layer"] for layer in layers] == list(range(6))
    assert 0 < max(layer["ratio"] for layer in layers) == row["ratio"] < 1
    assert layers[-1]["quantized_state"] == row["quantized_state"] < 2e-6


@pytest.mark.parametrize("experiment", model.MODEL, ids=lambda e: e.name)
def test_the_committed_tables_have_every_variant(experiment):
    count, (group,) = experiment.spec
    _, records = read(TABLES / f"{experiment.name}.csv")
    each = 6 if "layer" in records[0] else 1
    expected = [variant for variant in GROUPS[group] for _ in range(each)]
    assert [record["variant"] for record in records] == expected
    for record in records:
        variant = VARIANTS[record["variant"]]
        assert record["kind"] == variant.kind
        assert (record["ratio"] == "") == (variant.bound is None)
        assert record["sentences"] == str(count)

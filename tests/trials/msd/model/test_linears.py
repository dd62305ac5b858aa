"""Linears of the model: products to the bit."""

import numpy as np
import pytest

from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.blocks import quantize
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.gemm import dequantizing
from msdnum.emulator.gemm.dequantizing import to_bf16
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3
from msdnum.formats.elements import BF16, BINARY32, FP16
from msdnum.formats.schemes import MXFP4_X2, MXFP8_X1
from msdnum.trials.msd.baselines import BASELINES
from msdnum.trials.msd.model.attentions import OVER
from msdnum.trials.msd.model.linears import GROUPS, LINEAR_VARIANTS, baseline_names, in_format

jax = pytest.importorskip("jax")


pytest.importorskip("safetensors")


pytest.importorskip("tokenizers")


def test_every_variant_is_there():
    assert len({(v.name, v.attention.name) for v in LINEAR_VARIANTS.values()}) == len(
        LINEAR_VARIANTS
    )
    for weight in ("INT8", "INT4", "MXFP4", "MXFP8"):
        schemes = {v.scheme for v in LINEAR_VARIANTS.values() if v.weight == weight}
        assert set(baseline_names(weight)) < schemes
    for cache in KV_FORMATS:
        for name in ("MSD", "BF16", "float32"):
            assert any(v.attention is OVER[name, cache] for v in LINEAR_VARIANTS.values())


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
    variant = LINEAR_VARIANTS["MXFP4, MXFP4_X2, BF16"]
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
    cann = [v for v in GROUPS["linears"].values() if v.kind == "CANN"]
    assert len(cann) == 8
    for variant in cann:
        weight = WEIGHTS[variant.weight](w, None)
        np.testing.assert_array_equal(
            variant.form(weight).dequantize().astype(np.float32), weight.dequantize()
        )

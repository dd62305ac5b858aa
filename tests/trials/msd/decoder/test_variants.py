"""Linears over weights with a minimum: to the bit, and within their bounds."""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
pytest.importorskip("safetensors")
gguf = pytest.importorskip("gguf", reason="the package gguf is not installed")

from dataclasses import replace  # noqa: E402

from msdnum.emulator.decompositions import decompose_terms  # noqa: E402
from msdnum.emulator.gemm.dequantizing import to_bf16  # noqa: E402
from msdnum.emulator.gemm.products import matmul  # noqa: E402
from msdnum.emulator.layouts.gguf import GGUF_Q4_1  # noqa: E402
from msdnum.emulator.minima import MinimumArray  # noqa: E402
from msdnum.evidence.products import Product  # noqa: E402
from msdnum.formats.accumulators import INT32  # noqa: E402
from msdnum.formats.schemes import INT8_X2  # noqa: E402
from msdnum.trials.msd.decoder.variants import (  # noqa: E402
    DECODER_GROUPS,
    DECODER_VARIANTS,
    decoder_name,
)
from msdnum.trials.msd.decoder.weights import exact_numbers  # noqa: E402
from msdnum.trials.msd.model.linears import in_format  # noqa: E402

SHIPPED = [n for n, v in DECODER_GROUPS["all-linears"].items() if v.weight == "Q4_1"]


def operands(seed=3):
    """Draw activations with outliers, and a weight that gguf quantizes, offset from zero."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((5, 64)).astype(np.float32) * np.float32([[1], [30], [1e-3], [1], [8]])
    x[0, 7] *= 500
    w = (rng.standard_normal((6, 64)) + 0.3).astype(np.float32)
    read = GGUF_Q4_1.read(gguf.quantize(w, gguf.GGMLQuantizationType.Q4_1))
    codes, scales = read.quantized.codes.T.copy(), read.quantized.scale_codes.T.copy()
    turned = replace(read.quantized, codes=codes, scale_codes=scales, axis=-2)
    return x, MinimumArray(turned, read.minima.T.copy())


def found_by(variant, x, w):
    with jax.enable_x64(True):
        return np.asarray(variant.linear(jax.numpy.asarray(x), variant.form(w)))


def test_every_variant_has_a_name_of_its_own():
    assert all(name == decoder_name(variant) for name, variant in DECODER_VARIANTS.items())
    assert len(DECODER_GROUPS["all-linears"]) == 47
    assert len(DECODER_GROUPS["all-attentions"]) == len(DECODER_VARIANTS) - 47 == 35
    assert len(SHIPPED) == 9
    weights = {"Q4_1", "INT8", "INT4", "MXFP4", "MXFP8"}
    assert {v.weight for v in DECODER_VARIANTS.values()} == weights


def test_a_product_is_the_emulated_one_of_levels_and_minima():
    x, w = operands()
    found = found_by(DECODER_VARIANTS["Q4_1, INT8_X2, BF16"], x, w)
    terms = decompose_terms(to_bf16(x), INT8_X2)
    right = matmul(terms, w.terms(), accumulator=INT32)
    assert found.tobytes() == right.tobytes()


@pytest.mark.parametrize("name", SHIPPED)
def test_every_entry_is_within_its_bound_and_not_far_below(name):
    x, w = operands()
    variant, values = DECODER_VARIANTS[name], exact_numbers(w)
    rounded = np.asarray(in_format(x, variant.activation)).astype(np.float32)
    wide = rounded.astype(np.float64)
    found = found_by(variant, x, w)
    error = np.abs(found - wide @ values)
    if variant.bound is None:
        assert variant.scheme == "MXFP8 floor"
        return
    given = Product(rounded, w, values, wide @ values, np.abs(wide) @ np.abs(values), found)
    bound = variant.bound(given, variant.accumulator).bound
    assert (error <= bound + 1e-12 * np.abs(wide) @ np.abs(values)).all()
    assert (error / bound).max() > 1e-3

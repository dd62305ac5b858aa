"""The smallest input on which two libraries differ: known pairs, and that both codes are right."""

import numpy as np
import pytest

from msdnum.conformance import smallest_difference
from msdnum.emulator import quantize_as
from msdnum.formats import LIBRARY_ARITHMETIC as BY_NAME

PAIRS = [
    ("transformer_engine", "transformer_engine 2025"), ("transformer_engine", "torchao"),
    ("vllm", "compressed_tensors"), ("torchao", "modelopt"),
    ("transformer_engine 2025", "vllm"), ("triton up E2M1", "triton down E2M1"),
    ("triton up E4M3", "triton down E4M3"), ("modelopt", "modelopt 2025"),
]  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS, ids="|".join)
def test_what_is_found_differs_on_arrays_too(pair):
    one, other = (BY_NAME[name] for name in pair)
    found = smallest_difference(one, other)
    x = np.zeros((2, one.format.block_size), np.float32)
    x[0, : len(found.block)] = [float(v) for v in found.block]
    x[1] = float(found.tensor_amax) if one.format.tensor_scale else 0
    for arithmetic, trace in zip((one, other), (found.one, found.other), strict=True):
        q = quantize_as(x, arithmetic)
        assert q.scale_codes[0, 0] == trace.scale_code
        assert tuple(q.codes[0, : len(found.block)]) == trace.codes
    assert (found.one.scale_code, found.one.codes) != (found.other.scale_code, found.other.codes)
    assert all(name in str(found) for name in pair)


def test_two_versions_of_one_library_differ_in_the_order_of_two_products():
    found = smallest_difference(*(BY_NAME[name] for name in PAIRS[0]))
    assert (found.one.scale_code, found.other.scale_code) == (123, 122)
    assert len(found.block) <= 2


def test_vllm_and_flashinfer_differ_where_a_scale_is_zero():
    found = smallest_difference(BY_NAME["vllm"], BY_NAME["flashinfer strict"])
    assert (found.one.scale_code, found.other.scale_code) == (0, 0)
    assert (found.one.codes, found.other.codes) == ((0,), (7,))


def test_equal_arithmetic_has_no_difference():
    assert smallest_difference(BY_NAME["vllm"], BY_NAME["vllm"]) is None
    with pytest.raises(ValueError, match="one and other must be of the same format, got NVFP4"):
        smallest_difference(BY_NAME["vllm"], BY_NAME["gguf Q8_0"])

"""Attentions of one cache are close."""

import numpy as np
import pytest

from msdnum.trials.msd.model.attentions import CANN_OVER, OVER

pytest.importorskip("safetensors")


pytest.importorskip("tokenizers")


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


def test_kernels_of_cann_see_no_padding():
    rng = np.random.default_rng(4)
    mask = np.arange(5) < np.array([[5], [3]])
    q, k, v = rng.normal(size=(3, 2, 1, 5, 32)).astype(np.float32) * mask[:, None, :, None]
    for name, cache in CANN_OVER:
        exact = np.asarray(OVER["float32", cache].compute(q, k, v, mask))
        found = np.asarray(OVER[name, cache].compute(q, k, v, mask))
        off = np.abs(found - exact)[np.broadcast_to(mask[:, None, :], (2, 1, 5))]
        assert 0 < off.max() < 2e-3

"""Heads by every method: outputs within their bounds."""

import numpy as np
import pytest

from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.evidence.attentions import attention_errors, drawn
from msdnum.trials.msd.heads import ATTENTION_BASELINES, ATTENTION_METHODS, attended
from tests.support.attention_bounds import SHAPE


@pytest.mark.parametrize("cache", KV_FORMATS)
def test_every_output_is_within_its_bound(cache):
    head = drawn("outlier_channels", SHAPE, np.random.default_rng(3), cache)
    for name in (*ATTENTION_METHODS, *ATTENTION_BASELINES):
        found = attention_errors(head, attended(name))
        assert 0 < found.ratio <= 1, name
        assert found.l2 <= found.bound_l2, name

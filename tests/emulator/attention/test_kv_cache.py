"""The KV cache: presets, and heads of a group."""

import numpy as np
import pytest

from msdnum.emulator.attention.kv_cache import KV_FORMATS
from msdnum.emulator.attention.methods import Mask
from msdnum.evidence.attentions import DECOMPOSING
from msdnum.formats.schemes import Scheme
from tests.support.agreement import assert_same_bits
from tests.support.attention import drawn, over_cache


@pytest.mark.parametrize("name", KV_FORMATS)
def test_heads_of_a_group_share_keys_and_values(name):
    q, k, v = drawn(2, 6, 3, 32), drawn(2, 2, 33, 32), drawn(2, 2, 33, 8)
    found = over_cache(name, DECOMPOSING[name], mask=Mask.CAUSAL)(q, k, v)
    repeated = (np.repeat(x, 3, axis=1) for x in (k, v))
    assert_same_bits(found, over_cache(name, DECOMPOSING[name], mask=Mask.CAUSAL)(q, *repeated))


def test_presets_are_of_the_schemes_they_name():
    assert set(DECOMPOSING) == set(KV_FORMATS)
    assert all(
        isinstance(m.queries, Scheme) and m.queries == m.weights for m in DECOMPOSING.values()
    )

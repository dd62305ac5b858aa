"""Vectors of zero points: the emulator passes them, and one wrong zero point is found."""

from types import ModuleType

import jax.numpy as jnp
import numpy as np
import pytest

from msdnum.conformance.adapter import own_groups
from msdnum.conformance.runner import conform
from msdnum.conformance.zero_points import zero_point_groups
from msdnum.emulator import quantize_asymmetric
from msdnum.formats import ELEMENT_FORMATS, OTHER_FORMATS
from tests.support.conformance import assert_all_agree


def adapter_of(convert, wrong=0):
    """Return a loaded adapter whose zero points are off by what is asked for."""
    adapter = ModuleType("own")
    adapter.__file__, adapter.PACKAGES = "own.py", ("numpy",)

    def carried_out(x, *, fmt):
        element = {**ELEMENT_FORMATS, **OTHER_FORMATS}[fmt]
        found = quantize_asymmetric(convert(x), element)
        zeros = (np.asarray(found.zero_points).astype(int) + wrong) % (1 << element.bits)
        codes = found.quantized.codes
        return {"scale": found.quantized.scale_codes, "zero_point": zeros, "codes": codes}

    adapter.quantize_asymmetric = carried_out
    return adapter


@pytest.mark.parametrize("convert", [np.asarray, jnp.asarray])
def test_the_emulator_passes_them(convert):
    adapter = adapter_of(convert)
    report = conform(adapter, own_groups(adapter))
    assert report.compared == sum(len(group.cases) for group in zero_point_groups())
    assert_all_agree(report)


def test_a_wrong_zero_point_is_found():
    assert conform(adapter_of(np.asarray, wrong=1), zero_point_groups()).disagreements

"""Vectors of HiF4: the emulator passes them on both backends, and one wrong level is found."""

from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from msdnum.conformance.adapter import own_groups
from msdnum.conformance.hif4 import hif4_groups
from msdnum.conformance.runner import conform
from msdnum.emulator import quantize_hif4
from tests.support.conformance import assert_all_agree

PARTS = ("scale", "eights", "fours", "codes")


def on_jax(x):
    return jax.jit(quantize_hif4)(jnp.asarray(x))


def adapter_of(function, wrong=0):
    """Return a loaded adapter whose exponents of fours are wrong where asked."""
    adapter = ModuleType("own")
    adapter.__file__, adapter.PACKAGES = "own.py", ("numpy",)

    def carried_out(x, *, fmt):
        assert fmt == "HIF4"
        q = function(x)
        return dict(zip(PARTS, (q.scale_codes, q.eights, q.fours ^ wrong, q.codes), strict=True))

    adapter.quantize_hif4 = carried_out
    return adapter


@pytest.mark.parametrize("function", [quantize_hif4, on_jax])
def test_the_emulator_passes_them(function):
    adapter = adapter_of(function)
    report = conform(adapter, own_groups(adapter))
    assert report.compared == sum(len(group.cases) for group in hif4_groups())
    assert_all_agree(report)


def test_thresholds_of_both_levels_are_met_and_missed_by_a_step_of_bf16():
    cases = {
        c.name: c.expected for g in hif4_groups() for c in g.cases if "threshold-of" in g.topic
    }
    for level, place in (("eights", 2), ("fours", 5)):
        found = [cases[f"{level}-{step:+d}"][level].codes[place] for step in (-1, 0, 1)]
        assert found == [0, 1, 1]


def test_a_wrong_level_is_found():
    assert conform(adapter_of(quantize_hif4, wrong=1), hif4_groups()).disagreements


def test_an_adapter_without_it_is_not_asked():
    assert own_groups(ModuleType("own")) == ()
    for group in hif4_groups():
        for case in group.cases:
            assert not (np.array(case.given["x"].codes) & 0xFFFF).any()

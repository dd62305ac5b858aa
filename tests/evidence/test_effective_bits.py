"""Effective bits: samples against the closed form."""

import numpy as np
import pytest

from msdnum import bounds, errors
from msdnum.emulator.decompositions import decompose
from msdnum.evidence.effective_bits import EffectiveBits, approximation
from msdnum.formats.elements import BINARY32, E2M1, E4M3, INT8_SYMMETRIC
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X1, MXFP4_X2, MXFP8_X1
from msdnum.inputs.families import family
from msdnum.trials.msd.claims import effective_bits

# Effective bits


@pytest.fixture(scope="module")
def effective():
    return EffectiveBits(seed=1, rows=512)


@pytest.mark.parametrize(
    ("scheme", "formats", "rule"),
    [
        (MXFP4_X2, [E2M1, E2M1], ScaleRule.COVERING),
        (MXFP8_X1, [E4M3], ScaleRule.COVERING),
        (INT8_X1, [INT8_SYMMETRIC], ScaleRule.AMAX),
    ],
)
@pytest.mark.parametrize("binade", range(4))
def test_samples_agree_with_the_closed_form(scheme, formats, rule, binade, effective):
    closed = bounds.rms_error(formats, rule=rule, binade=binade).bits
    assert effective_bits._in_binade(effective, scheme, binade) == pytest.approx(closed, abs=0.03)


def test_an_approximation_is_the_sum_of_the_terms():
    x = family("normal").generate((4, 64), rng=np.random.default_rng(0), fmt=BINARY32)
    result = decompose(x, MXFP4_X2)
    terms = sum(term.dequantize().astype(np.float64) for term in result.terms)
    assert (approximation(x, MXFP4_X2) == terms).all()
    assert errors.bits_relative_l2(x, terms) > 5

"""Expected errors of decompositions: beside one format, closed forms and samples."""

import numpy as np
import pytest

pytest.importorskip("scipy")

from dataclasses import replace

from scipy import stats

from msdnum import bounds
from msdnum.emulator.decompositions import decompose
from msdnum.evidence.quadrature import expected_errors
from msdnum.evidence.scheme_quadrature import expected_decomposition
from msdnum.formats.blocks import MXFP8_E4M3
from msdnum.formats.elements import E2M1, IntegerFormat
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import SCHEMES, amax_scheme
from msdnum.trials.msd.claims.expectations import signed


def test_one_term_is_one_format():
    found = expected_decomposition(SCHEMES["MXFP8_X1"], stats.laplace())
    ceil = replace(MXFP8_E4M3, name="CEIL", rule=ScaleRule.CEIL)
    assert found.square == pytest.approx(expected_errors(ceil, stats.laplace()).square, rel=1e-9)


def test_numbers_of_one_binade_have_the_closed_form():
    found = expected_decomposition(SCHEMES["MXFP4_X2"], signed(1, 2)).bits["rms_relative"]
    assert found == pytest.approx(bounds.rms_error([E2M1, E2M1]).bits, abs=1e-9)


@pytest.mark.parametrize("distribution", [stats.norm(), stats.uniform(-1, 2)])
def test_scales_of_the_largest_agree_with_samples(distribution):
    int4 = IntegerFormat("INT4_SYMMETRIC", 4, -7)
    scheme = amax_scheme("INT4_X2", int4, int4, block_size=16)
    x = distribution.rvs((20_000, 16), random_state=5).astype(np.float32)
    left = decompose(x, scheme).remainder.astype(np.float64)
    found = expected_decomposition(scheme, distribution)
    spread = (left**2).mean(axis=1).std() / np.sqrt(len(x))
    assert abs((left**2).mean() - found.square) < 4 * spread
    assert spread < 0.01 * found.square
    assert np.abs(left).mean() == pytest.approx(found.absolute, rel=0.01)


def test_what_has_no_cells_is_refused():
    with pytest.raises(ValueError, match=r"scheme must be exact.*got INT8_X2_FLOAT32"):
        expected_decomposition(SCHEMES["INT8_X2_FLOAT32"], stats.norm())
    with pytest.raises(ValueError, match="size must be given for INT8_X2"):
        expected_decomposition(SCHEMES["INT8_X2"], stats.norm())

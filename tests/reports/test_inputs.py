"""Measurements of a report: by hand, and drawn with the seed."""

import math

import pytest

from msdnum import SCHEMES, report
from msdnum.formats.elements import E2M1, E4M3


def test_expected_bits_are_measured_bits():
    by_input = {m.input: m for m in report(SCHEMES["MXFP8_X1"]).measured}
    page = report(SCHEMES["MXFP8_X1"])
    assert by_input["log_uniform"].effective_bits["rms_relative"] == pytest.approx(
        page.expected.relative_bits, abs=0.02
    )


def test_measured_bits_and_snr_by_hand():
    """1.25 becomes 1 in E2M1, 3 stays: errors 1/4 and 0 beside norms of 1.25 and 3."""
    (found,) = report(E2M1, [1.25, 3]).measured
    assert found.snr_db == pytest.approx(10 * math.log10((1.25**2 + 9) / 0.25**2))
    assert found.effective_bits["worst_case_relative"] == pytest.approx(math.log2(5))
    assert (found.size, found.seed) == (2, None)


def test_distributions_are_drawn_with_the_seed():
    class Ones:
        def rvs(self, size, random_state):
            return random_state.standard_normal(size)

    first, again, other = (report(E4M3, distribution=Ones(), seed=s).measured for s in (1, 1, 2))
    assert first == again != other
    assert first[0].input == "Ones"
    assert first[0].seed == 1
    (named,) = report(E4M3, distribution="laplace").measured
    assert named.input == "laplace"


def test_distributions_of_scipy_have_their_names():
    stats = pytest.importorskip("scipy.stats")
    (found,) = report(E4M3, distribution=stats.norm(0, scale=2)).measured
    assert found.input == "norm(0, scale=2)"

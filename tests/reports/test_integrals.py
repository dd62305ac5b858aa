"""Expected bits of a page: what a sample tends to, where there is a density; else none."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from msdnum import BLOCK_FORMATS, ELEMENT_FORMATS, SCHEMES, report
from msdnum.formats import FOUR_OVER_SIX, FP16, UE4M3
from msdnum.inputs import DENSITIES, family
from msdnum.reports.integrals import integrals, why_none


@pytest.mark.parametrize("name", ["MXFP4", "MXINT8"])
@pytest.mark.parametrize("distribution", [stats.norm(), stats.laplace(scale=3)], ids=["n", "l"])
def test_a_sample_comes_near_the_integral(name, distribution):
    """The sample has 32,768 numbers: bits differ by a few hundredths."""
    page = report(BLOCK_FORMATS[name], distribution=distribution)
    (measured,), (found,) = page.measured, page.integrated
    assert found.input == measured.input
    for definition in ("relative_l1", "relative_l2", "snr", "mean_relative"):
        expected = found.effective_bits[definition]
        assert measured.effective_bits[definition] == pytest.approx(expected, abs=0.06)
    assert "expected bits, by integration" in str(page)
    assert page.as_dict()["integrated"][0]["snr_db"] == pytest.approx(found.snr_db)


def test_a_number_format_is_integrated_without_a_scale():
    (found,) = integrals(ELEMENT_FORMATS["E2M1"], stats.uniform(loc=-6, scale=12))
    # Three cells of width 1/2, 1 and 2: by hand E error^2 = (2.5 w1^2 + 2.5... is summed below.
    cells = [(0, 0.25)] + [(n - a, n + b) for n, a, b in
             [(0.5, 0.25, 0.25), (1, 0.25, 0.25), (1.5, 0.25, 0.25), (2, 0.25, 0.5),
              (3, 0.5, 0.5), (4, 0.5, 1), (6, 1, 0)]]  # fmt: skip
    numbers = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    square = sum(
        ((high - n) ** 3 - (low - n) ** 3) / 3
        for n, (low, high) in zip(numbers, cells, strict=True)
    )
    assert 2 ** (-2 * found.effective_bits["relative_l2"]) == pytest.approx((square / 6) / 12)


@pytest.mark.parametrize(
    ("fmt", "distribution"),
    [
        (BLOCK_FORMATS["MXFP4"], None),
        (BLOCK_FORMATS["MXFP4"], "outlier_per_row"),
        (BLOCK_FORMATS["MXFP4"], stats.poisson(3)),
        (BLOCK_FORMATS["MXFP4"], stats.cauchy()),
        (BLOCK_FORMATS["NVFP4"], stats.norm()),
        (SCHEMES["INT8_X2_FLOAT32"], stats.norm()),
        (SCHEMES["INT8_X3"], stats.norm()),
        (UE4M3, stats.norm()),
        (FP16, stats.norm()),
    ],
)
def test_there_is_none_where_it_is_not_known(fmt, distribution):
    assert integrals(fmt, distribution) == ()


@pytest.mark.parametrize("name", ["MXFP4_X2", "INT8_X1", "INT8_ROW"])
def test_pages_have_the_expected_bits_of_the_families_beside_the_measured_ones(name):
    page = report(SCHEMES[name] if name in SCHEMES else BLOCK_FORMATS[name])
    assert [each.input for each in page.integrated] == list(DENSITIES)
    for found, measured in zip(page.integrated, page.measured, strict=False):
        assert found.input == measured.input
        for definition in ("relative_l1", "mean_relative"):
            expected = found.effective_bits[definition]
            assert measured.effective_bits[definition] == pytest.approx(expected, abs=0.12)


def test_a_scheme_by_a_plain_loop_in_binary64():
    """Two passes of E2M1 in blocks of 32, of 2^17 normal numbers."""
    x = np.random.default_rng(3).standard_normal((1 << 12, 32))
    grid = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])
    scale = 2.0 ** (np.ceil(np.log2(np.abs(x).max(axis=1, keepdims=True))) - 2)
    left = x
    for divisor in (1, 8):
        size = np.abs(left) / (scale / divisor)
        rounded = grid[np.searchsorted((grid[1:] + grid[:-1]) / 2, size)]
        left = left - np.copysign(rounded * scale / divisor, left)
    (found,) = integrals(SCHEMES["MXFP4_X2"], stats.norm())
    assert found.snr_db == pytest.approx(10 * np.log10((x**2).sum() / (left**2).sum()), abs=0.05)


def test_a_family_is_its_density():
    by_name, by_family, by_law = (
        integrals(BLOCK_FORMATS["MXFP4"], each)
        for each in ("laplace", family("laplace"), stats.laplace())
    )
    assert by_name == by_family
    assert by_name[0].effective_bits == pytest.approx(by_law[0].effective_bits, rel=1e-9)


def test_a_page_says_why_it_has_none():
    searched = replace(BLOCK_FORMATS["NVFP4"], name="searched", search=FOUR_OVER_SIX)
    assert "all numbers of a block decide" in why_none(searched)
    assert "all numbers of a tensor decide its scale." in report(BLOCK_FORMATS["NVFP4"]).notes[-1]
    assert "for a distribution that is given" in report(SCHEMES["INT8_X2"]).notes[-1]
    assert "no density" in report(ELEMENT_FORMATS["E2M1"], distribution="zeros").notes[-1]
    assert report(SCHEMES["MXFP4_X2"], x=[1.0, 2.0]).integrated == ()

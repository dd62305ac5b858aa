"""Expected bits of a page: what a sample tends to, where there is a density; else none."""

import pytest
from scipy import stats

from msdnum import BLOCK_FORMATS, ELEMENT_FORMATS, report
from msdnum.formats import FP16, UE4M3
from msdnum.reports.integrals import integrals


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
        (BLOCK_FORMATS["MXFP4"], "normal"),
        (BLOCK_FORMATS["MXFP4"], stats.poisson(3)),
        (BLOCK_FORMATS["MXFP4"], stats.cauchy()),
        (BLOCK_FORMATS["NVFP4"], stats.norm()),
        (BLOCK_FORMATS["INT8_ROW"], stats.norm()),
        (UE4M3, stats.norm()),
        (FP16, stats.norm()),
    ],
)
def test_there_is_none_where_it_is_not_known(fmt, distribution):
    assert integrals(fmt, distribution) == ()

"""Reports: numbers held to the specification and to hand, strangers that never crash them."""

import contextlib
import io
import json
import math
import re
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

import msdnum
from msdnum import BLOCK_FORMATS, ELEMENT_FORMATS, SCHEMES, report
from msdnum.evidence.format_worst_cases import of_block
from msdnum.evidence.worst_cases import among_pairs
from msdnum.formats import HIF8, IQ4_NL, NF4
from msdnum.formats.blocks import NVFP4
from msdnum.formats.elements import E2M1, E4M3, E8M0, INT4, INT8, INT8_SYMMETRIC
from msdnum.formats.scale_searches import EVERY_SCALE, ScaleSearch
from msdnum.formats.schemes import OWN_AMAX
from msdnum.reports.costs import carries
from msdnum.reports.pages import Guarantee
from msdnum.reports.parts import expected_of
from msdnum.spec import blocks as spec_blocks
from msdnum.spec import elements as spec_elements
from tests.support import strangers
from tests.support.pages import X, by_name, width
from tests.support.paths import ROOT


@pytest.mark.parametrize("name", ["E2M1", "E2M3", "E3M2", "E4M3", "E5M2"])
def test_the_worst_rounding_is_that_of_the_specification(name):
    fmt = ELEMENT_FORMATS[name]
    worst = report(fmt, X).worst
    u = Fraction(1, 2**fmt.precision)
    assert worst.error == u / (1 + u)
    (x,) = worst.values
    code = spec_elements.encode(
        Fraction(x), fmt, rounding=msdnum.Rounding.RNE, overflow=msdnum.Overflow.SATURATE
    )
    assert abs(Fraction(x) - spec_elements.decode(code, fmt)) / Fraction(x) == worst.error


@pytest.mark.parametrize(
    "fmt", [f for f in BLOCK_FORMATS.values() if not f.tensor_scale], **by_name
)
def test_the_worst_block_is_that_of_the_specification(fmt):
    worst = report(fmt, X).worst
    values = [Fraction(v) for v in worst.values]
    result = spec_blocks.quantize_block(values, replace(fmt, block_size=None))
    assert result is not None
    span = Fraction(2) if fmt.scale == E8M0 else values[0]
    element = spec_elements.decode(result[1][1], fmt.element)
    scale = spec_elements.decode(result[0], fmt.scale)
    assert abs(values[1] - element * scale) / span == worst.error


def test_a_block_format_leaves_what_the_scheme_of_one_term_leaves():
    for fmt in (f for f in BLOCK_FORMATS.values() if f.scale == E8M0):
        scheme = msdnum.Scheme("one", (fmt,), (), msdnum.Arithmetic.EXACT)
        assert report(fmt, X).worst.error == among_pairs(scheme).error


def test_numbers_of_two_pass_mxfp4_by_hand():
    page = report(SCHEMES["MXFP4_X2"])
    assert (page.worst.error, page.bound.bound, page.bound.theorem) == (
        Fraction(1, 64), Fraction(1, 64), "remainder",
    )  # fmt: skip
    assert page.worst.bits == page.bound.bits == 6
    assert f"{page.expected.relative_bits:.3f}" == "6.598"
    assert page.storage.bits_per_element == Fraction(17, 2)
    assert [(r.largest, r.smallest_normal, r.smallest_subnormal) for r in page.ranges] == [
        (6, 1, Fraction(1, 2))
    ]
    costs = {c.machine: c for c in page.costs}
    assert costs["B200"].matrix_time == 2 * Fraction(2250, 9000)
    assert costs["H100 SXM"].unit == "int8"
    assert page.seed == 0
    assert "seed 0" in str(page)


def test_three_passes_of_int8_have_a_closed_form():
    """A sample of the table `passes` has 24.211 bits; 16 million cells are summed at once."""
    assert f"{expected_of(SCHEMES['INT8_X3']).relative_bits:.3f}" == "24.202"
    assert expected_of(SCHEMES["MXFP8_X3"]) is None


def test_a_quantized_array_is_measured_itself():
    array = msdnum.quantize(X, BLOCK_FORMATS["MXFP4"])
    (found,) = report(array, X).measured
    left = np.linalg.norm(X - array.dequantize().astype(float)) / np.linalg.norm(X)
    assert found.effective_bits["relative_l2"] == pytest.approx(-math.log2(left))
    assert "give x" in str(report(array))


@pytest.mark.parametrize("table", [HIF8, IQ4_NL, NF4], **by_name)
def test_tables_have_pages(table):
    """The worst midpoint of neighbours, once more from the numbers themselves."""
    page = report(table)
    numbers = sorted(Fraction(float(n.value)) for n in table.ordered)
    gap = max(b - a for a, b in pairwise(numbers)) / 2
    assert page.worst.error == gap / Fraction(float(table.max_finite))
    assert page.expected is None
    assert "none proved (inf)" in str(page)


def test_what_has_no_theorem_says_so():
    scheme = replace(SCHEMES["INT8_X2_FLOAT32"], ratios=(Fraction(100),))
    page = report(scheme, X)
    assert math.isinf(page.bound.bound)
    assert "none proved (inf)" in str(page)
    assert page.bound.theorem is None
    assert page.as_dict()["bound"]["bound"] == "inf"
    with pytest.raises(ValueError, match="theorem must be named"):
        Guarantee(Fraction(1), "alpha", None, "")


def test_later_scales_that_follow_numbers_are_searched_in_blocks_of_two():
    page = report(replace(SCHEMES["INT8_X2_FLOAT32"], ratios=OWN_AMAX), X)
    assert 0 < page.worst.error < Fraction(1, 64000)
    assert "pairs as blocks of two" in str(page)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("MXFP4",), TypeError, "what must be a number format"),
        ((E4M3, [math.inf]), ValueError, "x must be finite"),
        ((E4M3, []), ValueError, "x must have an axis"),
        ((E4M3, ["a"]), TypeError, "x must be an array of numbers"),
        ((E4M3, X, "normal"), ValueError, "distribution must be None"),
        ((E4M3, None, 3), TypeError, "must have a method rvs"),
        ((msdnum.quantize(X, BLOCK_FORMATS["MXFP4"]), X[0]), ValueError, "shape of the array"),
    ],
)
def test_wrong_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        report(*arguments)


@pytest.mark.parametrize("count", [12, pytest.param(200, marks=pytest.mark.long)])
def test_strangers_have_pages(count):
    """Numbers above what is proved, or a page that fails: neither for any."""
    rng = np.random.default_rng(17)
    for n in range(count):
        draw = (strangers.element, strangers.scheme, lambda r: strangers.weight_format(r, 8))[n % 3]
        page = report(draw(rng), strangers.block(rng, 48, 0))
        assert page.worst is None or page.worst.error <= page.bound.bound, page
        assert width(str(page)) <= 80
        json.dumps(page.as_dict(), allow_nan=False)
        assert page._repr_html_()


def test_exact_carriers():
    assert carries(E4M3, E2M1)
    assert carries(INT8, E2M1)
    assert not carries(INT4, E2M1)
    assert not carries(E2M1, E4M3)
    assert carries(INT8, INT8_SYMMETRIC)
    assert not carries(INT8_SYMMETRIC, INT8)
    assert not carries(INT8, E4M3)
    assert not carries(E4M3, INT8)


def test_the_example_of_the_docstring():
    import doctest

    from msdnum.reports import one_call

    assert doctest.testmod(one_call) == (0, 3)


def test_the_page_on_it_prints_what_it_says():
    page = (ROOT / "docs" / "report.md").read_text(encoding="utf-8")
    block = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", page, re.DOTALL)
    source, printed = block.groups()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(source, {})
    shown = re.sub(": stated|: proved on paper", ": proved", out.getvalue())
    assert shown.startswith(printed)


def test_the_worst_case_of_a_search_is_that_of_its_worst_divisor():
    both, six, four = (
        of_block(replace(NVFP4, search=ScaleSearch(d, largest_scale=256.0))).error
        for d in ((6.0, 4.0), (6.0,), (4.0,))
    )
    assert both == max(six, four)
    with pytest.raises(ValueError, match="search must have divisors for a worst case"):
        of_block(replace(NVFP4, search=EVERY_SCALE))

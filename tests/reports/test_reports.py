"""Reports: numbers held to the specification and to hand, strangers that never crash them."""

import contextlib
import io
import json
import math
import re
import sys
import types
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import msdnum
from msdnum import BLOCK_FORMATS, ELEMENT_FORMATS, SCHEMES, report
from msdnum.cli.main import main
from msdnum.evidence.products import Errors
from msdnum.evidence.worst_cases import among_pairs
from msdnum.formats.accumulators import ALL_ACCUMULATORS, MatrixUnit
from msdnum.formats.elements import E2M1, E4M3, E8M0, INT4, INT8, INT8_SYMMETRIC
from msdnum.formats.schemes import OWN_AMAX
from msdnum.reports import layout
from msdnum.reports.costs import carries
from msdnum.reports.pages import Guarantee, bits_of, share
from msdnum.spec import blocks as spec_blocks
from msdnum.spec import elements as spec_elements
from tests.support import strangers
from tests.support.paths import ROOT

NAMED = [
    *ELEMENT_FORMATS.values(), *BLOCK_FORMATS.values(), *SCHEMES.values(),
    *ALL_ACCUMULATORS.values(),
]  # fmt: skip
X = np.random.default_rng(1).standard_normal((2, 40)).astype(np.float32)

by_name = {"ids": lambda thing: thing.name}


def width(text):
    return max(map(len, text.splitlines()))


@pytest.mark.parametrize("thing", NAMED, **by_name)
def test_every_named_thing_has_a_page(thing):
    page = report(thing, X)
    assert page.name == thing.name
    assert width(str(page)) <= 80
    assert page._repr_html_().startswith("<table")
    found = json.loads(json.dumps(page.as_dict(), allow_nan=False))
    assert found["versions"]["msdnum"] == msdnum.__version__
    assert found["seed"] == 0
    assert "\n" not in repr(page)
    assert page.records()


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


def test_storage_by_hand():
    assert report(BLOCK_FORMATS["NVFP4"], X).storage.bits_per_element == Fraction(9, 2)
    assert report(BLOCK_FORMATS["INT8_ROW"], X).storage.bits_per_element == 8
    array = msdnum.quantize(X, BLOCK_FORMATS["MXFP4"])
    assert report(array, X).storage.bits_per_element == 4 + Fraction(4 * 8, 80)


def test_a_quantized_array_is_measured_itself():
    array = msdnum.quantize(X, BLOCK_FORMATS["MXFP4"])
    (found,) = report(array, X).measured
    left = np.linalg.norm(X - array.dequantize().astype(float)) / np.linalg.norm(X)
    assert found.effective_bits["relative_l2"] == pytest.approx(-math.log2(left))
    assert "give x" in str(report(array))


def test_sums_of_a_unit_by_hand():
    page = report(ALL_ACCUMULATORS["SEQUENTIAL"])
    assert [(s.k, s.roundings) for s in page.sums][:2] == [(32, 31), (128, 127)]
    assert page.sums[0].bound == Fraction(31, 2**24 - 31)
    coarse = report(MatrixUnit("COARSE", 32, 4))
    assert math.isinf(coarse.bound.bound)
    assert coarse.sums[0].bound == math.inf
    assert "none proved (inf)" in str(coarse)
    assert 0 < coarse.worst.error < 1


def test_what_a_unit_takes():
    def taken(name):
        return report(ALL_ACCUMULATORS[name], X).facts["takes"]

    assert taken("INT32_REFUSE") == "INT4, INT8, INT8_SYMMETRIC"
    assert taken("BLACKWELL_MXFP4") == "E2M1"
    assert "BF16" in taken("AMPERE")
    assert "BINARY32" not in taken("AMPERE")


def test_what_has_no_theorem_says_so():
    scheme = replace(SCHEMES["INT8_X2_FLOAT32"], ratios=(Fraction(100),))
    page = report(scheme, X)
    assert math.isinf(page.bound.bound)
    assert "none proved (inf)" in str(page)
    assert page.bound.theorem is None
    assert page.as_dict()["bound"]["bound"] == "inf"
    with pytest.raises(ValueError, match="theorem must be named"):
        Guarantee(Fraction(1), "alpha", None, "")


def test_later_scales_that_follow_numbers_are_not_searched():
    page = report(replace(SCHEMES["INT8_X2_FLOAT32"], ratios=OWN_AMAX), X)
    assert page.worst is None
    assert "not searched" in str(page)


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


@pytest.mark.parametrize("count", [24, pytest.param(200, marks=pytest.mark.slow)])
def test_strangers_have_pages(count):
    """Numbers above what is proved, or a page that fails: neither for any."""
    rng = np.random.default_rng(17)
    for n in range(count):
        draw = (strangers.element, strangers.scheme, lambda r: strangers.weight_format(r, 8))[n % 3]
        page = report(draw(rng), strangers.block(rng, 48, 0))
        assert page.worst.error <= page.bound.bound, page
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


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (Fraction(448), "448"),
        (Fraction(1, 512), "1/512"),
        (Fraction(1, 2**128), "2^-128"),
        (6 * Fraction(2) ** 127, "3 x 2^128"),
        (Fraction(3, 2**20), "3 x 2^-20"),
        (None, "none"),
    ],
)
def test_numbers_of_a_range_stay_short(x, text):
    assert layout._number(x) == text


def test_shares_and_bits_are_written_exactly():
    assert share(Fraction(1, 64), "alpha") == "alpha/64"
    assert share(Fraction(5, 64), "alpha") == "5/64 alpha"
    assert share(Fraction(0), "alpha") == "0"
    assert bits_of(Fraction(1, 2**2000)) == 2000
    assert bits_of(0) == math.inf


def test_pandas_is_asked_for_only_when_needed(monkeypatch):
    page = report(E2M1, X)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ModuleNotFoundError, match="pip install pandas"):
        page.to_pandas()
    monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(DataFrame=list))
    assert page.to_pandas() == page.records()


def test_the_example_of_the_docstring():
    import doctest

    from msdnum.reports import one_call

    assert doctest.testmod(one_call) == (0, 3)


def test_the_readme_prints_what_it_says():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(
        r"## One call\n.*?```python\n(.*?)```\n\n```text\n(.*?)```", readme, re.DOTALL
    )
    source, printed = block.groups()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(source, {})
    shown = re.sub(": stated|: proved on paper", ": proved", out.getvalue())
    assert shown.startswith(printed)


def test_show_prints_the_page(capsys, tmp_path):
    assert main(["show", "MXFP4_X2"]) == 0
    assert capsys.readouterr().out == f"{report(SCHEMES['MXFP4_X2'])}\n"
    (tmp_path / "mine.py").write_text("import msdnum\nMINE = msdnum.FloatFormat('E2M2', 2, 2, 1)\n")
    assert main(["show", f"{tmp_path}/mine.py:MINE", "--json", "--distribution", "normal"]) == 0
    assert json.loads(capsys.readouterr().out)["worst"]["error"] == "1/9"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MXFP4X2", "did you mean 'MXFP4_X2'?"),
        ("none.py:X", "a file that is there"),
        ("{}:MIEN", "did you mean 'MINE'?"),
        ("{}:json", "what must be a number format"),
    ],
)
def test_show_refuses_wrong_names_in_a_line(name, message, capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import json\nMINE = 1\n")
    assert main(["show", name.format(path)]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_units_and_what_was_found_show_themselves():
    unit = ALL_ACCUMULATORS["HOPPER_FP8"]
    assert "fraction_bits" in unit._repr_html_()
    assert "<b>" not in MatrixUnit("<b>", 8, 10)._repr_html_()
    found = among_pairs(SCHEMES["MXFP4_X2"])
    assert repr(found) == "<Extreme: 1/64 found, 1/64 promised, at BF16 3f94 [3f94]>"
    assert "BF16 3f94 [3f94]" in found._repr_html_()
    errors = Errors(*[0.125] * 8)
    assert repr(errors).startswith("<Errors: componentwise 0.125, ")
    assert "bound_normwise" in errors._repr_html_()

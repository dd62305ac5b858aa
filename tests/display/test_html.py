"""What notebooks show: names and numbers that are there, escaped, and never a traced value."""

import re
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import msdnum
from msdnum import BLOCK_FORMATS, ELEMENT_FORMATS, SCHEMES, ScaleRule
from msdnum.cost.machines import ASCEND_910B2, MACHINES, Route
from msdnum.display import html as display
from msdnum.display.html import Markup
from msdnum.display.lines import Axis
from msdnum.formats.elements import BF16, E2M1, E4M3, E8M0, FloatFormat, IntegerFormat
from msdnum.ledger.claims import COLUMNS, Claim, Entry, Row
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict, Witness, not_run
from msdnum.ledger.ledger import Ledger
from msdnum.trials.msd.experiments.costs import FEW_ROWS, INT8_X2, Case

X = np.array([5.0, -0.3, 0.02, 3.9], np.float32)
LONG = np.random.default_rng(0).standard_normal((6, 70)).astype(np.float32)
SMALL = [fmt for fmt in ELEMENT_FORMATS.values() if fmt.bits <= 8]

by_name = {"ids": lambda fmt: fmt.name}


class Cells(HTMLParser):
    """Collects the text of every cell, row by row, and checks that every tag is closed."""

    def __init__(self):
        super().__init__()
        self.rows, self.open = [], []

    def handle_starttag(self, tag, attrs):
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "tr" in self.open:
            self.rows[-1][-1] += data


def cells(html):
    parser = Cells()
    parser.feed(html)
    parser.close()
    assert not parser.open
    return parser.rows


def shown(thing):
    return cells(thing._repr_html_())


# HTML


def test_what_is_not_markup_is_escaped():
    html = display.table(["<a>"], [["<b>"], [Markup("<i>c</i>")]], caption="<d>")
    assert cells(html) == [["<a>"], ["<b>"], ["c"]]
    assert "&lt;d&gt;" in html


def test_names_of_formats_are_escaped():
    fmt = FloatFormat("<script>", 2, 1, 1)
    for html in (fmt._repr_html_(), replace(BLOCK_FORMATS["MXFP4"], element=fmt)._repr_html_()):
        assert "<script>" not in html
        assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (127, "127"),
        (0.0, "0"),
        (-0.0, "-0"),
        (0.0625, "0.0625"),
        (2.0**-5, "2<sup>-5</sup>"),
        (-(2.0**-9), "-2<sup>-9</sup>"),
        (8192.0, "8192"),
        (16384.0, "2<sup>14</sup>"),
        (448.0, "448"),
        (1 / 3, "0.33333"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
        (Fraction(1, 64516), "1/64516"),
        (Fraction(1, 254**3), "6.1024e-08"),
        (E4M3, "E4M3"),
        ((E2M1, E4M3), "E2M1, E4M3"),
        ("a < b", "a &lt; b"),
    ],
)
def test_values_are_written_as_people_do(value, text):
    assert display.cell(value) == text


def test_choices_are_shown_with_what_they_mean():
    assert "CEIL" in display.cell(ScaleRule.CEIL)
    assert "covering alpha" in display.cell(ScaleRule.CEIL)


# Formats


@pytest.mark.parametrize("fmt", [*ELEMENT_FORMATS.values(), *BLOCK_FORMATS.values()], **by_name)
def test_a_format_shows_its_properties_by_their_names(fmt):
    rows = shown(fmt)
    assert len(rows) > 4
    for name, text in rows:
        value = getattr(fmt, name)
        assert text == re.sub("<.*?>", "", display.cell(value)).replace("&#x27;", "'")


def test_e4m3_shows_what_its_standard_says():
    rows = dict(shown(E4M3))
    assert rows["max_finite"] == "448"
    assert rows["min_normal"] == "2-6"
    assert rows["nan_code"] == "127"
    assert rows["inf_code"] == "none"


# Number lines


def marks(line):
    """Return the places of the marks above the axis, by colour."""
    root = ElementTree.fromstring(line.svg)
    paths = root.findall("{*}path")
    return {
        path.get("stroke"): [float(x) for x in re.findall(r"M([\d.]+) ", path.get("d"))]
        for path in paths
        if "v-" in path.get("d")
    }


def labels(line):
    root = ElementTree.fromstring(line.svg)
    return {t.text: float(t.get("x")) for t in root.findall("{*}text") if t.text}


@pytest.mark.parametrize("axis", Axis)
@pytest.mark.parametrize("fmt", SMALL, **by_name)
def test_every_number_has_a_mark(fmt, axis):
    positive = {v for v in fmt.values if 0 < v < np.inf}
    negative = {v for v in fmt.values if -np.inf < v < 0}
    if isinstance(fmt, IntegerFormat):
        negative = {v for v in negative if v >= fmt.min_integer * fmt.eta}
    both = len(positive) + len(negative) + (fmt is not E8M0)
    found = marks(fmt.number_line(axis))
    assert sum(map(len, found.values())) == (len(positive) if axis is Axis.LOG2 else both)
    assert all(0 <= x <= 720 for places in found.values() for x in places)


def test_subnormals_are_marked_apart():
    colours = marks(E2M1.number_line())
    assert [len(places) for places in colours.values()] == [12, 2, 1]


def test_labels_stand_under_their_numbers():
    line = E2M1.number_line()
    places = labels(line)
    assert list(map(float, places)) == sorted(set(E2M1.values))
    assert sorted(places.values()) == sorted(x for found in marks(line).values() for x in found)


@pytest.mark.parametrize("axis", Axis)
@pytest.mark.parametrize("fmt", SMALL, **by_name)
def test_labels_do_not_overlap(fmt, axis):
    places = sorted((place, len(text)) for text, place in labels(fmt.number_line(axis)).items())
    assert len(places) > 3
    for (left, n), (right, m) in pairwise(places):
        assert right - left >= (6 if axis is Axis.LINEAR else 5) * (n + m) / 2


def test_wide_formats_and_other_axes_are_refused():
    with pytest.raises(ValueError, match="at most 8 bits to be drawn, got BF16 of 16"):
        BF16.number_line()
    with pytest.raises(TypeError, match="axis must be an Axis, got str"):
        E2M1.number_line("log2")


def test_a_number_line_stands_alone():
    line = FloatFormat("<&>", 4, 2, 7).number_line()
    assert ElementTree.fromstring(line._repr_svg_()).get("color") == "#808080"
    assert ElementTree.fromstring(line._repr_html_()).get("color") is None


# Arrays


def written(x):
    return re.sub("<.*?>", "", display.number(float(x)))


def on_both(x):
    return [x, jnp.asarray(x)]


def test_a_quantized_array_shows_scales_values_and_codes():
    for x in on_both(X):
        assert shown(msdnum.quantize(x, BLOCK_FORMATS["MXFP4"])) == [
            ["block", "scale", "0", "1", "2", "3", ""],
            ["0", "1", "46", "-0.59", "00", "46", ""],
        ]


def test_long_arrays_are_cut_and_short_blocks_are_not_filled_up():
    rows = shown(msdnum.quantize(LONG, BLOCK_FORMATS["MXFP4"]))
    assert [row[0] for row in rows[1:]] == ["0", "1", "2", "3"]
    assert [row[-1] for row in rows[1:]] == ["... 26 more", "... 26 more", "", "... 26 more"]
    short = shown(msdnum.quantize(LONG[:, :34], BLOCK_FORMATS["MXFP4"]))
    assert [cell != "" for cell in short[2]] == [True] * 4 + [False] * 5


@pytest.mark.parametrize("axis", [0, 1, None])
@pytest.mark.parametrize("fmt", BLOCK_FORMATS.values(), **by_name)
def test_what_is_shown_is_what_there_is(fmt, axis):
    array = msdnum.quantize(LONG, fmt, axis=axis)
    rows, values = shown(array)[1:], array.rows(array.dequantize())
    digits = -(-fmt.element.bits // 4)
    for i, row in enumerate(rows):
        assert row[1] == written(array.column(array.scales())[i, 0])
        assert row[2] == f"{values[i, 0]:.5g}{array.rows(array.codes)[i, 0]:0{digits}x}"


def test_a_decomposition_shows_how_x_is_made_up():
    for x in on_both(X):
        rows = shown(msdnum.decompose(x, SCHEMES["MXFP4_X2"]))
        assert rows[1:] == [
            ["x, block 0", "", "5", "-0.3", "0.02", "3.9", ""],
            ["term 1", "2", "4", "-0", "0", "4", ""],
            ["term 2", "0.25", "1", "-0.25", "0", "-0.125", ""],
            ["remainder", "at most 0.125", "0", "-0.05", "0.02", "0.025", ""],
        ]


def test_a_scheme_without_a_bound_shows_none():
    scheme = SCHEMES["INT8_X2_FLOAT32"]
    assert dict(shown(scheme))["largest_remainder"] == "none"
    assert shown(msdnum.decompose(X, scheme))[-1][1] == ""


def test_traced_arrays_show_their_plain_text():
    seen = []

    @jax.jit
    def look(x):
        array = msdnum.quantize(x, BLOCK_FORMATS["MXFP4"])
        result = msdnum.decompose(x, SCHEMES["MXFP4_X2"])
        seen.extend([array._repr_html_(), result._repr_html_(), repr(array)])
        return array.dequantize()

    look(jnp.asarray(X))
    assert seen[:2] == [None, None]
    assert "codes=uint8[4]" in seen[2]


def test_a_batch_of_whole_tensors_shows_its_plain_text():
    """As ``jax.vmap`` makes it: what is one for a tensor gets an axis."""
    whole = msdnum.decompose(LONG, SCHEMES["MXFP4_X2"], axis=None)
    terms = jax.tree.map(lambda v: np.stack([v] * 6), whole.terms)
    scaled = jax.tree.map(
        lambda v: np.stack([v] * 6), msdnum.quantize(LONG, BLOCK_FORMATS["NVFP4"])
    )
    assert whole._repr_html_() is not None
    assert terms[0]._repr_html_() is None
    assert replace(whole, terms=terms)._repr_html_() is None
    assert scaled._repr_html_() is None


def test_blocks_that_are_not_numbers_are_shown():
    x = np.array([[1, np.inf], [np.nan, 2], [0, -0.0]], np.float32)
    rows = shown(msdnum.decompose(x, SCHEMES["MXFP4_X2"]))
    assert rows[1] == ["x, block 0", "", "nan", "nan", ""]
    assert rows[2] == ["term 1", "nan", "nan", "nan", ""]
    assert rows[9] == ["x, block 2", "", "0", "0", ""]


# Findings, the ledger, costs

FOUND = Finding(
    Verdict.FAILS,
    "alpha/32",
    Fraction(2),
    Evidence("exhaustive", 1000, "<pairs>"),
    Witness("BF16", (0x3F80, 0x3FA0), 1),
    ("a note",),
    Table.of([{"x": 1, "y": 1 / 3}, {"x": 2, "y": "<z>"}]),
)
ENTRY = Entry("C2", "RCEIL", "alpha/64", lambda: FOUND)


def test_a_table_of_records():
    assert shown(FOUND.table) == [["x", "y"], ["1", "0.33333"], ["2", "<z>"]]


@pytest.mark.parametrize("records", [[], [{"x": 1}, {"y": 1}]])
def test_records_that_make_no_table_are_refused(records):
    with pytest.raises(ValueError, match="records must be one or more with the same names"):
        Table.of(records)


def test_a_long_table_is_cut():
    rows = cells(display.table(["i"], ([i] for i in range(99))))
    assert len(rows) == 1 + display.ROWS + 1
    assert rows[-1] == ["... 59 more rows"]


def test_a_finding_shows_all_that_it_has():
    rows = shown(FOUND)
    assert rows[:5] == [
        ["found", "alpha/32"],
        ["ratio", "2"],
        ["evidence", "exhaustive: 1,000 <pairs>"],
        ["witness", "BF16 3f80 [3fa0]"],
        ["notes", "a note"],
    ]
    assert display.BAD in FOUND._repr_html_()


def test_a_finding_without_evidence_shows_no_empty_lines():
    assert shown(not_run("a reason")) == [["notes", "not run: a reason"]]


def test_a_row_says_what_was_expected_of_it():
    row = Row(ENTRY, FOUND)
    (header, found) = shown(row)
    assert header == list(COLUMNS)
    assert found[:5] == ["RCEIL", "alpha/64", "alpha/32", "2", "fails expected: holds"]
    assert found[5].startswith("exhaustive: 1,000 <pairs>. witness BF16")


def test_a_ledger_shows_every_claim_with_its_verdict():
    claims = Claim("C2", "a <claim>", Verdict.FAILS), Claim("C3", "another", Verdict.FAILS)
    rows = tuple(Row(replace(ENTRY, claim=c.id, expected=Verdict.FAILS), FOUND) for c in claims)
    html = Ledger(claims, rows)._repr_html_()
    assert len(cells(html)) == 4
    assert "C2 a &lt;claim&gt;: fails" in html
    assert "all 2 rows of 2 claims as expected" in html


def test_a_scenario_shows_its_times():
    through_hbm, _ = Case(ASCEND_910B2, INT8_X2, Route.HBM).scenarios(FEW_ROWS)
    rows = dict(shown(through_hbm))
    assert rows["HBM traffic"] == f"{4096 * 4096 * 5 + 2 * 16 * 8192:,} bytes"
    assert rows["latency"] == rows["memory busy"] == f"{84148224 / 1.6e6:.4g} us"
    assert rows["bottleneck"] == "memory"


@pytest.mark.parametrize("machine", MACHINES.values(), **by_name)
def test_a_machine_shows_where_its_numbers_are_from(machine):
    rows = shown(machine)
    assert rows[1][1] == written(machine.bandwidth.value / 10**12)
    assert rows[1][2] == machine.bandwidth.source
    assert rows[-1][0] == "route"

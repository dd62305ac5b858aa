"""What notebooks show: names and numbers that are there, escaped, and never a traced value."""

import re
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from msdnum import BLOCK_FORMATS, ELEMENT_FORMATS, ScaleRule
from msdnum.cost.machines import ASCEND_910B2, MACHINES, Route
from msdnum.display import html as display
from msdnum.display.html import Markup
from msdnum.formats.elements import E2M1, E4M3, FloatFormat
from msdnum.ledger.claims import COLUMNS, Claim, Entry, Row
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict, Witness, not_run
from msdnum.ledger.ledger import Ledger
from msdnum.trials.msd.experiments.costs import FEW_ROWS, INT8_TWICE, CostCase
from tests.support.display import by_name, cells, shown, written

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
    through_hbm, _ = CostCase(ASCEND_910B2, INT8_TWICE, Route.HBM).scenarios(FEW_ROWS)
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


def test_an_array_is_written_by_type_and_shape():
    assert display.cell(np.zeros((2, 3), np.float32)) == "float32[2, 3]"
    assert display.cell(np.float32(1.5)) == "1.5"

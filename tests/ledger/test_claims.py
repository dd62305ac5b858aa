"""Rows: one line with all that is needed, the rest in full and as JSON."""

import json
from dataclasses import replace
from fractions import Fraction

from msdnum.ledger.claims import Claim, Row
from msdnum.ledger.findings import Evidence, Table, Witness, not_run
from msdnum.ledger.ledger import Ledger
from tests.support.ledger import FAILS, HOLDS, row, text


def test_a_row_that_was_not_run_says_why_and_is_not_unexpected():
    unrun = Row(row(HOLDS).entry, not_run("pip install it"))
    assert unrun.as_expected
    assert "not run: pip install it" in text(unrun, Row.brief)
    assert "not run: pip install it" in text(unrun, Row.full)


def test_one_line_has_all_that_a_row_needs():
    witness = Witness("BF16", (0x3F80, 0x3F14), 1)
    found = row(HOLDS, ratio=Fraction(1, 3), evidence=Evidence("exhaustive", 1234567, "pairs"))
    found = replace(found, finding=replace(found.finding, witness=witness), proof="proved")
    assert text(found, Row.brief).split("\n") == [
        "  convention    promised  worst found     ratio  verdict  evidence",
        "  a convention   promise            x  0.333333  holds    "
        "3f80 [3f14]; proved; exhaustive 1,234,567",
    ]


def test_nothing_is_cut_however_long():
    long = row(FAILS, HOLDS)
    long = replace(long, entry=replace(long.entry, convention="blocks of 128" * 20))
    for written in (Row.brief, Row.full):
        assert f"  {'blocks of 128' * 20}   promise  " in text(long, written)


def test_a_row_says_what_is_on_paper():
    proved = replace(row(HOLDS), proof="proved")
    proved = replace(proved, entry=replace(proved.entry, theorem="gemm", on_paper=True))
    assert proved.evidence == "proved: gemm, applied on paper"
    assert proved.as_dict()["on_paper"] is True
    refuted = replace(proved, proof=None)
    assert refuted.evidence == "see: gemm"


def test_text_shows_witness_evidence_and_table():
    parts = {
        "ratio": Fraction(1),
        "evidence": Evidence("sampled", 1234567, "blocks", seed=7),
        "witness": Witness("BF16", (0x3F80, 0x3F14), 1),
        "table": Table(("name", "a", "b"), (("first", "1", "22"), ("second one", "333", "4"))),
    }
    shown = text(row(HOLDS, **parts), Row.full)
    assert "witness BF16 3f80 [3f14]. sampled: 1,234,567 blocks, seed 7" in shown
    assert (
        "      name          a   b\n      first         1  22\n      second one  333   4" in shown
    )


def with_evidence(row):
    return replace(row.finding, evidence=Evidence("sampled", 1, "block"))


def test_a_long_block_is_shortened_in_text_and_whole_in_json():
    witness = Witness("BINARY32", tuple(range(32)), 31)
    long = row(HOLDS, witness=witness)
    assert "(32 elements), element 31 = 0000001f" in " ".join(text(long, Row.full).split())
    assert "[0000001f] of 32" in text(replace(long, finding=with_evidence(long)), Row.brief)
    assert long.as_dict()["witness"]["block"] == [f"{i:08x}" for i in range(32)]


def test_json_is_what_the_docstring_says():
    claim = Claim("C", "something")
    full = row(
        HOLDS,
        ratio=Fraction(1, 3),
        evidence=Evidence("exhaustive", 3, "pairs"),
        witness=Witness("BF16", (1,), 0),
        table=Table(("a",), (("1",),)),
    )
    document = json.loads(json.dumps(Ledger((claim,), (full,), {"seed": 3}).as_dict()))
    described = Ledger.as_dict.__doc__
    keys = {*document, *document["claims"][0], *document["rows"][0]}
    keys |= {*document["rows"][0]["witness"], *document["rows"][0]["table"]}
    assert all(f"``{key}``" in described for key in keys)
    assert document["schema"] == 1
    assert document["settings"] == {"seed": 3}
    assert document["rows"][0]["ratio"] == 1 / 3
    assert {"msdnum", "python", "platform", "numpy", "jax", "ml_dtypes"} <= {*document["versions"]}

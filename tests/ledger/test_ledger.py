"""The ledger: rows, verdicts, witnesses that reproduce, and that a broken emulator is seen."""

import json
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum import bounds, errors, spec
from msdnum.cli import explanations
from msdnum.emulator import elements, shared_scales
from msdnum.emulator.decompositions import decompose
from msdnum.evidence import bf16_pairs, decompositions
from msdnum.evidence.bf16_pairs import (
    LARGEST,
    ONE,
    Window,
    every_amax,
    profile,
    scale_free,
    to_float32,
)
from msdnum.evidence.effective_bits import EffectiveBits, approximation
from msdnum.evidence.promises import EVERY_AMAX, INT8_NORMAL, MXFP4_NORMAL, Bound, Promise, covering
from msdnum.formats.elements import BINARY32, E2M1, E4M3, E8M0, ELEMENT_FORMATS, INT8_SYMMETRIC
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import INT8_X1, INT8_X2, INT8_X2_FLOAT32, MXFP4_X1, MXFP4_X2, MXFP8_X1
from msdnum.inputs.families import family
from msdnum.ledger import theorems
from msdnum.ledger.claims import TERMS, Claim, Entry, Row
from msdnum.ledger.findings import Evidence, Finding, Table, Verdict, Witness, not_run
from msdnum.ledger.ledger import Ledger, lines
from msdnum.ledger.trial import Study, as_ledger, entries, judge
from msdnum.trials import find_trial, judged
from msdnum.trials.msd.claims import effective_bits, products
from msdnum.trials.toolkit import agreement, roundings, tensors
from msdnum.trials.toolkit.promises import ALPHA_64, M_64516, MXFP4_64, promises

HOLDS, FAILS, CONDITIONAL, NOT_RUN = (
    Verdict.HOLDS, Verdict.FAILS, Verdict.CONDITIONAL, Verdict.NOT_RUN,
)  # fmt: skip


def quiet(count):
    """Show no progress."""


def found(verdict, **parts):
    return Finding(verdict, "x", **parts)


def row(verdict, expected=HOLDS, claim="C", **parts):
    entry = Entry(claim, "a convention", "promise", lambda: found(verdict), expected=expected)
    return Row(entry, found(verdict, **parts))


# The ledger


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([HOLDS, HOLDS], HOLDS),
        ([FAILS, FAILS], FAILS),
        ([HOLDS, FAILS], CONDITIONAL),
        ([HOLDS, NOT_RUN], NOT_RUN),
        ([NOT_RUN], NOT_RUN),
        ([Verdict.MODEL, FAILS], Verdict.MODEL),
        ([Verdict.MODEL, HOLDS, NOT_RUN], NOT_RUN),
    ],
)
def test_rows_add_up_to_the_verdict_of_a_claim(verdicts, expected):
    claim = Claim("C", "something")
    ledger = Ledger((claim,), tuple(map(row, verdicts)))
    assert ledger.verdict(claim) is expected


def test_a_ledger_names_what_is_not_as_expected():
    claim = Claim("C", "something", CONDITIONAL)
    good = Ledger((claim,), (row(HOLDS), row(FAILS, FAILS)))
    assert good.unexpected == []
    assert good.summary() == "all 2 rows of 1 claim as expected"
    bad = Ledger((claim,), (row(HOLDS, FAILS), row(FAILS, FAILS)))
    assert bad.unexpected == ["C, a convention"]
    assert "NOT AS EXPECTED: C, a convention" in bad.brief()[-1]
    assert "!= expected: fails" in "\n".join(bad.brief())
    lopsided = Ledger((claim,), (row(HOLDS),))
    assert lopsided.unexpected == ["C"]


def test_a_row_that_was_not_run_says_why_and_is_not_unexpected():
    unrun = Row(row(HOLDS).entry, not_run("pip install it"))
    assert unrun.as_expected
    assert "not run: pip install it" in text(unrun, Row.brief)
    assert "not run: pip install it" in text(unrun, Row.full)


def text(row, written):
    return "\n".join(lines([row], written))


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


def test_a_witness_points_into_its_block():
    with pytest.raises(ValueError, match=r"element must be in 0\.\.1, got 2"):
        Witness("BF16", (1, 2), 2)


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


# Pairs


def block_of(*numbers):
    return np.array([numbers], np.float32)


def error_by_spec(promise, witness):
    """Return what the scheme leaves of the worst element of a witness, one number at a time."""
    scheme = promise.scheme
    values = [spec.from_float(float(x)) for x in to_float32(np.array(witness.block, np.uint16))]
    formats = [fmt.element for fmt in scheme.formats]
    if scheme.ratios is None:
        result = spec.decompose_own_amax(values, scheme.formats)
    elif scheme.formats[0].scale is E8M0:
        result = spec.decompose_covering(values, formats, scheme.formats[0].rule)
    else:
        result = spec.decompose_amax(values, formats, scheme.arithmetic)
    amax = max(abs(spec.number(value)) for value in values)
    return abs(spec.number(result.remainders[witness.element])), amax


@pytest.fixture(scope="module")
def all_bf16():
    return decompositions.Pairs(deep=False)


CLAIMED = [
    Promise("C1", INT8_X2, M_64516, None, EVERY_AMAX),
    Promise("C1, float32", INT8_X2_FLOAT32, M_64516, None, EVERY_AMAX),
    *(
        Promise(f"C2, {rule.name}", MXFP4_X2.with_rule(rule, own_amax=own), ALPHA_64, None, r)
        for rule in (ScaleRule.CEIL, ScaleRule.FLOOR)
        for own in (False, True)
        for r in (EVERY_AMAX, MXFP4_NORMAL)
    ),
]


@pytest.mark.parametrize(
    "promise", [*CLAIMED, *promises()], ids=lambda p: f"{p.convention} {p.bound.text}"
)
def test_the_specification_reproduces_every_witness(promise, all_bf16):
    finding = all_bf16.judge(promise)
    error, amax = error_by_spec(promise, finding.witness)
    assert finding.ratio == error / promise.bound.at(amax)
    assert finding.verdict is (HOLDS if finding.ratio <= 1 else FAILS)


@pytest.mark.parametrize(
    "promise", list(promises()), ids=lambda p: f"{p.convention} {p.bound.text}"
)
def test_no_bound_is_loose(promise, all_bf16):
    assert Fraction(9, 10) < all_bf16.judge(promise).ratio <= 1


@pytest.mark.parametrize("rule", [ScaleRule.CEIL, ScaleRule.RCEIL, ScaleRule.EVEN, ScaleRule.FLOOR])
def test_the_specification_reproduces_the_worst_block_of_every_amax(rule):
    scheme = MXFP4_X2.with_rule(rule, own_amax=True)
    found = profile(scheme, (Window(ONE, ONE + 127, depth=8),), quiet)
    promise = Promise("", scheme, ALPHA_64, None, EVERY_AMAX)
    for amax, block in found.blocks.items():
        assert block[0] == amax
        witness = Witness("BF16", block, len(block) - 1)
        assert error_by_spec(promise, witness)[0] == found.errors[amax]


def test_the_largest_error_in_a_window_is_that_of_all_its_pairs():
    window = Window(0x3FA0, 0x3FA3, depth=2)
    found = profile(MXFP4_X2, (window,), quiet)
    for amax in range(0x3FA0, 0x3FA4):
        xs = to_float32(np.arange(amax - 256, amax + 1, dtype=np.uint16))
        pair = np.stack([np.full_like(xs, xs[-1]), xs], axis=1)
        left = np.abs(decompose(pair, MXFP4_X2).remainder)
        assert found.errors[amax] == Fraction(float(left.max()))
        assert found.pairs[amax] >= 257


@pytest.mark.parametrize("rule", [ScaleRule.CEIL, ScaleRule.RCEIL, ScaleRule.FLOOR])
@pytest.mark.parametrize("amax", [0x3F80, 0x3F94, 0x3FBB, 0x3FFF])
def test_with_its_own_amax_no_block_of_three_is_worse(rule, amax):
    scheme = MXFP4_X2.with_rule(rule, own_amax=True)
    found = profile(scheme, (Window(amax, amax, depth=2),), quiet)
    xs = to_float32(np.arange(amax - 256, amax + 1, dtype=np.uint16))
    y, x = (grid.ravel() for grid in np.meshgrid(xs, xs))
    triples = np.stack([np.full_like(x, xs[-1]), y, x], axis=1)
    left = np.abs(decompose(triples, scheme).remainder)
    assert found.errors[amax] == Fraction(float(left.max()))


@pytest.mark.parametrize("scheme", [INT8_X2, INT8_X2_FLOAT32, MXFP4_X2, MXFP8_X1])
@pytest.mark.parametrize("binades", [-60, 17, 126])
def test_errors_scale_with_powers_of_two(scheme, binades):
    here, there = (
        profile(scheme, (Window(first, first + 127, depth=10),), quiet)
        for first in (ONE, ONE + 128 * binades)
    )
    factor = Fraction(2) ** binades
    assert list(there.errors.values()) == [factor * e for e in here.errors.values()]


@pytest.mark.parametrize("scheme", [INT8_X2, MXFP4_X2])
def test_a_window_too_shallow_is_deepened(scheme):
    shallow, deep = (
        profile(scheme, (Window(ONE, ONE + 9, depth=depth),), quiet) for depth in (0, None)
    )
    assert shallow == deep


def test_progress_counts_every_amax():
    told = []
    profile(MXFP4_X1, scale_free(depth=3), told.append)
    assert sum(told) == sum(len(window) for window in scale_free(depth=3))


def test_windows_cover_what_they_say():
    (window,) = every_amax()
    assert (window.first, window.last, window.lowest(77), len(window)) == (1, LARGEST, 0, LARGEST)
    assert to_float32(np.array([LARGEST], np.uint16))[0] == float.fromhex("0x1.fep127")
    chunks = list(Window(1, 3000, depth=4).chunks())
    assert [chunk.first for chunk in chunks[1:]] == [chunk.last + 1 for chunk in chunks[:-1]]
    assert (chunks[0].first, chunks[-1].last) == (1, 3000)
    rows = Window(700, 702, depth=1).rows()
    assert rows[:, 0].tolist() == [700, 701, 702]
    assert sorted({*rows[0].tolist()}) == [0, *range(572, 701)]


@pytest.mark.parametrize("ends", [(0, 5), (5, 4), (1, LARGEST + 1)])
def test_a_window_of_other_numbers_is_refused(ends):
    with pytest.raises(ValueError, match="window must lie in"):
        Window(*ends)


# Bounds and blocks


@given(st.floats(2.0**-149, 2.0**127, width=32))
def test_alpha_covers_amax(amax):
    alpha = covering(amax)
    assert alpha / 2 < amax <= alpha


@given(st.lists(st.floats(2.0**-149, 2.0**127, width=32) | st.just(0.0), min_size=1))
def test_bounds_of_many_blocks_are_those_of_each(amaxes):
    for bound in (M_64516, MXFP4_64):
        each = [float(bound.at(amax)) if amax else 0.0 for amax in amaxes]
        assert bound.at_each(np.array(amaxes)).tolist() == each


def test_an_error_is_written_as_a_fraction_of_the_range():
    assert ALPHA_64.found(Fraction(1), 1.0) == "alpha"
    assert M_64516.found(Fraction(1, 16387064), 1.0) == "M/16387064"
    assert ALPHA_64.found(Fraction(1, 3) * 2, 2.0) == "alpha/3"
    assert ALPHA_64.found(Fraction(7, 8), 2.0) == "alpha/2.285714"
    assert ALPHA_64.found(Fraction(0), 2.0) == "0"


def test_a_bound_in_another_unit_is_refused():
    with pytest.raises(ValueError, match=r"unit must be one of alpha, M, amax, got 'm'"):
        Bound("m", "m", lambda m: m)


def test_blocks_are_judged_by_their_worst_element():
    x = np.zeros((3, 40), np.float32)
    x[1, 32:34] = 1.0, 37 / 64
    promise = Promise("", MXFP4_X2, ALPHA_64, None, EVERY_AMAX)
    finding = decompositions.judge_blocks(x, promise)
    assert finding.ratio == 1
    assert finding.verdict is HOLDS
    assert finding.witness == Witness("BF16", (0x3F80, 0x3F14, *[0] * 30), 1)
    tighter = replace(promise, bound=Bound("alpha/65", "alpha", lambda alpha: alpha / 65))
    assert decompositions.judge_blocks(x, tighter).verdict is FAILS


def test_a_block_that_bf16_does_not_hold_is_shown_in_binary32():
    finding = decompositions.judge_blocks(
        block_of(1, 1 / 3), Promise("", INT8_X2, M_64516, None, EVERY_AMAX)
    )
    assert finding.witness.format == "BINARY32"
    assert finding.witness.block == (0x3F800000, 0x3EAAAAAB)


def test_underflow_is_part_of_the_promise_to_a_tensor():
    x = np.full((2, 32), 2.0**-133, np.float32)
    for promise in tensors.TENSOR_PROMISES:
        assert decompositions.judge_blocks(x, promise).verdict is HOLDS
    assert decompositions.judge_blocks(x, CLAIMED[2]).verdict is FAILS


def test_zeros_are_no_error():
    finding = decompositions.judge_blocks(np.zeros((2, 32), np.float32), CLAIMED[0])
    assert (finding.verdict, finding.ratio, finding.found) == (HOLDS, 0, "0")


def test_rounding_attains_its_bound_in_every_format():
    finding = roundings.judge_rounding([E2M1, E4M3, INT8_SYMMETRIC])
    assert finding.ratio == 1
    assert "the least ratio of a format is 1" in finding.notes


# Effective bits


@pytest.fixture(scope="module")
def effective():
    return EffectiveBits(seed=1, rows=512)


def test_one_definition_and_one_input_give_the_papers_numbers(effective):
    finding = effective_bits.paper_in_closed_form(effective)
    assert (finding.verdict, finding.found) == (HOLDS, "6.598 and 5.238")


def test_no_other_definition_or_input_gives_them(effective):
    assert effective_bits.paper_elsewhere(effective).verdict is FAILS
    assert len(effective_bits.paper_elsewhere(effective).data.rows) == 8 * 14 * 6


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


def test_int8_has_16_bits_by_the_worst_case_only(effective):
    assert effective_bits.int8_worst_case(effective).verdict is HOLDS
    assert effective_bits.int8_elsewhere(effective).verdict is FAILS


def test_an_approximation_is_the_sum_of_the_terms():
    x = family("normal").generate((4, 64), rng=np.random.default_rng(0), fmt=BINARY32)
    result = decompose(x, MXFP4_X2)
    terms = sum(term.dequantize().astype(np.float64) for term in result.terms)
    assert (approximation(x, MXFP4_X2) == terms).all()
    assert errors.bits_relative_l2(x, terms) > 5


# Agreement


def test_the_implementations_agree():
    assert agreement.values_agree(8).verdict is HOLDS
    assert agreement.decompositions_agree(2, seed=0).verdict is HOLDS


def test_what_is_sampled_is_called_so():
    sampled = agreement.codes_specified(4097)
    assert (sampled.verdict, sampled.evidence.kind) == (HOLDS, "sampled")
    assert sampled.evidence.count == sum(
        len(range(0, len(agreement._encodable(fmt)), 4097)) for fmt in ELEMENT_FORMATS.values()
    )
    assert np.gcd(agreement.EVERY, 1 << 16) == 1


def test_a_wrong_code_is_seen_by_either(monkeypatch):
    encode = elements.encode

    def wrong(x, fmt, **options):
        codes = encode(x, fmt, **options)
        return codes ^ codes.dtype.type(1) if isinstance(codes, np.ndarray) else codes

    monkeypatch.setattr(elements, "encode", wrong)
    monkeypatch.setattr(agreement, "ELEMENT_FORMATS", {"E2M1": E2M1})
    for finding in (agreement.codes_specified(4097), agreement.codes_agree()):
        assert finding.verdict is FAILS


def test_disagreement_is_seen(monkeypatch):
    monkeypatch.setattr(spec, "decode", lambda code, fmt: Fraction(0))
    finding = agreement.values_agree(8)
    assert finding.verdict is FAILS
    assert finding.witness is not None


def test_a_wrong_remainder_is_seen(monkeypatch):
    monkeypatch.setattr(agreement, "decompose", half_left)
    finding = agreement.decompositions_agree(1, seed=0)
    assert finding.verdict is FAILS
    assert "NumPy and spec" in finding.notes[0]
    assert len(finding.witness.block) == 32


def test_certificates_are_read(tmp_path):
    assert agreement.sweeps_agree(tmp_path).verdict is NOT_RUN
    good = {"sweep": "cast_E2M1", "count": 2**32, "mismatches": 0}
    (tmp_path / "good.json").write_text(json.dumps(good))
    assert agreement.sweeps_agree(tmp_path).verdict is HOLDS
    (tmp_path / "bad.json").write_text(json.dumps(good | {"mismatches": 3}))
    finding = agreement.sweeps_agree(tmp_path)
    assert (finding.verdict, finding.found) == (FAILS, "3 differ")


def test_a_ratio_to_the_reference_itself_is_explained():
    rows = {name: {"l2_float32_ratio": ratio} for name, ratio in (("a", 2.0), ("b", np.inf))}
    assert products._reference({"a": rows["a"]}) == ()
    (note,) = products._reference(rows)
    assert note.startswith("inf: ")


# The claims


def test_every_claim_has_entries_and_every_entry_a_claim():
    study = Study(tensor=block_of(1, 2))
    ids = {entry.claim for entry in entries(judged(), study)}
    assert ids == {claim.id for claim in (c for trial in judged() for c in trial.claims)}


def test_an_unknown_claim_is_refused():
    with pytest.raises(ValueError, match=r"claim must be one of C1, C2, .* got 'C99'"):
        entries(judged(), Study(), "C99")


def test_entries_are_told_apart():
    named = [(e.claim, e.convention) for e in entries(judged(), Study())]
    assert len(set(named)) == len(named)


def ledger_of(claim):
    chosen = entries(judged(), Study(), claim)
    return as_ledger(judged(), tuple(map(judge, chosen)))


def test_c2_holds_only_under_a_convention():
    ledger = ledger_of("C2")
    assert ledger.unexpected == []
    ratios = [row.finding.ratio for row in ledger.rows]
    assert ratios == [1, 1, 2, 1, 2, 1, Fraction(39, 4), Fraction(15, 4), 64]
    holds = [ratio == 1 for ratio in ratios]
    assert [row.proof for row in ledger.rows] == ["proved" if held else None for held in holds]
    assert "see: mxfp4-scale-rules" in ledger.rows[2].evidence


SHARED_EXPONENT = shared_scales.shared_exponent


def scale_too_small(amax, element, rule):
    return SHARED_EXPONENT(amax, element, rule) - 1


def scale_too_large(amax, element, rule):
    return SHARED_EXPONENT(amax, element, rule) + 1


def rule_ignored(amax, element, rule):
    return SHARED_EXPONENT(amax, element, ScaleRule.FLOOR)


def one_term_only(x, scheme):
    return decompose(x, replace(scheme, formats=scheme.formats[:1], ratios=()))


def half_left(x, scheme):
    result = decompose(x, scheme)
    return replace(result, scaled_remainder=result.scaled_remainder / 2)


@pytest.mark.parametrize(
    ("module", "broken"),
    [
        (shared_scales, scale_too_small),
        (shared_scales, scale_too_large),
        (shared_scales, rule_ignored),
        (bf16_pairs, one_term_only),
        (bf16_pairs, half_left),
    ],
    ids=lambda part: getattr(part, "__name__", None),
)
def test_a_broken_emulator_is_not_as_expected(module, broken, monkeypatch):
    name = "shared_exponent" if module is shared_scales else "decompose"
    monkeypatch.setattr(module, name, broken)
    study = Study()
    chosen = entries(judged(), study, "C2") + entries(judged(), study, "bounds")
    assert not all(judge(entry).as_expected for entry in chosen)


def test_a_model_that_is_missing_is_said_to_be(monkeypatch):
    def missing():
        raise ModuleNotFoundError("the model is not installed: pip install it")

    monkeypatch.setattr(tensors, "minilm", missing)
    ledger = ledger_of("model")
    assert {row.finding.verdict for row in ledger.rows} == {NOT_RUN}
    assert "not run: the model is not installed: pip install it" in "\n".join(ledger.brief())
    assert not ledger.unexpected
    assert ledger.summary() == (
        "nothing was judged; 6 rows not run: the model is not installed: pip install it"
    )


def test_rows_that_were_not_run_are_counted_apart():
    claims = (Claim("C", "something"), Claim("D", "another"))
    unrun = [Row(row(HOLDS, claim=name).entry, not_run("needs it")) for name in "CD"]
    good = Ledger(claims, (row(HOLDS), *unrun))
    assert good.not_run == unrun
    assert good.summary() == "all 1 row of 1 claim as expected; 2 rows not run: needs it"
    bad = Ledger(claims, (row(FAILS), *unrun))
    assert bad.summary() == "NOT AS EXPECTED: C, a convention; 2 rows not run: needs it"


def test_a_package_that_is_missing_is_said_to_be(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    ledger = ledger_of("bits")
    verdicts = {row.entry.convention: row.finding.verdict for row in ledger.rows}
    assert verdicts["encode, RNE: all BF16, NumPy = JAX"] is NOT_RUN
    assert verdicts["encode, RNE: BF16, NumPy = specification"] is HOLDS
    assert verdicts["decode: all codes, NumPy = specification"] is HOLDS
    brief = "\n".join(ledger.brief())
    assert "not run: jax is missing: verify needs msdnum[verify]: pip install" in brief


def test_real_tensors_obey_the_bounds():
    ledger = ledger_of("model")
    assert ledger.unexpected == []
    assert all(row.finding.ratio > Fraction(1, 2) for row in ledger.rows)


def test_the_ledger_is_one_line_a_row():
    study = Study()
    chosen = ("C2", "C3", "C4", "C5", "C6", "C8", "model")
    some = [entry for claim in chosen for entry in entries(judged(), study, claim)[:2]]
    made = as_ledger(judged(), tuple(map(judge, some)))
    brief = made.brief()
    assert max(map(len, brief)) <= 150
    for row in made.rows:
        assert sum(row.entry.convention in line for line in brief) >= 1
    assert len(brief) == len(some) + 3 * len(chosen) + len(TERMS) + 4
    assert max(map(len, made.full())) <= 120


def test_only_rows_whose_last_step_no_machine_has_checked_say_so():
    found = entries(judged(), Study(), "bounds")
    assert [entry.convention for entry in found if entry.on_paper] == [
        "MXFP4 x2 by MXFP4, Hopper's unit",
        "MXFP4 x2 by MXFP4, with a probability",
        "attention, P in MXFP4 x2",
        "attention, MSD over each cache",
        "attention, each baseline",
        "attention, worst remainders",
    ]


def test_explain_gives_statement_witness_proof_and_command():
    text = "\n".join(explanations.explain("mxfp4-decomposition"))
    for part in ("witness BF16 3f80 [3f14]", "n-pass MXFP4", "check.py --only mxfp4-decomposition"):
        assert part in text
    assert "proofs/mxfp4-decomposition/README.md: proved\n" in text
    assert "**Proof.**" in text
    assert "```coq\n(** n passes leave alpha/8^n" in text
    assert "msdnum verify --only bounds" in text
    assert str(theorems.PROOFS) not in text


def test_explain_gives_the_statements_of_a_claim_without_proofs():
    stated = "\n".join(explanations.explain("C2"))
    assert stated.startswith("C2  two-pass MXFP4 leaves at most alpha/64: holds only under")
    assert "**Bound.**" in stated
    assert "**Proof.**" not in stated
    assert "msdnum explain mxfp4-scale-rules or mxfp4-decomposition" in stated


def test_every_theorem_has_a_statement():
    for name in theorems.theorem_ids():
        stated = theorems.theorem(name).statement
        assert "**Bound.**" in stated or "**Statement.**" in stated


def test_explain_knows_claims_too(monkeypatch):
    only = {"toolkit": replace(find_trial("toolkit"), studies=(tensors.model,))}
    monkeypatch.setattr(explanations, "trials", lambda: only)
    monkeypatch.setattr(explanations, "theorem", lambda name: None)
    text = "\n".join(explanations.explain("model"))
    assert "model  the bounds hold on all-MiniLM-L6-v2" in text
    assert "mxfp8-decomposition: no proofs/mxfp8-decomposition/README.md" in text
    assert "msdnum verify --only model" in text
    with pytest.raises(
        ValueError, match=r"claim or theorem must be one of bounds, .*, rms-error, got 'nothing'"
    ):
        list(explanations.explain("nothing"))
    with pytest.raises(ValueError, match="claim 'tensor' needs a tensor"):
        list(explanations.explain("tensor"))


@pytest.mark.slow
def test_the_whole_ledger_is_as_expected():
    assert ledger_of(None).unexpected == []


@pytest.mark.slow
def test_all_pairs_give_what_those_up_to_powers_of_two_give(all_bf16):
    deep = decompositions.Pairs(deep=True)
    for promise in (CLAIMED[0], Promise("", INT8_X2_FLOAT32, M_64516, None, INT8_NORMAL)):
        quick = all_bf16.judge(promise)
        assert deep.judge(promise).ratio == quick.ratio

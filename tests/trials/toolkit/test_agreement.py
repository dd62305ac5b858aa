"""Agreement of implementations, and disagreement that is seen."""

import json
from fractions import Fraction

import numpy as np

from msdnum import spec
from msdnum.emulator import elements
from msdnum.formats.elements import E2M1, ELEMENT_FORMATS
from msdnum.trials.toolkit import agreement
from tests.support.ledger import FAILS, HOLDS, NOT_RUN, half_left

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

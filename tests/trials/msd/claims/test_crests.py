"""C7 as a function of the crest factor: expectations beside the committed samples."""

from msdnum.ledger.findings import Verdict
from msdnum.trials.msd.claims.crests import c7_crests, row_crossing
from tests.support.error_tables import committed


def test_verdicts_are_as_expected_and_where_samples_say():
    findings = {entry.convention: (entry, entry.judge()) for entry in c7_crests(None)}
    assert len(findings) == 16
    for entry, finding in findings.values():
        assert finding.verdict is entry.expected
    rows = [row for row in committed("crests") if row["study"].startswith("one outlier of fixed")]
    for name in ("uniform", "normal", "laplace", "student_t"):
        losing = [row for row in rows if row["input"] == name and float(row["measured_ratio"]) > 1]
        _, finding = findings[f"expected, {name} beside one 2^k: MXFP4 x2, MXFP8 ceil"]
        assert finding.found == f"loses from M/rms {float(losing[0]['crest_factor']):.3g}"
        _, blocks = findings[f"expected, blocks of 32, {name}: MXFP4 x2, MXFP8 ceil"]
        assert blocks.verdict is Verdict.HOLDS


def test_only_heavy_tails_reach_the_crest_at_which_int8_loses():
    assert row_crossing("normal") is row_crossing("laplace") is row_crossing("uniform") is None
    assert row_crossing("student_t") == 2**22

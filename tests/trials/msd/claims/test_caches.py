"""C7 on a decoder's caches: read from the committed tables."""

import pytest

from msdnum.experiments.tables import read, text
from msdnum.ledger.findings import Verdict
from msdnum.trials.msd.claims import caches


def findings():
    return {entry.subject: (entry, entry.judge()) for entry in caches.c7_caches(None)}


def test_rows_are_those_of_the_tables():
    found = findings()
    assert len(found) == 7
    assert all(finding.verdict is entry.expected for entry, finding in found.values())
    _, records = read(caches.OF_TEXTS)
    means = {}
    for row in records:
        key = row["attention"], row["cache"]
        means.setdefault(key, []).append(float(row["quantized_divergence"]))
    ours, theirs = (sum(means[way, "INT8"]) for way in ("MSD", "BF16"))
    assert found["caches", "INT8"][1].ratio == pytest.approx(ours / theirs)


def test_a_worse_cache_fails_and_a_missing_table_is_not_run(monkeypatch, tmp_path):
    for name, column in (("OF_TEXTS", "quantized_divergence"), ("AT_CONTEXTS", "divergence")):
        header, records = read(getattr(caches, name))
        worse = [r | {column: "1"} if r["attention"] == "MSD" else r for r in records]
        path = tmp_path / f"{name}.csv"
        path.write_text(text(worse, header), encoding="utf-8")
        monkeypatch.setattr(caches, name, path)
    assert {finding.verdict for _, finding in findings().values()} == {Verdict.FAILS}
    for name in ("OF_TEXTS", "AT_CONTEXTS"):
        monkeypatch.setattr(caches, name, tmp_path / "none.csv")
    assert {finding.verdict for _, finding in findings().values()} == {Verdict.NOT_RUN}

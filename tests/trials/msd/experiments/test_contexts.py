"""The table of contexts: every case, and what is kept."""

import pytest

pytest.importorskip("jax")
pytest.importorskip("gguf", reason="the package gguf is not installed")

from msdnum.trials.msd.decoder.runs import TextErrors
from msdnum.trials.msd.experiments import contexts
from tests.support.error_tables import committed


def test_the_committed_table_has_every_case():
    rows = committed("decoder_contexts")
    of = contexts.CONTEXT_EXPERIMENTS[0].parameters
    alone = [(n, "float32", c) for n in of.lengths for c in of.caches]
    emulated = [(n, *case) for n in of.emulated_lengths for case in of.emulated]
    found = [(int(row["context"]), row["attention"], row["cache"]) for row in rows]
    assert sorted(found) == sorted(alone + emulated)
    assert {row["tokens"] for row in rows} == {"128"}


def test_a_case_is_kept_and_the_same_from_the_cache(monkeypatch):
    made = TextErrors(1e-3, 2e-3, 0.5, -0.25)
    monkeypatch.setattr(contexts, "context_errors", lambda *case: made)
    spec = contexts.Contexts(("INT8 by token",), (321,), (("MSD", "INT8"),), ())
    (row,) = contexts.decoder_contexts(spec, 1)
    monkeypatch.setattr(contexts, "context_errors", None)
    assert list(contexts.decoder_contexts(spec, 1)) == [row]
    assert (row["cache"], row["context"], row["divergence"]) == ("INT8 by token", 321, 1e-3)

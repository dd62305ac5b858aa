"""A GGUF file of a decoder of two small layers, its matrices in Q4_1, as SmolLM2's is."""

import gguf
import numpy as np

from tests.support.small_decoder import drawn_weights

from msdnum.inputs.smollm2_checkpoint import DecoderSettings  # isort: skip

SETTINGS = DecoderSettings(
    layers=2, width=64, heads=2, shared_heads=1, feed_forward=64, vocabulary=96, context=64,
    rope_base=100.0, norm_eps=1e-5,
)  # fmt: skip
KEYS = {
    "block_count": 2, "embedding_length": 64, "attention.head_count": 2,
    "attention.head_count_kv": 1, "feed_forward_length": 64, "vocab_size": 96,
    "context_length": 64, "rope.dimension_count": 32,
}  # fmt: skip
LINEARS = {
    "q": "attn_q", "k": "attn_k", "v": "attn_v", "output": "attn_output", "gate": "ffn_gate",
    "up": "ffn_up", "down": "ffn_down",
}  # fmt: skip
Q4_1 = gguf.GGMLQuantizationType.Q4_1


def write(path):
    """Write the file and return its path."""
    drawn = drawn_weights(6, SETTINGS)
    writer = gguf.GGUFWriter(path, "llama")
    for key, value in KEYS.items():
        writer.add_uint32(f"llama.{key}", value)
    writer.add_float32("llama.rope.freq_base", SETTINGS.rope_base)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", SETTINGS.norm_eps)
    writer.add_tensor("token_embd.weight", drawn["embedding"] / np.float32(10))
    writer.add_tensor("output_norm.weight", drawn["norm"])
    for layer in range(SETTINGS.layers):
        for name, path_of in LINEARS.items():
            stored = np.ascontiguousarray(drawn["layers"][name][layer].T)
            writer.add_tensor(
                f"blk.{layer}.{path_of}.weight", gguf.quantize(stored, Q4_1), raw_dtype=Q4_1
            )
        for name in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{name}.weight", drawn["layers"][name][layer])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path

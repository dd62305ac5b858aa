"""A decoder of two small layers, its weights drawn."""

import numpy as np

from msdnum.inputs.smollm2_checkpoint import DecoderSettings

SETTINGS = DecoderSettings(
    layers=2, width=32, heads=4, shared_heads=2, feed_forward=64, vocabulary=50, context=64,
    rope_base=100.0, norm_eps=1e-5,
)  # fmt: skip


def drawn_weights(seed=5, settings=SETTINGS):
    rng = np.random.default_rng(seed)
    shared = settings.shared_heads * settings.head_width
    sizes = {
        "q": (settings.width, settings.width),
        "k": (settings.width, shared),
        "v": (settings.width, shared),
        "output": (settings.width, settings.width),
        "gate": (settings.width, settings.feed_forward),
        "up": (settings.width, settings.feed_forward),
        "down": (settings.feed_forward, settings.width),
        "attn_norm": (settings.width,),
        "ffn_norm": (settings.width,),
    }

    def draw(*shape):
        return (rng.standard_normal(shape) / np.sqrt(shape[-2:][0])).astype(np.float32)

    layers = {name: draw(settings.layers, *shape) for name, shape in sizes.items()}
    for name in ("attn_norm", "ffn_norm"):
        layers[name] = np.abs(layers[name]) + np.float32(0.5)
    embedding = draw(settings.vocabulary, settings.width) * np.float32(30)
    return {"embedding": embedding, "norm": np.ones(settings.width, np.float32), "layers": layers}

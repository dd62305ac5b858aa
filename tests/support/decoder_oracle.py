"""A llama decoder one token at a time, in float64 with Python's loops over heads and complex turns.

It shares no code with ``inputs.jax_decoder``.
"""

import cmath
import math

import numpy as np


def normalized(x, scale, eps):
    return x / math.sqrt(sum(float(v) ** 2 for v in x) / len(x) + eps) * scale


def turned(x, position, base):
    """Turn each pair of neighbours by its angle."""
    width, found = len(x), []
    for i in range(width // 2):
        angle = position * base ** (-2 * i / width)
        number = complex(x[2 * i], x[2 * i + 1]) * cmath.exp(1j * angle)
        found += [number.real, number.imag]
    return np.array(found)


def mixed(query, keys, values):
    scores = [float(query @ key) / math.sqrt(len(query)) for key in keys]
    weights = [math.exp(score - max(scores)) for score in scores]
    return sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)


def logits(ids, weights, settings):
    """Return the logits after each token of one text."""
    wide = {name: np.asarray(x, np.float64) for name, x in weights["layers"].items()}
    embedding = np.asarray(weights["embedding"], np.float64)
    keys = [[[] for _ in range(settings.shared_heads)] for _ in range(settings.layers)]
    values = [[[] for _ in range(settings.shared_heads)] for _ in range(settings.layers)]
    rows = []
    for position, token in enumerate(ids):
        x = embedding[token]
        for layer in range(settings.layers):
            x = after_layer(
                x, position, {n: w[layer] for n, w in wide.items()}, keys[layer], values[layer],
                settings,
            )  # fmt: skip
        last = normalized(x, np.asarray(weights["norm"], np.float64), settings.norm_eps)
        rows.append(embedding @ last)
    return np.array(rows)


def after_layer(x, position, w, keys, values, settings):
    width, group = settings.head_width, settings.heads // settings.shared_heads
    normal = normalized(x, w["attn_norm"], settings.norm_eps)
    q, k, v = (normal @ w[name] for name in "qkv")
    for shared in range(settings.shared_heads):
        part = slice(shared * width, (shared + 1) * width)
        keys[shared].append(turned(k[part], position, settings.rope_base))
        values[shared].append(v[part])
    heads = []
    for h in range(settings.heads):
        query = turned(q[h * width : (h + 1) * width], position, settings.rope_base)
        heads.append(mixed(query, keys[h // group], values[h // group]))
    x = x + np.concatenate(heads) @ w["output"]
    normal = normalized(x, w["ffn_norm"], settings.norm_eps)
    gate = normal @ w["gate"]
    gate = gate / (1 + np.exp(-gate))
    return x + (gate * (normal @ w["up"])) @ w["down"]

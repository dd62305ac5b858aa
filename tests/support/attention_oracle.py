"""Attention of one query over an INT8 cache, number by number: what ``attend`` must compute.

Shares no code with the emulator: ``spec`` for digits, binary32 scalars for the rest, and the
definition in the docstring of ``msdnum.attention``.
"""

import numpy as np

from msdnum import spec
from msdnum.formats.elements import INT8, INT8_SYMMETRIC
from msdnum.formats.modes import Arithmetic

F = np.float32


def digits(values):
    """Return (scale, integers) of each of two terms."""
    block = [spec.from_float(float(x)) for x in values]
    found = spec.decompose_amax(block, (INT8_SYMMETRIC,) * 2, Arithmetic.FLOAT32)
    return [
        (F(float(scale)), [int(spec.number(spec.decode(code, INT8))) for code in codes])
        for scale, codes in zip(found.scales, found.codes, strict=True)
    ]


def inner_product(terms, integers):
    total = None
    for scale, row in terms:
        c = F(sum(x * int(y) for x, y in zip(row, integers, strict=False))) * scale
        total = c if total is None else total + c
    return total


def pairwise(values):
    while len(values) > 1:
        odd = values[-1:] if len(values) % 2 else []
        values = [x + y for x, y in zip(values[::2], values[1::2], strict=False)] + odd
    return values[0]


def attended(query, keys, key_scales, values, token_scales, channel_scales, limit, method, fixed):
    """Return the output of one query that sees the first ``limit`` keys.

    ``keys`` and ``values`` are integers, (n, d) and (n, e); scales are lists of binary32 numbers.
    """
    exp, size = method.exp.function, min(method.tile, len(keys))
    terms = digits([F(x) * s for x, s in zip(query, key_scales, strict=True)])
    factor = F(1 / np.sqrt(len(query)))
    maximum, mass, total = F(-np.inf), F(0), [F(0)] * len(channel_scales)
    for start in range(0, len(keys), size):
        stop = min(start + size, len(keys))
        scores = [
            inner_product(terms, keys[j]) * factor if j < limit else F(-np.inf)
            for j in range(start, stop)
        ]
        largest = max([maximum, *scores])
        weights = [exp(np.array([s - largest]))[0] for s in scores]
        decay = exp(np.array([maximum - largest]))[0]
        mass = mass * decay + pairwise(weights)
        folded = [w * token_scales[start + j] for j, w in enumerate(weights)]
        seen = [token_scales[j] if j < limit else F(0) for j in range(start, stop)]
        parts = digits(folded + [max(seen)] * fixed)
        found = [inner_product(parts, values[start:stop, c]) for c in range(len(total))]
        total = [t * decay + x for t, x in zip(total, found, strict=True)]
        maximum = largest
    return [t / mass * s for t, s in zip(total, channel_scales, strict=True)]

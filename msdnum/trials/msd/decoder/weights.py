"""Weights of SmolLM2: as they are shipped, and quantized from what those stand for."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.emulator.layouts.gguf import GGUF_Q4_1
from msdnum.emulator.minima import MinimumArray
from msdnum.evidence.product_bounds import exact_values
from msdnum.inputs.files.gguf_files import GGUFFile
from msdnum.inputs.smollm2_checkpoint import smollm2
from msdnum.trials.msd.baselines import WEIGHTS

__all__ = ["PUBLISHED_NUMBERS", "SHIPPED", "exact_numbers", "layer_weights", "shipped_weight"]

Array: TypeAlias = Any

SHIPPED = "Q4_1"
"""The weights in the file: integers of 4 bits, each 32 with a scale and a minimum."""
PUBLISHED_NUMBERS = "FLOAT32"
"""What these stand for, in binary32; the other weights are quantized from them."""
GROUPS_OF = {"INT4": 64}
"""Inputs that share a scale where they are not the usual ones: 128 does not divide 576."""


def shipped_weight(file: GGUFFile, layer: int, path: str) -> MinimumArray:
    """Return a weight as it is in the file, but as (inputs, outputs)."""
    stored = file.tensors[f"blk.{layer}.{path}.weight"].stored
    found = GGUF_Q4_1.read(np.asarray(stored))
    assert isinstance(found, MinimumArray)
    codes, scales, minima = (
        np.ascontiguousarray(x.T)
        for x in (found.quantized.codes, found.quantized.scale_codes, found.minima)
    )
    turned = replace(found.quantized, codes=codes, scale_codes=scales, axis=-2)
    return MinimumArray(turned, minima)


@lru_cache(maxsize=2)
def layer_weights(name: str) -> dict[str, list[Any]]:
    """Return the linears of all layers, by NumPy: a list for each name.

    Parameters
    ----------
    name : str
        SHIPPED, PUBLISHED_NUMBERS or a name of ``baselines.WEIGHTS``.
    """
    from msdnum.inputs.jax_decoder import DECODER_LINEARS

    layers = _published()["layers"]
    if name == SHIPPED:
        count = len(layers["q"])
        return {
            linear: [shipped_weight(smollm2(), layer, path) for layer in range(count)]
            for linear, path in DECODER_LINEARS.items()
        }
    form: Callable[[Array], Any] = _same if name == PUBLISHED_NUMBERS else _quantizer(name)
    return {linear: [form(w) for w in layers[linear]] for linear in DECODER_LINEARS}


def _same(w: Array) -> Array:
    return w


def _quantizer(name: str) -> Callable[[Array], Any]:
    return lambda w: WEIGHTS[name](w, GROUPS_OF.get(name))


@cache
def _published() -> dict[str, Any]:
    from msdnum.inputs.jax_decoder import decoder_weights

    return decoder_weights(smollm2())


def exact_numbers(weight: Any) -> NDArray[np.float64]:
    """Return what a weight stands for in binary64, nothing rounded."""
    if isinstance(weight, np.ndarray):
        return weight.astype(np.float64)
    if isinstance(weight, MinimumArray):
        # Level times scale has 15 bits, and FP16 minima no bit below theirs: 2**-24.
        first, second = (exact_values(term) for term in weight.terms())
        return first + second
    return exact_values(weight)

"""Requantization: terms of any block formats, each quantized from what binary32 has left."""

import numpy as np

from msdnum.emulator import (
    backend,
    binary32,
    bit_patterns,
    block_rows,
    element_numbers,
    element_rounding,
)
from msdnum.emulator.backend import Array
from msdnum.emulator.blocks import quantize, quantize_by_codes
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.modes import Overflow
from msdnum.formats.schemes import OWN_AMAX, Scheme

__all__ = ["left_by_terms", "requantized_terms"]


def requantized_terms(x: Array, scheme: Scheme, axis: int | None) -> tuple[QuantizedArray, ...]:
    """Return the terms of an array of floats; ``spec.requantize`` has every step."""
    left = bit_patterns.as_pattern(x).view("float32")
    terms: list[QuantizedArray] = []
    for i, fmt in enumerate(scheme.formats):
        if terms:
            with np.errstate(invalid="ignore"):
                left = binary32.subtract(left, terms[-1].dequantize())
        if not terms or scheme.ratios is OWN_AMAX:
            terms.append(quantize(left, fmt, axis=axis))
        else:
            codes = _scales_over(terms[-1], float(scheme.ratios[i - 1]), fmt)
            terms.append(quantize_by_codes(left, codes, terms[-1].tensor_scale, fmt, axis))
    return tuple(terms)


def _scales_over(term: QuantizedArray, ratio: float, fmt: BlockFormat) -> Array:
    """Return the codes of the scales of a term over a ratio."""
    xp = backend.namespace(term.scale_codes)
    scale = element_numbers.decode_scaled(term.scale_codes, 0, fmt.scale)
    quotient = binary32.divide(scale, xp.full_like(scale, np.float32(ratio)))
    return element_rounding.encode_scaled(quotient.view(xp.int32), 0, fmt.scale, Overflow.SATURATE)


def left_by_terms(x: Array, terms: tuple[QuantizedArray, ...]) -> Array:
    """Return x less element times scale of each term in binary64; JAX needs x64 for it."""
    xp = backend.namespace(x)
    left = bit_patterns.to_float64(bit_patterns.as_pattern(x))
    unknown = xp.zeros(x.shape, bool)
    for term in terms:
        # Products of elements and binary32 numbers are exact, fused with the difference or not.
        scale = term.column(term.scales())
        known = ~xp.isnan(scale)
        element = term.rows(element_numbers.decode_scaled(term.codes, 0, term.format.element))
        factors = [bit_patterns.to_float64(v.view(xp.int32)) for v in (element, scale)]
        product = xp.where(known, factors[0] * factors[1], 0.0)
        left = left - block_rows.join(product, term.shape, term.axis)
        every = xp.broadcast_to(~known, element.shape)
        unknown = unknown | block_rows.join(every, term.shape, term.axis)
    return xp.where(unknown, np.nan, left)

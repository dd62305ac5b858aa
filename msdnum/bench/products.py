"""Products that ``msdnum bench gemm`` times: of square matrices, emulated, beside float32 GEMM."""

from collections.abc import Callable
from typing import Any

import numpy as np

from msdnum.emulator import backend
from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import BLACKWELL_MX, EXACT, INT32, SEQUENTIAL, Accumulator, Blocks
from msdnum.formats.blocks import INT4_GROUP, INT8_ROW, MXFP4, MXFP8_E4M3, BlockFormat

__all__ = ["cases", "pair", "references"]

Call = Callable[[], Any]


def references(size: int) -> dict[str, Call]:
    """Return the float32 GEMMs of both backends that ratios are relative to, by backend."""
    import jax

    a, b = _matrices(size)
    on_jax = jax.jit(jax.numpy.matmul)
    x, y = backend.on_jax((a, b))
    return {"numpy": lambda: a @ b, "jax": lambda: on_jax(x, y).block_until_ready()}


def cases(size: int) -> dict[str, Call]:
    """Return what is timed, named ``backend: product``; every callable waits for its result.

    Parameters
    ----------
    size : int
        m = k = n.

    Notes
    -----
    Operands are quantized beforehand. Two passes have two terms on the left.
    """
    int8, mxfp4 = pair(size, INT8_ROW), pair(size, MXFP4)
    mxfp8 = pair(size, MXFP8_E4M3)
    int4 = int8[0], quantize(_matrices(size)[1], INT4_GROUP, axis=-2)
    two = [((a, a), b) for a, b in (int8, int4, mxfp4)]
    blocks = Blocks(32, EXACT)
    products: list[tuple[str, tuple[Any, Any], Accumulator]] = [
        ("INT8 x INT8, exact", int8, INT32),
        ("INT8x2 x INT8, exact", two[0], INT32),
        ("INT8 x INT4 per group, exact", int4, INT32),
        ("INT8x2 x INT4 per group, exact", two[1], INT32),
        ("MXFP4 x MXFP4, float32 across blocks", mxfp4, blocks),
        ("MXFP4x2 x MXFP4, float32 across blocks", two[2], blocks),
        ("MXFP8 x MXFP8, sequential float32", mxfp8, SEQUENTIAL),
        ("MXFP8 x MXFP8, matrix unit", mxfp8, BLACKWELL_MX),
    ]
    slow = ("MXFP8 x MXFP8, sequential float32", "MXFP8 x MXFP8, matrix unit")
    named = {"jax: float32": references(size)["jax"]}
    for name, operands, accumulator in products:
        named[f"jax: {name}"] = _product(backend.on_jax(operands), accumulator)
    for name, operands, accumulator in products:
        if name not in slow:
            named[f"numpy: {name}"] = _product(operands, accumulator)
    return named


def _product(operands: Any, accumulator: Accumulator) -> Call:
    def run() -> Any:
        result = matmul(*operands, accumulator=accumulator)
        return result if isinstance(result, np.ndarray) else result.block_until_ready()

    return run


def _matrices(size: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size), np.float32) for _ in range(2))
    return a, b


def pair(size: int, fmt: BlockFormat) -> tuple[QuantizedArray, QuantizedArray]:
    """Return two square standard normal matrices, each quantized along k."""
    a, b = _matrices(size)
    return quantize(a, fmt), quantize(b, fmt, axis=-2)

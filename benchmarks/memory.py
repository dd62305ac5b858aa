"""Peak memory of one emulated product beside its operands and result.

    python benchmarks/memory.py [SIZE [CASE]]

Each run is a process of its own: the peak of a process does not go down again. Cases: int8, mxfp4.
"""

import resource
import sys
import time

import jax
import numpy as np

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.products import matmul
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.accumulators import EXACT, INT32, Blocks
from msdnum.formats.blocks import INT8_ROW, MXFP4

CASES = {"int8": (INT8_ROW, INT32), "mxfp4": (MXFP4, Blocks(32, EXACT))}


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def filled(fmt, size, axis):
    """Return a square matrix on JAX, one line of it quantized and repeated: there is no float32."""
    rng = np.random.default_rng(0)
    line = rng.standard_normal((size, 1) if axis == -2 else (1, size), np.float32)
    one = quantize(line, fmt, axis=axis)
    codes, scales = (np.repeat(v, size, axis=-3 - axis) for v in (one.codes, one.scale_codes))
    square = QuantizedArray(codes, scales, None, one.format, axis)
    return jax.tree.map(jax.numpy.asarray, square)


def main(size=2048, case="int8"):
    fmt, accumulator = CASES[case]
    tiny = [filled(fmt, 64, axis) for axis in (-1, -2)]
    matmul(*tiny, accumulator=accumulator).block_until_ready()
    a, b = (filled(fmt, size, axis) for axis in (-1, -2))
    before = peak()
    start = time.perf_counter()
    result = matmul(a, b, accumulator=accumulator).block_until_ready()
    seconds = time.perf_counter() - start
    held = (a.codes.nbytes + b.codes.nbytes + result.nbytes) / 2**20
    print(
        f"{case} {size}^3: {seconds:.1f} s with compiling; operands and result {held:.0f} MiB, "
        f"peak over what was there {peak() - before:.0f} MiB, of the process {peak():.0f} MiB"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:3])

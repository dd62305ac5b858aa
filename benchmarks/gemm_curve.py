"""Show that emulated GEMM costs as m * k * n and as the number of terms.

`python benchmarks/gemm_curve.py` prints nanoseconds per product and term, which tend to a constant.
"""

import time

import jax

from msdnum.bench.products import pair
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import BLACKWELL_MX, EXACT, INT32, Blocks
from msdnum.formats.blocks import INT8_ROW, MXFP4

SIZES = (256, 512, 1024, 2048)
CASES = (("INT8", INT8_ROW, INT32), ("MXFP4", MXFP4, Blocks(32, EXACT)),
         ("MXFP4", MXFP4, BLACKWELL_MX))  # fmt: skip


def fastest(function, repeats=3):
    function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    print(f"{'format':8}{'accumulator':18}{'terms':>6}" + "".join(f"{n:>9}" for n in SIZES))
    for name, fmt, accumulator in CASES:
        for terms in (1, 2, 3):
            cells = []
            for size in SIZES:
                a, b = jax.tree.map(jax.numpy.asarray, pair(size, fmt))
                left = (a,) * terms
                seconds = fastest(
                    lambda a=left, b=b, accumulator=accumulator: matmul(
                        a, b, accumulator=accumulator
                    ).block_until_ready()
                )
                cells.append(f"{1e9 * seconds / (terms * size**3):9.4f}")
            print(f"{name:8}{accumulator.name:18}{terms:>6}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()

"""Time emulated GEMM against the float32 GEMM of the same backend: `python benchmarks/gemm.py`.

Each case is timed alternately with its reference, so that a noisy machine disturbs both.
"""

import sys
import time
from statistics import median

from msdnum.bench.products import cases, references


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main(size=2048, repeats=5, only=""):
    baseline = references(size)
    print(f"m = k = n = {size}, medians of {repeats}; ratio: speed relative to float32 GEMM")
    for name, run in cases(size).items():
        if only not in name:
            continue
        reference = baseline[name.split(":")[0]]
        run(), reference()
        pairs = [(seconds(run), seconds(reference)) for _ in range(repeats)]
        ratio = median(r / t for t, r in pairs)
        print(f"{name:52} {median(t for t, _ in pairs):8.3f} s  {ratio:6.2f}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), *sys.argv[3:4])

"""VDPBF16PS of this processor beside its model X86_BF16: bits, not times.

    python benchmarks/x86_bf16.py [COUNT]

Needs a C compiler and a processor with AVX512_BF16. The inner products are those of ``msdnum
units``: mixed exponents, cancellation, subnormal numbers, any patterns, the bottom of the range,
overflow, zeros; of one instruction and of three, from zero and from a c.
"""

import ctypes
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from msdnum.conformance.unit_dots import DotSetting, UnitDots, drawn, expected_of
from msdnum.formats.elements import BF16

SOURCE = """
#include <immintrin.h>
void chains(long rows, long pairs, const int *a, const int *b, float *c) {
  for (long i = 0; i < rows; i += 16) {
    __m512 sum = _mm512_loadu_ps(c + i);
    for (long p = 0; p < pairs; p++)
      sum = _mm512_dpbf16_ps(sum, (__m512bh)_mm512_loadu_si512(a + p * rows + i),
                             (__m512bh)_mm512_loadu_si512(b + p * rows + i));
    _mm512_storeu_ps(c + i, sum);
  }
}
"""
SETTING = DotSetting("X86_BF16", BF16, BF16)


@cache
def instruction():
    """Return the function of C, compiled."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "chains.c"), Path(folder, "chains.so")
        source.write_text(SOURCE, encoding="utf-8")
        options = ["-O2", "-mavx512f", "-mavx512bf16", "-shared", "-fPIC"]
        subprocess.run(["cc", *options, str(source), "-o", str(library)], check=True)
        return ctypes.CDLL(str(library)).chains


def on_processor(a, b, c):
    """Return inner products of BF16 codes (rows, k), k even, from c, sixteen at a time."""
    rows, k = a.shape
    missing = -rows % 16
    pairs = [
        np.pad(x.astype(np.uint16), ((0, missing), (0, 0))).view(np.uint32).T.copy()
        for x in (a, b)
    ]  # fmt: skip
    found = np.pad(c, (0, missing))
    pointers = [ctypes.c_void_p(x.ctypes.data) for x in (*pairs, found)]
    instruction()(ctypes.c_long(rows + missing), ctypes.c_long(k // 2), *pointers)
    return found[:rows]


def compared(count):
    """Return how many have the same bits, of how many, and the first of each topic that has not."""
    total = equal = 0
    first = []
    for dots in drawn(SETTING, count, 0):
        a, b = (np.pad(x, ((0, 0), (0, x.shape[1] % 2))) for x in dots.codes)
        here = on_processor(a, b, dots.c)
        there = expected_of(SETTING, UnitDots(dots.topic, (a, b), None, dots.c))
        same = here.view(np.uint32) == there.view(np.uint32)
        same |= np.isnan(here) & np.isnan(there)
        total, equal = total + len(same), equal + int(same.sum())
        if not same.all():
            row = int(same.argmin())
            first.append((dots.topic, a[row].tolist(), b[row].tolist(), dots.c[row], here[row]))
    return equal, total, first


if __name__ == "__main__":
    equal, total, first = compared(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
    print(f"{equal:,} of {total:,} inner products have the same bits")
    for difference in first:
        print(*difference)

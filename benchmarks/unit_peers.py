"""Products by matrix units: this package beside MMA-Sim, each in its own process or environment.

    python benchmarks/unit_peers.py [SIZE [ROUNDS]]

Whichever of JAX and mmasim is installed is timed, in GF/s: of processor time, on as many cores as
there are, so that other load on the machine does not enter. Where both are, bits are compared.
"""

import os
import sys
import time

import ml_dtypes
import numpy as np

from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import AMPERE, CDNA3, HOPPER

UNITS = {
    "HOPPER": (HOPPER, "nv_ptx", "WGMMA", ("Hopper", "m64n8k16.f32.bf16.bf16")),
    "AMPERE": (AMPERE, "nv_ptx", "MMA", ("Ampere", "m16n8k16.f32.bf16.bf16.f32")),
    "CDNA3": (CDNA3, "amd", "MFMA", ("CDNA3", "f32_16x16x16_bf16")),
}


def of_msdnum(a, b, unit):
    return lambda: np.asarray(matmul(a, b, accumulator=unit))


def of_msdnum_on_jax(a, b, unit):
    import jax

    x, y = jax.numpy.asarray(a), jax.numpy.asarray(b)
    return lambda: np.asarray(matmul(x, y, accumulator=unit))


def of_mmasim(a, b, module, kind, arguments):
    import torch

    made = getattr(__import__(f"mmasim.{module}", fromlist=[kind]), kind)(*arguments)
    x, y = (torch.from_numpy(v.view(np.int16).copy()).view(torch.bfloat16) for v in (a, b))
    m, n = len(a), b.shape[1]
    rows, columns = x[:, None, :].expand(-1, n, -1), y.T[None].expand(m, -1, -1)
    return lambda: made.dpa(rows, columns, torch.zeros(m, n)).numpy()


def seconds(call):
    """Return the processor time of one call over the number of cores, and what it gives."""
    start = time.process_time()
    found = call()
    return (time.process_time() - start) / os.cpu_count(), found


def main(size=256, rounds=3):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size)).astype(ml_dtypes.bfloat16) for _ in "ab")
    print(f"{size}^3, fastest of {rounds}, GF/s of processor time on {os.cpu_count()} cores")
    for name, (unit, module, kind, arguments) in UNITS.items():
        calls = {
            "msdnum, NumPy": (of_msdnum, (a, b, unit)),
            "msdnum, JAX": (of_msdnum_on_jax, (a, b, unit)),
            "MMA-Sim": (of_mmasim, (a, b, module, kind, arguments)),
        }
        results = []
        for peer, (make, given) in calls.items():
            try:
                call = make(*given)
            except ImportError as error:
                print(f"{name:8}{peer:16}skipped, {error}")
                continue
            call()
            best = min((seconds(call) for _ in range(rounds)), key=lambda lap: lap[0])
            results.append(best[1])
            print(f"{name:8}{peer:16}{2 * size**3 / best[0] / 1e9:10.4f}", flush=True)
        print(f"{name:8}same bits: {all((results[0] == x).all() for x in results)}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

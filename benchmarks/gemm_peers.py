"""Products of quantized matrices: this package beside what users would pick instead.

    python benchmarks/gemm_peers.py [SIZE [ROUNDS]]

Operands are quantized beforehand. All cases run in turn, every round; the fastest of each counts,
beside XLA's float32 product. A peer that is not installed is named and skipped. Of INT8 the bits
are compared; torchao's MXFP4 product has an order of accumulation of its own.
"""

import sys
import time
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from msdnum.emulator.blocks import quantize
from msdnum.emulator.gemm.exact_sums import integer_dot
from msdnum.emulator.gemm.operands import kind
from msdnum.emulator.gemm.products import matmul
from msdnum.formats.accumulators import EXACT, INT32, Blocks
from msdnum.formats.blocks import INT8_ROW, MXFP4


def float32(x, y):
    dot, a, b = jax.jit(jnp.matmul), jnp.asarray(x), jnp.asarray(y)
    return {"XLA float32": lambda: dot(a, b).block_until_ready()}


def int8_sums(a, b):
    """Return what gives the int32 sums, without scales."""
    x, y = a.integers(), b.integers()
    dot = jax.jit(partial(jnp.matmul, preferred_element_type=jnp.int32))
    on_jax = jnp.asarray(x), jnp.asarray(y)
    kinds = kind(a, -1, "a"), kind(b, -2, "b")
    return {
        "INT8 sums: XLA": lambda: dot(*on_jax).block_until_ready(),
        "INT8 sums: msdnum, NumPy": lambda: integer_dot(x, y, kinds, INT32),
        **optional(torch_sums, x, y),
    }


def torch_sums(x, y):
    import torch

    left, right = torch.from_numpy(x.copy()), torch.from_numpy(y.copy())
    return {f"INT8 sums: torch {torch.__version__}": lambda: torch._int_mm(left, right).numpy()}


def torchao_product(x, y):
    import torch
    from torchao.prototype.mx_formats.mx_tensor import MXTensor

    a, b = (
        MXTensor.to_mx(torch.from_numpy(v.copy()), torch.float4_e2m1fn_x2, 32) for v in (x, y.T)
    )
    return {"MXFP4: torchao": lambda: a @ b.t()}


def optional(prepare, *operands):
    try:
        return prepare(*operands)
    except ImportError as error:
        print(f"{prepare.__name__}: skipped, {error}")
        return {}


def products(name, a, b, accumulator):
    on_jax = jax.tree.map(jnp.asarray, (a, b))
    return {
        f"{name}: msdnum, JAX": lambda: matmul(
            *on_jax, accumulator=accumulator
        ).block_until_ready(),
        f"{name}: msdnum, NumPy": lambda: matmul(a, b, accumulator=accumulator),
    }


def seconds(call):
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main(size=2048, rounds=7):
    x, y = (np.random.default_rng(i).standard_normal((size, size), np.float32) for i in (0, 1))
    int8, mxfp4 = ((quantize(x, fmt), quantize(y, fmt, axis=-2)) for fmt in (INT8_ROW, MXFP4))
    sums = int8_sums(*int8)
    first, *others = (np.asarray(call()) for call in sums.values())
    print(f"INT8 sums have the same bits: {all((first == other).all() for other in others)}")
    cases = {
        **float32(x, y),
        **sums,
        **products("INT8", *int8, INT32),
        **products("MXFP4", *mxfp4, Blocks(32, EXACT)),
        **optional(torchao_product, x, y),
    }
    laps = [{name: seconds(call) for name, call in cases.items()} for _ in range(rounds + 1)]
    best = {name: min(lap[name] for lap in laps[1:]) for name in cases}
    print(f"m = k = n = {size}, fastest of {rounds}; speed relative to XLA float32")
    for name, time_ in best.items():
        print(f"{name:34} {time_:8.3f} s {best['XLA float32'] / time_:6.2f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

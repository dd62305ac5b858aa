"""MXFP4 quantize and dequantize: this package beside what users would pick instead.

    python benchmarks/peers.py [--size N] [--rounds N]

A peer that is not installed is named and skipped. The peers follow rules of their own at the ends
of the range and choose other scales than ours; what is compared here is time.
"""

import argparse
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

from msdnum.bench.quantization import TimedCase, measure, operand, reference_cases, table
from msdnum.cli.sweep import positive
from msdnum.emulator.blocks import quantize
from msdnum.formats.blocks import MXFP4

BLOCK = 32


def round_trip(x: Any) -> Any:
    return quantize(x, MXFP4).dequantize()


def ours_jit(x: Any) -> Callable[[], Any]:
    return _jitted(round_trip, x)


def ours_numpy(x: Any) -> Callable[[], Any]:
    return lambda: round_trip(x)


def _scaled(x: Any) -> tuple[Any, Any]:
    """Divide blocks by OCP's scale, by the usual recipe (no zero blocks, no ends of the range)."""
    rows = x.reshape(-1, BLOCK)
    exponent = np.frexp(np.abs(rows).max(axis=-1, keepdims=True))[1] - 1 - 2
    return np.ldexp(rows, -exponent), exponent


def ml_dtypes_recipe(x: Any) -> Callable[[], Any]:
    def call() -> Any:
        scaled, exponent = _scaled(x)
        elements = np.clip(scaled, -6, 6).astype(ml_dtypes.float4_e2m1fn)
        return np.ldexp(elements.astype(np.float32), exponent).reshape(x.shape)

    return call


def microxcaling_style(x: Any) -> Callable[[], Any]:
    """Time microxcaling's way, element exponents from float log2, written with NumPy."""

    def call() -> Any:
        scaled, exponent = _scaled(x)
        magnitude = np.abs(scaled)
        private = np.maximum(np.floor(np.log2(magnitude + (magnitude == 0))), 0)
        step = np.exp2(private - 1)
        rounded = np.sign(scaled) * np.floor(magnitude / step + 0.5) * step
        return np.ldexp(np.clip(rounded, -6, 6), exponent).reshape(x.shape)

    return call


def qwix_jit(x: Any) -> Callable[[], Any]:
    import qwix

    return _jitted(lambda v: qwix.dequantize(qwix.quantize(v, "mxfp4", tiled_axes={1: BLOCK})), x)


def gfloat_elements(x: Any) -> Callable[[], Any]:
    import gfloat
    from gfloat.formats import format_info_ocp_e2m1

    def call() -> Any:
        scaled, exponent = _scaled(x)
        return np.ldexp(gfloat.round_ndarray(format_info_ocp_e2m1, scaled, sat=True), exponent)

    return call


def torchao_eager(x: Any) -> Callable[[], Any]:
    import torch
    from torchao.prototype.mx_formats.mx_tensor import MXTensor

    tensor = torch.from_numpy(np.array(x))

    def call() -> Any:
        return MXTensor.to_mx(tensor, torch.float4_e2m1fn_x2, BLOCK).dequantize(torch.float32)

    return call


def _jitted(function: Callable[[Any], Any], x: Any) -> Callable[[], Any]:
    compiled, argument = jax.jit(function), jnp.asarray(x)
    return lambda: jax.block_until_ready(compiled(argument))


PEERS = {
    ("msdnum", "JAX jit"): ours_jit,
    ("msdnum", "NumPy"): ours_numpy,
    ("ml_dtypes recipe", "NumPy"): ml_dtypes_recipe,
    ("microxcaling style", "NumPy"): microxcaling_style,
    ("qwix", "JAX jit"): qwix_jit,
    ("torchao", "torch eager"): torchao_eager,
    ("gfloat elements", "NumPy"): gfloat_elements,
}


def cases(x: Any) -> list[TimedCase]:
    found = []
    for (name, backend), prepare in PEERS.items():
        try:
            found.append(TimedCase(name, backend, prepare(x)))
        except ImportError as error:
            print(f"{name}: skipped, {error}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Time MXFP4 quantize-dequantize beside its peers.")
    parser.add_argument("--size", type=positive, default=4096, help="rows and columns (4096)")
    parser.add_argument("--rounds", type=positive, default=5, help="times each case is run (5)")
    args = parser.parse_args()
    memcpy = reference_cases(args.size)[:1]
    timings = measure([*memcpy, *cases(operand(args.size))], args.rounds)
    print(f"MXFP4 there and back, {args.size} x {args.size} float32, median of {args.rounds}")
    print(table(timings, timings[0]))


if __name__ == "__main__":
    main()

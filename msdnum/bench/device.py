"""Times on JAX's own device, beside what the cost model says of it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from msdnum.cost.latency import Scenario
from msdnum.cost.machines import MACHINES, Machine, Route
from msdnum.cost.work import Dequantize, MultiScale, Plan, operand
from msdnum.cost.workloads import Gemm
from msdnum.experiments.experiment import SEED
from msdnum.experiments.tables import Record
from msdnum.formats.elements import E4M3, INT8_SYMMETRIC

__all__ = ["LAYERS", "ROWS", "Layer", "machine_of", "measured", "methods"]

Call = Callable[[], Any]


@dataclass(frozen=True)
class Layer:
    """A linear layer: k inputs, n outputs."""

    name: str
    k: int
    n: int


LAYERS = (
    Layer("MiniLM ffn1", 384, 1536),
    Layer("8B attention", 4096, 4096),
    Layer("8B ffn", 4096, 14336),
    Layer("70B attention", 8192, 8192),
    Layer("70B ffn", 8192, 28672),
)


ROWS = tuple(2**i for i in range(13))
"""Batch, 1 to 4096."""


QUICK_ROWS = (1, 16)


_INT8, _FP8 = operand(INT8_SYMMETRIC), operand(E4M3)


MODELS: dict[str, Plan] = {
    "BF16, dequantized through memory": Dequantize(_INT8, Route.HBM),
    "BF16, dequantized as XLA fuses it": Dequantize(_INT8, Route.ON_CHIP),
    "INT8, two products": MultiScale(_INT8, _INT8, 2),
    "INT8, decomposition and two products": MultiScale(_INT8, _INT8, 2),
    "FP8, one product": MultiScale(_FP8, _FP8, 1),
}
"""What the cost model has for a method; it has none for a product alone."""


BASELINE = "BF16, dequantized through memory"


METHODS = ("BF16, the product alone", *MODELS)


def _dot(a: Any, b: Any, total: Any) -> Any:
    import jax

    return jax.lax.dot_general(a, b, (((1,), (0,)), ((), ())), preferred_element_type=total)


def _bf16(x: Any, lifted: Any) -> Any:
    import jax.numpy as jnp

    return _dot(x, lifted, jnp.float32).astype(jnp.bfloat16)


def _lift(codes: Any, scale: Any) -> Any:
    import jax.numpy as jnp

    return (codes.astype(jnp.float32) * scale).astype(jnp.bfloat16)


def _through_memory(x: Any, codes: Any, scale: Any) -> Any:
    import jax

    # The barrier keeps XLA from fusing: the lifted weights exist as an array.
    barrier: Any = jax.lax.optimization_barrier
    return _bf16(x, barrier(_lift(codes, scale)))


def _fused(x: Any, codes: Any, scale: Any) -> Any:
    return _bf16(x, _lift(codes, scale))


def _two_products(first: Any, second: Any, row: Any, codes: Any, scale: Any) -> Any:
    import jax.numpy as jnp

    high, low = (_dot(term, codes, jnp.int32).astype(jnp.float32) for term in (first, second))
    return ((high + low / 254) * row * scale).astype(jnp.bfloat16)


def _decomposed(x: Any, codes: Any, scale: Any) -> Any:
    return _two_products(*_terms(x), codes, scale)


def _terms(x: Any) -> tuple[Any, Any, Any]:
    """Return the two terms of each row and the first scale, in XLA's own arithmetic."""
    import jax.numpy as jnp

    x = x.astype(jnp.float32)
    row = jnp.maximum(jnp.abs(x).max(1, keepdims=True), 2**-126) / 127
    first = jnp.round(x / row)
    second = jnp.clip(jnp.round((x / row - first) * 254), -127, 127)
    return first.astype(jnp.int8), second.astype(jnp.int8), row


def _fp8(x: Any, weight: Any, row: Any, scale: Any) -> Any:
    import jax.numpy as jnp

    return (_dot(x, weight, jnp.float32) * row * scale).astype(jnp.bfloat16)


def _operands(rows: int, layer: Layer, seed: int) -> tuple[Any, Any, Any]:
    """Return activations in BF16, weight codes and the scale of each column, on the device."""
    import jax.numpy as jnp

    rng = np.random.default_rng([seed, rows, layer.k, layer.n])
    x = rng.standard_normal((rows, layer.k), np.float32)
    codes = rng.integers(-127, 128, (layer.k, layer.n), np.int8)
    scale = rng.uniform(1e-3, 1e-2, layer.n).astype(np.float32)
    return jnp.asarray(x, jnp.bfloat16), jnp.asarray(codes), jnp.asarray(scale)


def methods(rows: int, layer: Layer, seed: int = SEED) -> dict[str, Call]:
    """Return what is timed, by name; a call returns what it computes, perhaps before it is there.

    Parameters
    ----------
    rows : int
        m.
    layer : Layer
        k and n.
    seed : int
        Of the operands.

    Returns
    -------
    dict of str to callable
        Every one gives (rows, n), in BF16; of the FP8 product the weight's codes are rounded.
    """
    import jax
    import jax.numpy as jnp

    x, codes, scale = _operands(rows, layer, seed)
    lifted = _lift(codes, scale)
    first, second, row = _terms(x)
    eight = [v.astype(jnp.float8_e4m3fn) for v in (x, codes)]
    timed: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
        "BF16, the product alone": (_bf16, (x, lifted)),
        "BF16, dequantized through memory": (_through_memory, (x, codes, scale)),
        "BF16, dequantized as XLA fuses it": (_fused, (x, codes, scale)),
        "INT8, two products": (_two_products, (first, second, row, codes, scale)),
        "INT8, decomposition and two products": (_decomposed, (x, codes, scale)),
        "FP8, one product": (_fp8, (*eight, row, scale)),
    }
    return {name: partial(jax.jit(function), *given) for name, (function, given) in timed.items()}


LAP = 0.02
"""Seconds that a lap takes, in as many calls as that needs: one may take microseconds."""


def measured(layers: tuple[Layer, ...], rows: tuple[int, ...], rounds: int) -> Iterator[Record]:
    """Yield the median time of each method for each layer and number of rows.

    ``over_baseline`` is the time over that of BF16 with weights dequantized through memory, and
    ``model_over_baseline`` what the cost model (pipelined, at peak rates) has in its place: empty
    where the machine is not in ``machines`` or the model has no such method.
    """
    machine = machine_of(device_kind())
    for layer in layers:
        for m in rows:
            calls = methods(m, layer)
            counts = {name: _calls_in_a_lap(call) for name, call in calls.items()}
            laps = [{n: _lap(call, counts[n]) for n, call in calls.items()} for _ in range(rounds)]
            seconds = {name: median(lap[name] for lap in laps) for name in calls}
            for name in calls:
                yield {
                    "layer": layer.name, "m": m, "k": layer.k, "n": layer.n, "method": name,
                    "seconds": seconds[name],
                    "over_baseline": seconds[name] / seconds[BASELINE],
                    "model_over_baseline": _model(machine, Gemm(m, layer.k, layer.n), name),
                }  # fmt: skip


def _calls_in_a_lap(call: Call) -> int:
    _lap(call, 1)  # compiles
    return max(1, round(LAP / _lap(call, 1)))


def _lap(call: Call, count: int) -> float:
    """Return the seconds of one call out of ``count`` in a row."""
    import jax

    wait: Callable[[Any], Any] = jax.block_until_ready
    start = time.perf_counter()
    wait([call() for _ in range(count)])
    return (time.perf_counter() - start) / count


def _model(machine: Machine | None, gemm: Gemm, name: str) -> float | str:
    if machine is None or name not in MODELS:
        return ""
    method, baseline = (Scenario(machine, gemm, MODELS[n]).latency for n in (name, BASELINE))
    return float(method / baseline)


def device_kind() -> str:
    """Return what JAX calls its default device."""
    import jax

    return str(jax.devices()[0].device_kind)


def machine_of(kind: str) -> Machine | None:
    """Return the machine whose name, without its socket, is a word of the device's, or None."""
    named = ((machine.name.removesuffix(" SXM"), machine) for machine in MACHINES.values())
    return next((machine for name, machine in named if name in kind.split()), None)

"""Times on JAX's own device, beside what the cost model says of it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
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

__all__ = [
    "LAYER_SHAPES", "ROWS", "Layer", "machine_of", "measured", "methods", "products_in_turn",
]  # fmt: skip

Call = Callable[[], Any]
Operands = tuple[Any, ...]


@dataclass(frozen=True)
class Layer:
    """A linear layer: k inputs, n outputs."""

    name: str
    k: int
    n: int


LAYER_SHAPES = (
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


def _timed(x: Any, codes: Any, scale: Any) -> dict[str, tuple[Callable[..., Any], Operands]]:
    """Return each method and what it is given: everything that is no part of it is done here."""
    import jax.numpy as jnp

    lifted = _lift(codes, scale)
    first, second, row = _terms(x)
    eight = [v.astype(jnp.float8_e4m3fn) for v in (x, codes)]
    return {
        "BF16, the product alone": (_bf16, (x, lifted)),
        "BF16, dequantized through memory": (_through_memory, (x, codes, scale)),
        "BF16, dequantized as XLA fuses it": (_fused, (x, codes, scale)),
        "INT8, two products": (_two_products, (first, second, row, codes, scale)),
        "INT8, decomposition and two products": (_decomposed, (x, codes, scale)),
        "FP8, one product": (_fp8, (*eight, row, scale)),
    }


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

    timed = _timed(*_operands(rows, layer, seed))
    return {name: partial(jax.jit(function), *given) for name, (function, given) in timed.items()}


def products_in_turn(rows: int, layer: Layer, sets: int, count: int) -> dict[str, Call]:
    """Return calls of ``count`` products each, one after another, with so many weights in turn.

    One set is the same weights each time, which a cache may hold; several together are more than
    it does. A call is one launch of one program, so that what Python takes is in no product's time.

    Parameters
    ----------
    rows : int
        m.
    layer : Layer
        k and n.
    sets : int
        Weights of their own; they divide ``count``.
    count : int
        Products in a call.
    """
    import jax
    import jax.numpy as jnp

    x, codes, scale = _operands(rows, layer, SEED)
    given = [_timed(x, jnp.roll(codes, i, 0), scale) for i in range(sets)]

    def compiled(name: str) -> Call:
        function = given[0][name][0]
        operands = [each[name][1] for each in given] * (count // sets)
        program = jax.jit(_one_after_another(function))
        return partial(program.lower(operands).compile(), operands)

    with ThreadPoolExecutor() as pool:
        return dict(zip(METHODS, pool.map(compiled, METHODS), strict=True))


def _one_after_another(function: Callable[..., Any]) -> Callable[[list[Operands]], list[Any]]:
    """Return a function of many operands whose results cannot be had side by side, nor once."""
    import jax

    # Behind a barrier XLA takes equal weights for others, and waits for the result before.
    barrier: Any = jax.lax.optimization_barrier

    def run(operands: list[Operands]) -> list[Any]:
        found = [function(*operands[0])]
        for given in operands[1:]:
            inputs, _ = barrier((given, found[-1]))
            found.append(function(*inputs))
        return found

    return run


LAP = 0.02
"""Seconds that a lap takes, in as many calls as that needs: one may take microseconds."""
BEYOND_A_CACHE = 2**28
"""Bytes of INT8 weights that no cache of today holds."""
MOST = 16
"""Products in a call."""


def _products(layer: Layer) -> int:
    """Return how many products a call has: so many that their weights leave the cache."""
    return min(MOST, -(-BEYOND_A_CACHE // (layer.k * layer.n)))


def measured(layers: tuple[Layer, ...], rows: tuple[int, ...], rounds: int) -> Iterator[Record]:
    """Yield the median time of each method for each layer and number of rows.

    ``weight_sets`` is how many weights took turns: 1, which a cache may hold, and as many as fill
    256 MiB, at most 16 (two, if one is as large). ``over_baseline`` is the time over that of BF16
    with weights dequantized through memory, and ``model_over_baseline`` what the cost model
    (pipelined, at peak rates) has in its place: empty where the machine is not in ``machines`` or
    the model has no such method.
    """
    machine = machine_of(device_kind())
    for layer in layers:
        count = max(2, _products(layer))
        for m, sets in product(rows, (1, count)):
            calls = products_in_turn(m, layer, sets, count)
            counts = {name: _calls_in_a_lap(call) for name, call in calls.items()}
            laps = [{n: _lap(call, counts[n]) for n, call in calls.items()} for _ in range(rounds)]
            seconds = {name: median(lap[name] for lap in laps) / count for name in calls}
            for name in calls:
                yield {
                    "layer": layer.name, "m": m, "k": layer.k, "n": layer.n, "weight_sets": sets,
                    "method": name,
                    "seconds": seconds[name],
                    "over_baseline": seconds[name] / seconds[BASELINE],
                    "model_over_baseline": _model(machine, Gemm(m, layer.k, layer.n), name),
                }  # fmt: skip


def _calls_in_a_lap(call: Call) -> int:
    _lap(call, 1)
    return max(1, round(LAP / _lap(call, 1)))


def _lap(call: Call, count: int) -> float:
    """Return the seconds of one call out of ``count`` in a row."""
    import jax

    wait: Callable[[Any], Any] = jax.block_until_ready
    start = time.perf_counter()
    for _ in range(count - 1):
        call()
    wait(call())
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

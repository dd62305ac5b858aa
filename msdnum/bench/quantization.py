"""Times of what this package does, beside memcpy and sgemm of the same run. Nothing is asserted.

Times differ between machines and between minutes; ratios to what every machine can do, measured in
the same process and the same rounds, differ less. Every round runs every case once, so that a
disturbance meets all of them; the median over the rounds is reported.
"""

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from msdnum._versions import versions_of
from msdnum.display.text import aligned, widths_of
from msdnum.emulator.blocks import quantize
from msdnum.emulator.compiled_rows import is_installed, use_numba
from msdnum.emulator.decompositions import decompose_terms
from msdnum.emulator.quantized_arrays import QuantizedArray
from msdnum.formats.blocks import MXFP4, MXFP8_E4M3, BlockFormat
from msdnum.formats.schemes import INT8_X2_FLOAT32, MXFP4_X2, Scheme

__all__ = [
    "SUITES", "Suite", "TimedCase", "Timing", "gemm_cases", "measure", "quantize_cases",
    "reference_cases", "table",
]  # fmt: skip

SEED = 20260513


IDLE = 0.1
"""Seconds before each lap: the threads of a BLAS go on spinning for a while after their work."""


@dataclass(frozen=True)
class TimedCase:
    """Something to be timed.

    Parameters
    ----------
    name : str
        What is done.
    backend : str
        What does it.
    call : callable
        Does it once and returns when it is done.
    goal : float, optional
        The time to stay within, over that of the unit of its suite.
    moved : int, optional
        The bytes that it cannot but read or write, where these bound its time.
    operations : int, optional
        Products and additions, of a product of matrices.
    """

    name: str
    backend: str
    call: Callable[[], object]
    goal: float | None = None
    moved: int | None = None
    operations: int | None = None

    def floor(self, reference: "TimedCase") -> float | None:
        """Return the bytes over those of another case: its time at that one's bandwidth."""
        return self.moved / reference.moved if self.moved and reference.moved else None


@dataclass(frozen=True)
class Timing:
    """Times of a case, in seconds.

    Parameters
    ----------
    case : TimedCase
        What was timed.
    seconds : float
        Elapsed, the median over the rounds.
    processor : float
        Of all threads of the process, the least of the rounds: what others do on the machine moves
        it less.
    """

    case: TimedCase
    seconds: float
    processor: float

    def over(self, reference: "Timing") -> float:
        """Return the time over that of another case; of products, for as many operations."""
        done, there = self.case.operations, reference.case.operations
        share = there / done if done and there else 1.0
        return share * self.seconds / reference.seconds

    @property
    def gigaflops(self) -> float | None:
        """Operations in a nanosecond, of a product of matrices."""
        return self.case.operations / self.seconds / 1e9 if self.case.operations else None


@dataclass(frozen=True)
class Suite:
    """Cases for square float32 operands, their usual size, and the unit of the ratios."""

    cases: Callable[[int], Sequence[TimedCase]]
    size: int
    unit: str


def measure(cases: Sequence[TimedCase], rounds: int) -> list[Timing]:
    """Return the times of each case over ``rounds`` rounds."""
    laps = [[_lap(case) for case in cases] for _ in range(rounds)]
    return [
        _timing(case, taken) for case, taken in zip(cases, zip(*laps, strict=True), strict=True)
    ]


def _lap(case: TimedCase) -> tuple[float, float]:
    """Return the seconds that a call takes, and those of processors.

    It is the second of two: the first compiles, and takes the pages that others have given back.
    """
    case.call()
    time.sleep(IDLE)
    start, before = time.perf_counter(), time.process_time()
    case.call()
    return time.perf_counter() - start, time.process_time() - before


def _timing(case: TimedCase, laps: Sequence[tuple[float, float]]) -> Timing:
    elapsed, processor = zip(*laps, strict=True)
    return Timing(case, median(elapsed), min(processor))


def operand(size: int) -> NDArray[np.float32]:
    """Return a standard normal matrix of ``size`` by ``size``."""
    return np.random.default_rng(SEED).standard_normal((size, size), np.float32)


def reference_cases(size: int) -> list[TimedCase]:
    """Return memcpy of a square float32 matrix into memory in use, and its product with itself."""
    x = operand(size)
    copy, product = x.copy(), x.copy()
    return [
        TimedCase("memcpy", "NumPy", lambda: np.copyto(copy, x), moved=2 * x.nbytes),
        TimedCase(
            "sgemm", "NumPy", lambda: np.matmul(x, x, out=product), operations=_operations(size)
        ),
    ]


def _operations(size: int) -> int:
    return 2 * size**3


def quantize_cases(size: int) -> list[TimedCase]:
    """Return block quantization, decomposition and dequantization on JAX jit and on NumPy.

    On NumPy twice, if numba is installed: with its kernels, and without them. ``x + 1`` in JAX is
    what a new float32 array costs there, page faults included. The peer everybody has is the plain
    cast of ``ml_dtypes``: no scales, no blocks.
    """
    x = operand(size)
    return [
        *_allocating(x),
        *_each_backend("MXFP4 quantize", _quantizer(MXFP4), x, (1.6, 8, 0.8)),
        *_each_backend("MXFP8 quantize", _quantizer(MXFP8_E4M3), x, (1.6, 8, 0.8)),
        *_each_backend("MXFP4 x2 terms", _decomposer(MXFP4_X2), x, (3.5, 22, 1.3)),
        *_each_backend("INT8 x2 terms, float32", _decomposer(INT8_X2_FLOAT32), x, (12, 12, 1.1)),
        *_each_backend(
            "MXFP4 dequantize", QuantizedArray.dequantize, _quantizer(MXFP4)(x), (None, 4.5, 0.7)
        ),
        *(_cast(x, peer) for peer in PEERS),
    ]


PEERS = ml_dtypes.float4_e2m1fn, ml_dtypes.float8_e4m3fn, ml_dtypes.bfloat16


def _cast(x: NDArray[np.float32], peer: Any) -> TimedCase:
    moved, name = x.nbytes + x.size * np.dtype(peer).itemsize, f"cast to {np.dtype(peer).name}"
    return TimedCase(name, "ml_dtypes", partial(x.astype, peer), moved=moved)


def _allocating(x: NDArray[np.float32]) -> list[TimedCase]:
    import jax

    compiled, argument = jax.jit(lambda v: v + 1), jax.numpy.asarray(x)
    wait: Callable[[Any], Any] = jax.block_until_ready
    return [TimedCase("x + 1", "JAX jit", lambda: wait(compiled(argument)), moved=2 * x.nbytes)]


Goals = tuple[float | None, float | None, float | None]
"""On JAX, on NumPy and on NumPy with numba."""


def _each_backend(
    name: str, function: Callable[[Any], Any], argument: Any, goals: Goals
) -> list[TimedCase]:
    import jax

    compiled, on_jax = jax.jit(function), jax.tree.map(jax.numpy.asarray, argument)
    wait: Callable[[Any], Any] = jax.block_until_ready
    moved = sum(v.nbytes for v in jax.tree.leaves((argument, function(argument))))
    cases = [
        TimedCase(name, "JAX jit", lambda: wait(compiled(on_jax)), goals[0], moved),
        TimedCase(name, "NumPy", partial(_on_numpy, function, argument, False), goals[1], moved),
    ]
    if is_installed():
        call = partial(_on_numpy, function, argument, True)
        cases.append(TimedCase(name, "NumPy, numba", call, goals[2], moved))
    return cases


def _on_numpy(function: Callable[[Any], Any], argument: Any, numba: bool) -> Any:
    with use_numba(numba):
        return function(argument)


def _quantizer(fmt: BlockFormat) -> Callable[[Any], QuantizedArray]:
    return lambda x: quantize(x, fmt)


def _decomposer(scheme: Scheme) -> Callable[[Any], tuple[QuantizedArray, ...]]:
    return lambda x: decompose_terms(x, scheme)


def gemm_cases(size: int) -> list[TimedCase]:
    """Return the emulated products of ``bench.products``, JAX's own in float32, and all units.

    Products by units are of 1024 rows and columns at most; two passes count as two products.
    """
    import jax  # noqa: F401  Before any quantized array is made, so that it is a pytree.

    from msdnum.bench import products, unit_products

    calls = products.cases(size)
    names = [name.split(": ", 1) for name in calls]
    done, smaller = _operations(size), min(size, unit_products.LARGEST_TIMED)
    of_units = unit_products.unit_calls(smaller)
    return [
        *(
            TimedCase(n, b, call, operations=done * (2 if "x2 x" in n else 1))
            for (b, n), call in zip(names, calls.values(), strict=True)
        ),
        *(
            TimedCase(f"{name}, {smaller}^3", "jax", call, operations=_operations(smaller))
            for name, call in of_units.items()
        ),
    ]


SUITES = {
    "quantize": Suite(quantize_cases, 4096, "memcpy"),
    "gemm": Suite(gemm_cases, 2048, "sgemm"),
}


def table(timings: Sequence[Timing], unit: Timing) -> str:
    """Return a table of times, ratios to ``unit``, their floors and goals, and GF/s of products."""
    speeds = any(timing.case.operations for timing in timings)
    head = "case", "backend", "ms", "CPU ms", f"x {unit.case.name}", "floor", "goal"
    rows = [(*head, *["GF/s"] * speeds)]
    for timing in timings:
        case, floor = timing.case, timing.case.floor(unit.case)
        elapsed, processor = (f"{s * 1e3:.1f}" for s in (timing.seconds, timing.processor))
        times = elapsed, processor, f"{timing.over(unit):.2f}"
        floor_and_goal = f"{floor:.2f}" if floor else "", f"{case.goal:g}" if case.goal else ""
        speed = [f"{timing.gigaflops:.1f}" if timing.gigaflops else ""] * speeds
        rows.append((case.name, case.backend, *times, *floor_and_goal, *speed))
    widths = widths_of(rows)
    return "\n".join(aligned(row, widths, left=(0, 1)).rstrip() for row in rows)


def document(
    suite: str, size: int, rounds: int, references: Sequence[Timing], timings: Sequence[Timing]
) -> dict[str, Any]:
    """Return what ``--json`` writes: conditions, then seconds and ratios of every case."""
    unit = next(r for r in references if r.case.name == SUITES[suite].unit)
    return {
        "suite": suite,
        "size": size,
        "rounds": rounds,
        "seed": SEED,
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "versions": versions(),
        "timings": [
            {
                "case": timing.case.name,
                "backend": timing.case.backend,
                "seconds": timing.seconds,
                "processor_seconds": timing.processor,
                "gigaflops": timing.gigaflops,
                f"goal_over_{unit.case.name}": timing.case.goal,
                f"floor_over_{unit.case.name}": timing.case.floor(unit.case),
                **{f"over_{r.case.name}": timing.over(r) for r in references},
            }
            for timing in [*references, *timings]
        ],
    }


def versions() -> Mapping[str, str | None]:
    """Return the versions that times depend on."""
    return versions_of(
        ["python", "jax", "jaxlib", "ml_dtypes", *["numba"] * is_installed(), "numpy"]
    )

"""Tests."""

from types import SimpleNamespace

import numpy as np
import pytest

from msdnum.bench import quantization
from msdnum.bench.quantization import TimedCase, Timing, measure, table


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on only when a case says so."""
    now = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(quantization.time, "perf_counter", lambda: now.seconds)
    monkeypatch.setattr(quantization.time, "process_time", lambda: 2 * now.seconds)

    def case(name, *laps):
        left = list(laps)

        def call():
            now.seconds += left.pop(0)

        return TimedCase(name, "test", call, goal=3)

    return case


def test_times_of_the_second_calls_of_interleaved_rounds(clock):
    """Elapsed ones are medians, those of the processors the least."""
    timings = measure([clock("a", 100, 1, 90, 9, 80, 2), clock("b", 70, 4, 60, 4, 50, 50)], 3)
    assert [(t.case.name, t.seconds, t.processor) for t in timings] == [("a", 2, 2), ("b", 4, 8)]
    assert timings[1].over(timings[0]) == 2


def test_table():
    unit = Timing(TimedCase("memcpy", "NumPy", int, moved=8), 0.010, 0.010)
    lines = table(
        [unit, Timing(TimedCase("slow case", "JAX jit", int, 25, 5), 0.125, 0.2)], unit
    ).splitlines()
    assert lines == [
        "case       backend     ms  CPU ms  x memcpy  floor  goal",
        "memcpy     NumPy     10.0    10.0      1.00   1.00",
        "slow case  JAX jit  125.0   200.0     12.50   0.62    25",
    ]


def test_products_are_compared_for_as_many_operations():
    """Eight times the operations in twice the time are four times the speed."""
    unit = Timing(TimedCase("sgemm", "NumPy", int, operations=16_000_000), 0.001, 0.001)
    larger = Timing(TimedCase("large", "jax", int, operations=128_000_000), 0.002, 0.004)
    assert larger.over(unit) == 0.25
    assert (unit.gigaflops, larger.gigaflops) == (16, 64)
    lines = table([unit, larger], unit).splitlines()
    assert lines[0].split()[-1] == "GF/s"
    assert lines[2].split() == ["large", "jax", "2.0", "4.0", "0.25", "64.0"]


def test_references_do_what_they_say():
    x = quantization.operand(32)
    copy, product = (case.call for case in quantization.reference_cases(32))
    assert x.shape == (32, 32)
    assert x.dtype == np.float32
    assert copy() is None
    assert np.array_equal(product(), x @ x)

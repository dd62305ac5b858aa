"""Costs of a report: what the matrix units of every machine take for a format or a scheme."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from msdnum.cost.latency import Scenario
from msdnum.cost.machine_kinds import UNITS
from msdnum.cost.machines import MACHINES, Machine, Route, Unit
from msdnum.cost.work import Dequantize, MultiScale, Reads, StoredOperand, VectorWork, operand
from msdnum.cost.workloads import Gemm
from msdnum.formats.elements import BF16, ElementFormat, IntegerFormat
from msdnum.reports.pages import Cost

__all__ = ["WORKLOADS", "carries", "costs"]

WORKLOADS = {"16 rows": Gemm(16, 4096, 4096), "4096 rows": Gemm(4096, 4096, 4096)}
"""Activations of so many rows by a weight of 4096 x 4096, both of the format; results of BF16."""


def carries(carrier: ElementFormat, fmt: ElementFormat) -> bool:
    """Return whether all numbers of a format, times a power of two, are numbers of the carrier."""
    if fmt.max_finite == 0 or not getattr(fmt, "signed", True):
        return False
    if not isinstance(carrier, IntegerFormat) and fmt.precision > carrier.precision:
        return False
    return all(a <= b for a, b in zip(_steps(fmt), _steps(carrier), strict=True))


def _steps(fmt: ElementFormat) -> tuple[float, float]:
    """Return the largest number and the smallest, negated, in units of the last place."""
    least = fmt.min_integer if isinstance(fmt, IntegerFormat) else -fmt.max_finite / fmt.eta
    return fmt.max_finite / fmt.eta, -least


def _unit(fmt: ElementFormat, machine: Machine) -> Unit | None:
    """Return the fastest unit of a machine that takes a format, as it is or exactly converted."""
    units = {unit for carrier, unit in UNITS.items() if carries(carrier, fmt) and machine.has(unit)}
    # Of equally fast ones, the first in the list: the narrowest.
    return max((u for u in Unit if u in units), key=machine.rate, default=None)


def costs(elements: Sequence[ElementFormat], bits: Fraction) -> Iterator[Cost]:
    """Yield the costs on every machine of one pass for each element format.

    Parameters
    ----------
    elements : sequence of ElementFormat
        Of the terms; the weight is of the first.
    bits : Fraction
        Of an element with its share of the scale.
    """
    for machine in MACHINES.values():
        units = [_unit(element, machine) for element in elements]
        known = [unit for unit in units if unit is not None]
        if len(known) < len(units):
            yield Cost(machine.name, "", None, {}, {})
            continue
        slowest = min(known, key=machine.rate)
        plan = MultiScale(
            StoredOperand(bits, known[0]),
            StoredOperand(bits, slowest),
            len(known),
            Reads.ONCE,
            machine.route,
        )
        base = machine.rate(Unit.BF16)
        time = sum((base / machine.rate(unit) for unit in known), Fraction(0))
        seconds = {n: Scenario(machine, w, plan).latency for n, w in WORKLOADS.items()}
        over = {n: seconds[n] / _bf16(machine, w) for n, w in WORKLOADS.items()}
        names = " ".join(dict.fromkeys(unit.value for unit in known))
        yield Cost(machine.name, names, time, seconds, over)


def _bf16(machine: Machine, workload: Gemm) -> Fraction:
    """Return the seconds of BF16 by BF16: nothing for the vector unit to do."""
    plan = Dequantize(operand(BF16), Route.ON_CHIP, work=VectorWork(dequantize=0))
    return Scenario(machine, workload, plan).latency

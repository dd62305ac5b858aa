"""The parts of ``msdnum device``: what each runs, what it found, and what it could not do."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from enum import Enum, unique
from types import MappingProxyType
from typing import Any

from msdnum._versions import versions_of
from msdnum.bench.device import LAYER_SHAPES, QUICK_ROWS, ROWS, device_kind, measured
from msdnum.conformance import machine_reports, selection, suite
from msdnum.conformance.runner import conform
from msdnum.conformance.vectors import Standard
from msdnum.device.agreement import Agreement, agreements, computations
from msdnum.device.comparison import SIZE, Compared, DotSet, compared, computes_integers, dot_sets
from msdnum.device.instructions import TENSOR_CORES, Instruction
from msdnum.device.tensor_cores import CannotRunError, Gpu, TensorCores, compiled, digest_of_source
from msdnum.device.unit_models import Multiply
from msdnum.experiments import tables
from msdnum.experiments.experiment import SEED

__all__ = ["PARTS", "PartOutcome", "Status", "judged_instruction", "run_part"]

SMALL = (64, 64)
ROUNDS, FEW = 7, 1
EVERY = 12
"""Of the computations, a quick run does one in so many."""
VERSIONED = ("python", "jax", "jaxlib", "numpy", "ml_dtypes")
"""What the versions of are written down."""
QUICK_VECTORS = ["quantize/MXFP4", "encode/E2M1/*", "dot/MXFP4/*"]


@unique
class Status(Enum):
    """How a part ended."""

    AS_EXPECTED = "as expected"
    MEASURED = "measured"
    DIFFERS = "not as expected"
    CANNOT_RUN = "cannot run here"


@dataclass(frozen=True)
class PartOutcome:
    """What a part found.

    Parameters
    ----------
    part : str
        One of ``PARTS``.
    status : Status
        Never AS_EXPECTED where something was not run.
    lines : tuple of str
        What to print.
    files : mapping
        Text by name of the file.
    """

    part: str
    status: Status
    lines: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)


def _document(**more: Any) -> str:
    import jax

    about = {"device": device_kind(), "platform": str(jax.devices()[0].client.platform_version)}
    return json.dumps({**about, "versions": versions_of(VERSIONED), **more}, indent=1) + "\n"


def bits(quick: bool) -> PartOutcome:
    """Hold the emulators under ``jit`` on JAX's device against NumPy."""
    chosen = list(computations())[:: EVERY if quick else 1]
    found = list(agreements(chosen))
    differing = [row for row in found if row.equal < row.numbers]
    text = _document(rows=[asdict(row) for row in found])
    status = Status.DIFFERS if differing else Status.AS_EXPECTED
    lines = [*_by_kind(found), *(f"  differs: {_row(row)}" for row in differing)]
    return PartOutcome("bits", status, tuple(lines), {"bits.json": text})


def _by_kind(rows: Sequence[Agreement]) -> Iterable[str]:
    for kind in dict.fromkeys(row.kind for row in rows):
        of = [row for row in rows if row.kind == kind]
        equal, numbers = sum(row.equal for row in of), sum(row.numbers for row in of)
        yield f"  {kind}: {equal:,} of {numbers:,} numbers as NumPy's, {len(of)} computations"


def _row(row: Agreement) -> str:
    return row.error or f"{row.name}: {row.equal:,} of {row.numbers:,}"


def vectors(quick: bool) -> PartOutcome:
    """Run the test vectors through the emulator on JAX's device."""
    groups = selection.chosen(suite.groups(), QUICK_VECTORS if quick else [])
    report = conform("emulator_jax", groups)
    wrong = len(report.disagreements)
    status = Status.DIFFERS if wrong else Status.AS_EXPECTED
    if report.not_run or not report.compared:
        status = Status.DIFFERS if wrong else Status.CANNOT_RUN
    decided = len(report.of(Standard.DECIDES))
    lines = (
        f"  {report.compared - wrong} of {report.compared} vectors agree, "
        f"{decided} wrong by a standard, {len(report.not_run)} groups not run",
    )
    return PartOutcome(
        "vectors", status, lines, {"vectors.json": machine_reports.as_json([report], {}, [])}
    )


def hardware(quick: bool) -> PartOutcome:
    """Hold the tensor cores against the models of their units."""
    cores = TensorCores(compiled())
    size = SMALL if quick else SIZE
    lines, rows, status = [f"  {cores.gpu.name}, {cores.gpu.compiler}"], [], Status.AS_EXPECTED
    for instruction in TENSOR_CORES.values():
        found = judged_instruction(instruction, dot_sets(instruction, size), cores.multiply)
        if found is None:
            lines.append(f"  {instruction.name}: small integers come out wrong: not compared")
            status = Status.DIFFERS
            continue
        rows += found
        lines += _instruction_lines(instruction, found)
        if any(row.equal < row.results for row in found):
            status = Status.DIFFERS
    text = certificate(cores.gpu, rows)
    return PartOutcome("hardware", status, tuple(lines), {"tensor_cores.json": text})


def judged_instruction(
    instruction: Instruction, sets: Iterable[DotSet], multiply: Multiply
) -> list[Compared] | None:
    """Hold an instruction against its model; None if it does not even compute small integers."""
    if not computes_integers(instruction, multiply):
        return None
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda of: compared(of, multiply), sets))


def _instruction_lines(instruction: Instruction, rows: Sequence[Compared]) -> Iterable[str]:
    equal, results = sum(row.equal for row in rows), sum(row.results for row in rows)
    yield f"  {instruction.name:36}{instruction.model_name:26}{equal:,} of {results:,}"
    for row in rows:
        if row.equal < row.results:
            of = row.dots
            yield (
                f"    {of.family}, from {of.start}, {of.count} in a row: "
                f"{row.results - row.equal:,} differ"
            )


def certificate(gpu: Gpu, rows: Sequence[Compared]) -> str:
    """Return what was compared, and how often the bits are those of the models, as JSON."""
    return _document(
        compared="inner products of single instructions, and of three in a row, with the models",
        gpu=asdict(gpu),
        program_sha256=digest_of_source(),
        summary=_summary(rows),
        rows=[_certified(row) for row in rows],
    )


def _summary(rows: Sequence[Compared]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        of = row.dots.instruction
        line = found.setdefault(of.name, {"model": of.model_name, "results": 0, "equal": 0})
        line["results"] += row.results
        line["equal"] += row.equal
    return found


def _certified(row: Compared) -> dict[str, Any]:
    of = row.dots
    return {
        "instruction": of.instruction.name,
        "family": of.family,
        "start": of.start,
        "count": of.count,
        "size": list(of.size),
        "seed": of.seed,
        "results": row.results,
        "equal": row.equal,
        "nan_patterns": list(row.nan_patterns),
        "inputs_sha256": row.inputs,
        "outputs_sha256": row.outputs,
        "witnesses": list(row.witnesses),
    }


def times(quick: bool) -> PartOutcome:
    """Measure products of terms and their baselines on JAX's device."""
    import jax

    if jax.default_backend() == "cpu" and not quick:
        raise CannotRunError("JAX's default device is a CPU, which has no matrix units")
    layers, rows = (LAYER_SHAPES[:1], QUICK_ROWS) if quick else (LAYER_SHAPES, ROWS[::2])
    rounds = FEW if quick else ROUNDS
    records = list(measured(layers, rows, rounds))
    header = {
        "experiment": "device",
        "description": "products of INT8 weights on the matrix units of one device, median times",
        "device": device_kind(),
        "platform": str(jax.devices()[0].client.platform_version),
        "versions": versions_of(VERSIONED),
        "seed": SEED,
        "rounds": rounds,
    }
    lines = (f"  {len(records)} times on {device_kind()}",)
    return PartOutcome("times", Status.MEASURED, lines, {"times.csv": tables.text(records, header)})


PARTS: Mapping[str, Callable[[bool], PartOutcome]] = MappingProxyType({
    "hardware": hardware,
    "bits": bits,
    "vectors": vectors,
    "times": times,
})  # fmt: skip
"""What there is to run, by name, the least dependent first."""


def run_part(name: str, *, quick: bool = False) -> PartOutcome:
    """Run a part; where the machine lacks something, say what.

    Parameters
    ----------
    name : str
        One of ``PARTS``.
    quick : bool
        A little of it, in seconds: it shows that the part runs, and no more.
    """
    try:
        return PARTS[name](quick)
    except CannotRunError as error:
        return PartOutcome(name, Status.CANNOT_RUN, (f"  {error}",))

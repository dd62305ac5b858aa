"""The API by task: a page a room, with what the room exports."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from text import table

ROOMS = {
    "msdnum": "What a user meets first",
    "msdnum.formats": "Say what is computed with",
    "msdnum.emulator": "Cast, quantize, decompose, transform",
    "msdnum.emulator.layouts": "Read and write layouts that people exchange",
    "msdnum.emulator.gemm": "Multiply",
    "msdnum.emulator.attention": "Attend",
    "msdnum.emulator.cann": "Run Huawei's kernels",
    "msdnum.bounds": "Bound an error",
    "msdnum.evidence": "Find the worst case, measure, judge",
    "msdnum.reports": "Report on one page",
    "msdnum.errors": "Compare two arrays",
    "msdnum.spec": "Ask the specification",
    "msdnum.exact": "Compute without rounding",
    "msdnum.inputs": "Find inputs",
    "msdnum.inputs.files": "Read files",
    "msdnum.cost": "Model costs",
    "msdnum.testing": "Test a quantizer",
    "msdnum.conformance": "Hold an implementation against vectors",
    "msdnum.ledger": "Judge a claim",
    "msdnum.trials": "Find a trial",
    "msdnum.experiments": "Make and load tables",
    "msdnum.display": "Show things in notebooks",
    "msdnum.bench": "Take times",
    "msdnum.device": "Judge a device",
}
"""Tasks, and the rooms that do them, in the order of a day's work."""


TASKS = {
    "cast an array to a format and back": ["encode", "decode", "round_to"],
    "quantize in blocks": ["quantize", "QuantizedArray"],
    "do without compiled kernels": ["use_numba"],
    "make a format of one's own": ["FloatFormat", "IntegerFormat", "TableFormat", "BlockFormat"],
    "make a scheme of one's own": ["Scheme", "covering_scheme", "amax_scheme"],
    "split an array into terms": ["decompose", "decompose_terms", "Decomposition"],
    "multiply as a matrix unit does": ["matmul", "formats.MatrixUnit", "formats.ACCUMULATORS"],
    "attend over a quantized cache": ["attend", "KV_FORMATS"],
    "get everything on one page": ["reports.report"],
    "find a worst case and its witness": ["evidence.among_pairs", "evidence.profile"],
    "get a bound that is proved": ["bounds.remainder", "bounds.gemm", "evidence.bound_of"],
    "get an expected error": ["evidence.expected_errors", "bounds.rms_error"],
    "find out what unit is behind a product": ["evidence.probe"],
    "pack and unpack codes": ["pack", "unpack", "emulator.layouts.to_scale_tiles"],
    "read a checkpoint": ["inputs.load_tensor", "inputs.files.read_tensor"],
    "test a quantizer": ["testing.assert_conforms", "conformance.conform"],
    "ask for one number, in fractions": ["spec.quantize_block", "spec.trace_block"],
    "ask what it costs on a machine": ["cost.MACHINES", "cost.Gemm", "cost.MultiScale"],
    "load a table of ours": ["experiments.load"],
    "judge a claim": ["ledger.Trial", "ledger.Entry", "trials.judged"],
}
"""What people want to do, and the names with which they begin."""


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Yield a page for each room, and the page of tasks."""
    yield "api.md", _tasks()
    homes: dict[int, str] = {}
    for name in ROOMS:
        room = import_module(name)
        for exported in room.__all__:
            if _kind(room, exported) != "Data":
                homes.setdefault(id(getattr(room, exported)), name)
    for name in ROOMS:
        yield f"api/{name}.rst", "\n".join(_page(name, homes))


def _tasks() -> str:
    rows = [(task, ", ".join(map(_linked, names))) for task, names in TASKS.items()]
    rooms = [(f"[`{name}`](api/{name}.rst)", task.lower()) for name, task in ROOMS.items()]
    toctree = "\n".join(f"api/{name}" for name in ROOMS)
    return (
        f"{API}\n{table(('to', 'begin with'), rows)}\n## Rooms\n\n{table(('room', 'to'), rooms)}\n"
        f"```{{toctree}}\n:hidden:\n\n{toctree}\n```\n"
    )


API = """# API by task

A page for each room of the package, in the order of a day's work. Docstrings have types, shapes,
errors, the source of what is computed, and examples, which the tests run.
"""


def _linked(name: str) -> str:
    room, _, last = f"msdnum.{name}".rpartition(".")
    value = getattr(import_module(room), last)
    documented = inspect.isclass(value) or inspect.isroutine(value)
    anchor = f"#{room}.{last}" if documented else ""
    return f"[`{last}`](api/{room}.rst{anchor})" if not anchor else f"{{py:obj}}`~{room}.{last}`"


def _page(name: str, homes: dict[int, str]) -> Iterator[str]:
    room = import_module(name)
    title = f"{ROOMS[name]}: {name}"
    yield f"{title}\n{'=' * len(title)}\n"
    yield f".. automodule:: {name}\n   :no-members:\n"
    kinds: dict[str, list[str]] = {"Functions": [], "Classes": [], "Data": [], "Also here": []}
    for exported in room.__all__:
        kind = _kind(room, exported)
        elsewhere = homes.get(id(getattr(room, exported)), name) != name
        kinds["Also here" if elsewhere and kind != "Data" else kind].append(exported)
    for heading, names in kinds.items():
        if names:
            yield f"{heading}\n{'-' * len(heading)}\n"
            yield from WRITTEN[heading](room, names, homes)


def _kind(room: ModuleType, exported: str) -> str:
    value = getattr(room, exported)
    if inspect.isclass(value):
        return "Classes"
    return "Functions" if inspect.isroutine(value) else "Data"


def _functions(room: ModuleType, names: list[str], homes: dict[int, str]) -> Iterator[str]:
    yield from (f".. autofunction:: {room.__name__}.{name}\n" for name in names)


def _classes(room: ModuleType, names: list[str], homes: dict[int, str]) -> Iterator[str]:
    yield from (f".. autoclass:: {room.__name__}.{name}\n   :members:\n" for name in names)


def _data(room: ModuleType, names: list[str], homes: dict[int, str]) -> Iterator[str]:
    yield ".. list-table::\n   :widths: 25 75\n"
    for name in names:
        yield f"   * - ``{name}``\n     - ``{_line(getattr(room, name))}``"
    yield ""


def _elsewhere(room: ModuleType, names: list[str], homes: dict[int, str]) -> Iterator[str]:
    found = [f":py:obj:`{homes[id(getattr(room, name))]}.{name}`" for name in names]
    yield f"{', '.join(found)}\n"


WRITTEN = {
    "Functions": _functions,
    "Classes": _classes,
    "Data": _data,
    "Also here": _elsewhere,
}
"""How what a room exports is written down, by what it is."""


def _line(value: Any) -> str:
    text = " ".join(repr(value).split()).replace("`", "'")
    return text if len(text) <= 160 else f"{text[:157]}..."

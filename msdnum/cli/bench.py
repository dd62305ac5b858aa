"""``msdnum bench``: times beside memcpy and sgemm of the same run."""

import argparse
import json
import os
from pathlib import Path

from msdnum import _files
from msdnum.bench.quantization import SUITES, document, measure, reference_cases, table, versions
from msdnum.cli.argument_types import positive

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum bench``."""
    parser.add_argument("suite", nargs="?", choices=SUITES, default="quantize")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the times there, too")
    sizes = ", ".join(f"{suite.size} for {name}" for name, suite in SUITES.items())
    parser.add_argument("--size", type=positive, help=f"rows and columns ({sizes})")
    parser.add_argument("--rounds", type=positive, default=7, help="times each case is run (7)")


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum bench`` and return 0."""
    suite = SUITES[args.suite]
    size = args.size or suite.size
    _files.check_writable(args.json, "json file")
    reference = reference_cases(size)
    timings = measure([*reference, *suite.cases(size)], args.rounds)
    references, timings = timings[: len(reference)], timings[len(reference) :]
    print(f"{size} x {size} float32, median of {args.rounds} rounds, {os.cpu_count()} cores")
    print(", ".join(f"{name} {number}" for name, number in versions().items()))
    unit = next(r for r in references if r.case.name == suite.unit)
    print(table([*references, *timings], unit))
    if args.json:
        result = document(args.suite, size, args.rounds, references, timings)
        _files.write_text(args.json, json.dumps(result, indent=2) + "\n")
    return 0

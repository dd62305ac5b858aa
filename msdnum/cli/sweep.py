"""``msdnum sweep``: casts of all binary32 numbers compared and certified, the user's among them."""

import argparse
import shutil
import sys
from concurrent.futures import BrokenExecutor, Executor
from pathlib import Path

from msdnum import _files
from msdnum._cores import cores
from msdnum._extras import progress_bar
from msdnum._names import did_you_mean
from msdnum.cli.worker_processes import Interruption, add_workers, listening, processes
from msdnum.evidence import sweeps
from msdnum.evidence.cast_sweeps import CASTS, cast_sweep
from msdnum.evidence.own_cast_sweeps import Gives, OwnCastJudge, own_cast_sweep, witnesses
from msdnum.evidence.own_casts import cast_of, loaded
from msdnum.evidence.sweeps import CHUNK, Findings, Sweep, certificate, state_directory
from msdnum.formats.elements import (
    ELEMENT_FORMATS,
    UNIT_FORMATS,
    ElementFormat,
    FloatFormat,
    IntegerFormat,
)
from msdnum.formats.modes import Overflow, Rounding

__all__ = ["add_arguments", "run"]

MOST = 24
"""How many exponents are printed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum sweep``."""
    parser.epilog = (
        "CAST is FILE.py:NAME or MODULE:NAME, a callable of a float32 array; LIBRARY.so:SYMBOL, a "
        "C function void f(const float *x, T *result, size_t n); or 'command:PROGRAM ARGUMENTS', "
        "which maps the bytes of binary32 numbers to those of results. T is float for values, "
        "uint8_t for codes up to 8 bits, uint16_t above. "
        "exit status: 0 nothing differs, 1 something does, 2 wrong use, or the cast itself fails"
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="FORMAT",
        help=f"of {', '.join(CASTS)}, or all; with --cast one of any, or FILE.py:NAME",
    )
    parser.add_argument("--cast", metavar="CAST", help="compare this with the specification")
    directions = [mode.name for mode in Rounding if mode is not Rounding.STOCHASTIC]
    for name, choices in (
        ("rounding", directions),
        ("overflow", [mode.name for mode in Overflow]),
        ("gives", [kind.value for kind in Gives]),
    ):
        parser.add_argument(f"--{name}", choices=choices, help=f"of the cast ({choices[0]})")
    parser.add_argument("--chunk", type=int, default=CHUNK, help="inputs in a task")
    add_workers(parser, cores(), "one a core")
    parser.add_argument("--state", type=Path, default=Path("build/sweep"), help="unfinished work")
    parser.add_argument("--out", type=Path, default=Path("certificates"), help="certificates")
    parser.add_argument("--fresh", action="store_true", help="forget unfinished work")


def _sweeps(args: argparse.Namespace) -> list[Sweep]:
    """Return what is to be swept.

    Raises
    ------
    ValueError
        If a format or cast is none.
    """
    if args.cast is not None:
        return [_own_sweep(args)]
    for name in ("rounding", "overflow", "gives"):
        if getattr(args, name) is not None:
            raise ValueError(f"--{name} needs --cast, got {getattr(args, name)}")
    for name in args.names:
        if name not in CASTS:
            near = did_you_mean(name, CASTS)
            raise ValueError(f"FORMAT must be one of {', '.join(CASTS)}, got {name!r}{near}")
    return [cast_sweep(CASTS[name]) for name in args.names or CASTS]


def _own_sweep(args: argparse.Namespace) -> Sweep:
    if len(args.names) != 1:
        raise ValueError(f"--cast needs one FORMAT, got {', '.join(args.names) or 'none'}")
    return own_cast_sweep(
        cast_of(args.cast),
        _format(args.names[0]),
        rounding=Rounding[args.rounding or "RNE"],
        overflow=Overflow[args.overflow or "SATURATE"],
        gives=Gives(args.gives or "codes"),
    )


def _format(name: str) -> ElementFormat:
    """Return a format by its name, or by that of a variable in a Python file."""
    known = {**ELEMENT_FORMATS, **UNIT_FORMATS}
    if name in known:
        return known[name]
    place, _, variable = name.rpartition(":")
    if not place:
        near = did_you_mean(name, known)
        raise ValueError(
            f"FORMAT must be FILE.py:NAME or one of {', '.join(known)}, got {name!r}{near}"
        )
    found = loaded(place, variable)
    if not isinstance(found, FloatFormat | IntegerFormat):
        raise ValueError(f"FORMAT {name} must be a number format, got {found!r:.80}")
    return found


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum sweep``: 0 without mismatches, 1 with, 130 after Ctrl-C."""
    with listening() as interruption:
        try:
            chosen = _sweeps(args)
            with processes(args.workers) as executor:
                failures = [_certify(sweep, executor, args, interruption) for sweep in chosen]
            return int(any(failures))
        except BrokenExecutor:
            if not interruption.asked.is_set():
                raise ValueError(
                    "a worker has died, as by a crash of the cast: try it alone"
                ) from None
        except KeyboardInterrupt:
            pass
    print("interrupted: the same command goes on from here", file=sys.stderr)
    return 130


def _certify(
    sweep: Sweep, executor: Executor, args: argparse.Namespace, interruption: Interruption
) -> int:
    directory = state_directory(sweep, args.state)
    if args.fresh:
        shutil.rmtree(directory, ignore_errors=True)
    options = {"desc": sweep.name, "unit": " inputs", "unit_scale": True}
    with progress_bar(total=sweep.size, **options) as step:

        def progress(done: int) -> None:
            step(done)
            if interruption.asked.is_set():
                raise KeyboardInterrupt

        findings = sweeps.run(
            sweep, executor, chunk=args.chunk, state=args.state, progress=progress
        )
    path = args.out / f"{sweep.name}.json"
    _files.write_text(path, certificate(sweep, findings))
    shutil.rmtree(directory, ignore_errors=True)
    _print(sweep, findings)
    print(f"{sweep.name}: {path}")
    return findings.failures


def _print(sweep: Sweep, findings: Findings) -> None:
    if not isinstance(sweep.judge, OwnCastJudge):
        for kind, event in findings.mismatches.items():
            where = "" if event.first is None else f", first {event.first:#010x}"
            print(f"{sweep.name}: {kind}: {event.count} of {sweep.size} differ{where}")
        return
    left_out = sum(event.count for event in findings.left_out.values())
    beside = f", {left_out} have no answer" if left_out else ""
    print(f"{sweep.operation}")
    print(f"{findings.failures} of {sweep.size} inputs differ{beside}")
    found = list(witnesses(sweep, findings))
    for kind, count, witness in found[:MOST]:
        print(f"  {kind}: {count} differ; {witness}")
    if found[MOST:]:
        print(f"  and {len(found) - MOST} more exponents: all are in the certificate")

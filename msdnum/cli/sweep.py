"""``msdnum sweep``: casts of all binary32 numbers compared and certified."""

import argparse
import multiprocessing
import os
import shutil
import signal
import sys
import threading
from concurrent.futures import Executor, ProcessPoolExecutor
from pathlib import Path

from msdnum import _files
from msdnum._extras import progress_bar
from msdnum._names import did_you_mean
from msdnum.evidence import sweeps
from msdnum.evidence.cast_sweeps import CASTS, cast_sweep
from msdnum.evidence.sweeps import CHUNK, Sweep, certificate, state_directory

__all__ = ["add_arguments", "positive", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum sweep``."""
    parser.add_argument(
        "names", nargs="*", type=_cast_name, metavar="FORMAT", help=f"of {', '.join(CASTS)}; or all"
    )
    parser.add_argument("--chunk", type=int, default=CHUNK, help="inputs in a task")
    parser.add_argument("--workers", type=positive, default=os.cpu_count(), help="processes")
    parser.add_argument("--state", type=Path, default=Path("build/sweep"), help="unfinished work")
    parser.add_argument("--out", type=Path, default=Path("certificates"), help="certificates")
    parser.add_argument("--fresh", action="store_true", help="forget unfinished work")


def _cast_name(text: str) -> str:
    if text not in CASTS:
        near = did_you_mean(text, CASTS)
        raise argparse.ArgumentTypeError(
            f"FORMAT must be one of {', '.join(CASTS)}, got {text!r}{near}"
        )
    return text


def positive(text: str) -> int:
    """Return the positive integer that an argument of the command line is."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a positive integer, got {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum sweep``: 0 without mismatches, 1 with, 130 after Ctrl-C."""
    before = signal.getsignal(signal.SIGINT)
    interrupted = threading.Event()

    def note(signum: int, frame: object) -> None:
        """Raise nothing here: the executor may just have taken a lock. A second one is heard."""
        interrupted.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, note)
    try:
        with _processes(args.workers) as executor:
            names = args.names or CASTS
            sweeps_of = [cast_sweep(CASTS[name]) for name in names]
            failures = [_certify(sweep, executor, args, interrupted) for sweep in sweeps_of]
        return int(any(failures))
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGINT, before)


def _processes(workers: int) -> ProcessPoolExecutor:
    """Return a pool of processes that leave Ctrl-C to this one and end with it.

    JAX's threads do not survive a fork. The processes begin at once, while Ctrl-C is ignored, for
    they inherit that and are deaf to it from their first import.
    """
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=_begin_worker)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for _ in range(workers):
            pool.submit(int)
    finally:
        signal.signal(signal.SIGINT, before)
    return pool


def _begin_worker() -> None:
    """Watch the parent, which cannot say that it has been killed."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _certify(
    sweep: Sweep, executor: Executor, args: argparse.Namespace, interrupted: threading.Event
) -> int:
    directory = state_directory(sweep, args.state)
    if args.fresh:
        shutil.rmtree(directory, ignore_errors=True)
    options = {"desc": sweep.name, "unit": " inputs", "unit_scale": True}
    with progress_bar(total=sweep.size, **options) as step:

        def progress(done: int) -> None:
            step(done)
            if interrupted.is_set():
                raise KeyboardInterrupt

        findings = sweeps.run(
            sweep, executor, chunk=args.chunk, state=args.state, progress=progress
        )
    path = args.out / f"{sweep.name}.json"
    _files.write_text(path, certificate(sweep, findings))
    shutil.rmtree(directory, ignore_errors=True)
    for kind, event in findings.mismatches.items():
        where = "" if event.first is None else f", first {event.first:#010x}"
        print(f"{sweep.name}: {kind}: {event.count} of {sweep.size} differ{where}")
    print(f"{sweep.name}: {path}")
    return findings.failures

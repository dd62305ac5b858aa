"""Exhaustive sweeps: every input of a finite set, in chunks, on any executor, with resume.

A certificate depends on the set and the code alone: the inputs are judged in blocks of a fixed
size, what each block gives is hashed, and hashes and findings are put together in the order of the
inputs, whoever computed them, when, and in chunks of whatever size.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum import __version__, _files, _sources
from msdnum._extras import progress_bar
from msdnum._names import did_you_mean
from msdnum.emulator import element_rounding, elements
from msdnum.emulator.backend import CACHED_ELEMENTS, Array
from msdnum.emulator.codes import storage_dtype
from msdnum.formats.elements import BF16, E2M1, E2M3, E3M2, E4M3, E5M2, FloatFormat
from msdnum.formats.modes import Overflow

__all__ = [
    "CASTS", "Event", "Findings", "Outcome", "Sweep", "Worst", "add_arguments", "cast_sweep",
    "certificate", "judge_cast", "main", "run",
]  # fmt: skip

CHUNK = 1 << 24
IN_FLIGHT = 256
"""Chunks submitted and not yet collected: enough for any executor, few enough to cancel."""


@dataclass(frozen=True)
class Outcome:
    """What one block of inputs gave, element by element.

    Parameters
    ----------
    output : ndarray
        The result, of any type: its bytes enter the digest.
    mismatches : mapping of str to ndarray of bool
        For each kind of failure, which inputs fail.
    left_out : mapping of str to ndarray of bool
        For each reason not to compare, which inputs it excludes.
    worst : mapping of str to ndarray of float64
        Finite quantities of which the largest is wanted.
    """

    output: NDArray[Any]
    mismatches: Mapping[str, NDArray[np.bool_]]
    left_out: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    worst: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """How many inputs show something, and the first of them."""

    count: int
    first: int | None

    def __post_init__(self) -> None:
        """Refuse a count without a first, and the other way round."""
        if not _whole(self.count) or not (self.first is None or _whole(self.first)):
            raise ValueError(f"count and first must be whole, got {self.count} and {self.first}")
        if (self.count == 0) != (self.first is None):
            raise ValueError(f"first must be there if any are, got {self.count} and {self.first}")


def _whole(number: object) -> bool:
    return type(number) is int and number >= 0


@dataclass(frozen=True)
class Worst:
    """The largest value of a quantity, and the first input that has it."""

    value: float
    at: int

    def __post_init__(self) -> None:
        """Refuse what is no number."""
        if not isinstance(self.value, float) or not _whole(self.at):
            raise ValueError(f"value and at must be numbers, got {self.value!r} and {self.at!r}")


@dataclass(frozen=True)
class Findings:
    """What the inputs ``start`` to ``stop - 1`` gave, put together.

    ``digests`` are the SHA-256 digests of the outputs of their blocks, in order.
    """

    start: int
    stop: int
    digests: tuple[str, ...]
    mismatches: Mapping[str, Event]
    left_out: Mapping[str, Event]
    worst: Mapping[str, Worst]

    def __post_init__(self) -> None:
        """Refuse an empty range, and what lies outside it."""
        if not (_whole(self.start) and _whole(self.stop) and self.start < self.stop):
            raise ValueError(f"start must be in 0..stop - 1, got {self.start} and {self.stop}")
        events = [*self.mismatches.values(), *self.left_out.values()]
        places = [event.first for event in events if event.first is not None]
        places += [worst.at for worst in self.worst.values()]
        if not all(self.start <= place < self.stop for place in places):
            raise ValueError(f"inputs must be in {self.start}..{self.stop - 1}, got {places}")
        if any(event.count > self.stop - self.start for event in events):
            raise ValueError(f"counts must be at most {self.stop - self.start}, got {events}")

    @property
    def failures(self) -> int:
        """Number of mismatches of all kinds."""
        return sum(event.count for event in self.mismatches.values())


Judge = Callable[[NDArray[np.int64]], Outcome]


@dataclass(frozen=True)
class Sweep:
    """A finite set of inputs, the integers from 0 to ``size - 1``, and how to judge them.

    Parameters
    ----------
    name : str
        Letters, digits, ``-`` and ``_``: it names files.
    inputs, operation : str
        What an integer stands for, and what is done to it, for the certificate.
    size : int
        Number of inputs.
    judge : callable
        ``judge(inputs)`` gives the ``Outcome`` of an int64 array of consecutive inputs. It must
        be a function of the inputs alone, and importable where a process pool is to run it.
    versions : mapping of str to str
        The versions the outcome depends on.
    conventions : tuple of str
        What a reader must know to read the certificate.
    block : int
        Number of inputs that are judged and hashed at once; the last block may be shorter.

    Raises
    ------
    ValueError
        If the name cannot name a file, or a number is not positive.
    """

    name: str
    inputs: str
    operation: str
    size: int
    judge: Judge
    versions: Mapping[str, str]
    conventions: tuple[str, ...] = ()
    block: int = 1 << 16

    def __post_init__(self) -> None:
        """Refuse what cannot be enumerated."""
        if not re.fullmatch(r"[\w-]+", self.name):
            raise ValueError(f"name must be letters, digits, - and _, got {self.name!r}")
        if self.size < 1 or self.block < 1:
            raise ValueError(f"size and block must be positive, got {self.size} and {self.block}")

    def identity(self) -> dict[str, Any]:
        """Return what a certificate says before anything has been computed."""
        return {
            "sweep": self.name,
            "inputs": self.inputs,
            "operation": self.operation,
            "conventions": list(self.conventions),
            "versions": dict(self.versions),
            "count": self.size,
            "block": self.block,
        }


def run(
    sweep: Sweep,
    executor: Executor,
    *,
    chunk: int = CHUNK,
    state: Path | None = None,
    progress: Callable[[int], object] = lambda inputs: None,
) -> Findings:
    """Judge every input of a sweep.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    executor : concurrent.futures.Executor
        Where the chunks are computed: threads, processes, Dask's, MPI's.
    chunk : int
        Number of inputs in a task, a multiple of ``sweep.block``. It does not change the result.
    state : Path, optional
        Directory in which finished chunks are kept, and taken up by a later run of the same
        sweep with the same versions and the same source of this package.
    progress : callable
        Called with the number of inputs of every chunk that is done.

    Returns
    -------
    Findings
        Of all inputs.

    Raises
    ------
    ValueError
        If ``chunk`` is not a positive multiple of the block.

    Notes
    -----
    An exception, ``KeyboardInterrupt`` included, cancels what has not begun and is passed on.
    """
    if chunk < 1 or chunk % sweep.block:
        raise ValueError(f"chunk must be a positive multiple of {sweep.block}, got {chunk}")
    directory = None if state is None else state_directory(sweep, state)
    done = [] if directory is None else _load(sweep, directory)
    for part in done:
        progress(part.stop - part.start)
    missing = list(_missing(done, sweep.size, chunk))
    judge = partial(_judge_chunk, sweep.judge, sweep.block)
    with closing(_completed(executor, judge, missing)) as parts:
        for part in parts:
            if directory is not None:
                _store(directory, part)
            progress(part.stop - part.start)
            done.append(part)
    return _merged(done)


def certificate(sweep: Sweep, findings: Findings) -> str:
    """Return the certificate, a JSON text: the same bytes for the same set, code and versions.

    ``digest`` is the SHA-256 of the concatenated SHA-256 digests (32 bytes each) of the outputs
    (little-endian) of consecutive blocks of ``block`` inputs. Inputs are given in hexadecimal.
    """
    if (findings.start, findings.stop) != (0, sweep.size):
        raise ValueError(
            f"findings must cover 0..{sweep.size - 1}, got {findings.start}..{findings.stop - 1}"
        )
    digests = b"".join(map(bytes.fromhex, findings.digests))
    document = sweep.identity() | {
        "digest": hashlib.sha256(digests).hexdigest(),
        "mismatches": findings.failures,
        "mismatches_by_kind": {k: _as_json(v) for k, v in findings.mismatches.items()},
        "left_out": {k: _as_json(v) for k, v in findings.left_out.items()},
        "worst": {k: {"value": v.value, "at": hex(v.at)} for k, v in findings.worst.items()},
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _as_json(event: Event) -> dict[str, Any]:
    return {"count": event.count, "first": None if event.first is None else hex(event.first)}


def _judge_chunk(judge: Judge, block: int, start: int, stop: int) -> Findings:
    starts = range(start, stop, block)
    return _merged([_judge_block(judge, low, min(low + block, stop)) for low in starts])


def _judge_block(judge: Judge, start: int, stop: int) -> Findings:
    outcome = judge(np.arange(start, stop, dtype=np.int64))
    output = np.ascontiguousarray(outcome.output)
    little_endian = output.astype(output.dtype.newbyteorder("<"), copy=False)
    return Findings(
        start,
        stop,
        (hashlib.sha256(little_endian.data).hexdigest(),),
        {kind: _event(mask, start) for kind, mask in outcome.mismatches.items()},
        {kind: _event(mask, start) for kind, mask in outcome.left_out.items()},
        {name: _worst(values, start) for name, values in outcome.worst.items()},
    )


def _event(mask: NDArray[np.bool_], start: int) -> Event:
    count = int(np.count_nonzero(mask))
    return Event(count, start + int(mask.argmax()) if count else None)


def _worst(values: NDArray[np.float64], start: int) -> Worst:
    at = int(values.argmax())
    return Worst(float(values[at]), start + at)


def _merged(parts: Iterable[Findings]) -> Findings:
    """Put findings together that cover a range without gaps; their order does not matter."""
    ordered = sorted(parts, key=lambda part: part.start)
    return Findings(
        ordered[0].start,
        ordered[-1].stop,
        tuple(digest for part in ordered for digest in part.digests),
        _by_name(_sum, [part.mismatches for part in ordered]),
        _by_name(_sum, [part.left_out for part in ordered]),
        _by_name(_largest, [part.worst for part in ordered]),
    )


def _by_name(merge: Callable[[list[Any]], Any], mappings: list[Mapping[str, Any]]) -> Any:
    names = dict.fromkeys(name for mapping in mappings for name in mapping)
    return {name: merge([m[name] for m in mappings if name in m]) for name in names}


def _sum(events: list[Event]) -> Event:
    firsts = [event.first for event in events if event.first is not None]
    return Event(sum(event.count for event in events), min(firsts, default=None))


def _largest(values: list[Worst]) -> Worst:
    return max(values, key=lambda worst: (worst.value, -worst.at))


def _missing(done: list[Findings], size: int, chunk: int) -> Iterator[tuple[int, int]]:
    """Cut what lies between the finished parts into chunks."""
    position = 0
    for start, stop in [*((part.start, part.stop) for part in done), (size, size)]:
        while position < start:
            end = min(start, position + chunk)
            yield position, end
            position = end
        position = stop


def _completed(
    executor: Executor, judge: Callable[[int, int], Findings], ranges: list[tuple[int, int]]
) -> Generator[Findings]:
    """Yield results as they come. An executor that computes in ``submit`` is collected at once."""
    pending: set[Future[Findings]] = set()
    try:
        for low, high in ranges:
            pending.add(executor.submit(judge, low, high))
            timeout = 0 if len(pending) < IN_FLIGHT else None
            finished, pending = wait(pending, timeout, FIRST_COMPLETED)
            yield from (future.result() for future in finished)
        while pending:
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in finished)
    finally:
        for future in pending:
            future.cancel()


def state_directory(sweep: Sweep, state: Path) -> Path:
    """Return where a sweep keeps its chunks: a place of its own for each version of the code."""
    identity = json.dumps(sweep.identity()).encode()
    return state / f"{sweep.name}-{_sha256(identity + _sources.digest())[:16]}"


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _store(directory: Path, part: Findings) -> None:
    """Keep a finished part: a line of JSON and a line with its checksum."""
    text = json.dumps(asdict(part)) + "\n"
    path = directory / f"{part.start:x}-{part.stop:x}.json"
    _files.write_text(path, f"{text}{_sha256(text.encode())}\n")


def _load(sweep: Sweep, directory: Path) -> list[Findings]:
    """Return the finished parts in order, without those that overlap an earlier one."""
    parts: list[Findings] = []
    found = (_read(sweep, path) for path in directory.glob("*.json"))
    for part in sorted(found, key=lambda part: part.start):
        if not parts or part.start >= parts[-1].stop:
            parts.append(part)
    return parts


def _read(sweep: Sweep, path: Path) -> Findings:
    try:
        text, checksum = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if checksum != f"{_sha256(text.encode())}\n":
            raise ValueError("its checksum is not that of its text")
        part = _part(json.loads(text))
        _check_blocks(sweep, part)
        return part
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"state file {path} is damaged ({error}): delete it, or start afresh with --fresh"
        ) from error


def _part(part: Any) -> Findings:
    return Findings(
        part["start"],
        part["stop"],
        tuple(part["digests"]),
        {kind: Event(**event) for kind, event in part["mismatches"].items()},
        {kind: Event(**event) for kind, event in part["left_out"].items()},
        {name: Worst(**worst) for name, worst in part["worst"].items()},
    )


def _check_blocks(sweep: Sweep, part: Findings) -> None:
    """Refuse a part that is not of whole blocks, or does not have a digest for each."""
    ends = (part.stop % sweep.block == 0 and part.stop <= sweep.size) or part.stop == sweep.size
    if part.start % sweep.block or not ends:
        raise ValueError(f"{part.start}..{part.stop - 1} is not made of blocks of {sweep.block}")
    blocks = -(-(part.stop - part.start) // sweep.block)
    if len(part.digests) != blocks:
        raise ValueError(f"there must be {blocks} digests, got {len(part.digests)}")
    for digest in part.digests:
        if not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError(f"a digest must be 64 hexadecimal digits, got {digest!r:.80}")


def judge_cast(fmt: FloatFormat, overflow: Overflow, inputs: NDArray[np.int64]) -> Outcome:
    """Cast binary32 patterns with NumPy, JAX jit and ``ml_dtypes`` and compare the codes.

    Between NumPy and JAX every bit counts. ``ml_dtypes`` makes any NaN of a NaN, of either sign;
    where the format has no NaN it defines nothing, and NaN is left out.
    """
    x = inputs.astype(np.uint32).view(np.float32)
    codes = _numpy_codes(x, fmt, overflow)
    peer = _ml_dtypes_codes(x, fmt)
    nan = np.isnan(x)
    differs = (peer != codes) & ~nan
    if fmt.nan_code is not None:
        differs |= nan & ~_is_nan(peer, fmt)
    mismatches = {
        "JAX jit and NumPy": np.asarray(_jitted(fmt, overflow)(x)) != codes,
        "ml_dtypes and NumPy": differs,
    }
    return Outcome(codes, mismatches, {"NaN and ml_dtypes": nan} if fmt.nan_code is None else {})


def _numpy_codes(x: NDArray[np.float32], fmt: FloatFormat, overflow: Overflow) -> NDArray[Any]:
    # encode would refuse NaN where the format has none; beneath it NaN is what it is under jit.
    pieces = np.split(x.view(np.int32), range(CACHED_ELEMENTS, x.size, CACHED_ELEMENTS))
    return np.concatenate([element_rounding.encode_scaled(p, 0, fmt, overflow) for p in pieces])


@cache
def _jitted(fmt: FloatFormat, overflow: Overflow) -> Callable[[Array], Array]:
    import jax

    return jax.jit(partial(elements.encode, fmt=fmt, overflow=overflow))


def _ml_dtypes_codes(x: NDArray[np.float32], fmt: FloatFormat) -> NDArray[Any]:
    storage = storage_dtype(fmt)
    target = elements.as_ml_dtype(np.zeros(1, storage), fmt).dtype
    with np.errstate(all="ignore"):
        return x.astype(target).view(storage)


def _is_nan(codes: NDArray[Any], fmt: FloatFormat) -> NDArray[np.bool_]:
    magnitude = codes & codes.dtype.type((1 << (fmt.bits - 1)) - 1)
    last_number = fmt.max_code if fmt.inf_code is None else fmt.inf_code
    return np.asarray(magnitude > last_number)


def cast_sweep(fmt: FloatFormat, *, size: int = 1 << 32) -> Sweep:
    """Return the sweep of all binary32 patterns to an element format, rounded RNE.

    Parameters
    ----------
    fmt : FloatFormat
        A format that ``ml_dtypes`` has too.
    size : int
        The first so many patterns only.
    """
    import jax

    has_nan = fmt.nan_code is not None
    overflow = Overflow.OVERFLOW if has_nan else Overflow.SATURATE
    packages = {name: version(name) for name in ("jax", "jaxlib", "ml_dtypes", "numpy")}
    return Sweep(
        f"cast-{fmt.name}",
        "binary32 patterns, an integer is its pattern",
        f"to {fmt.name}, RNE, {overflow.name}; the output is the code",
        size,
        partial(judge_cast, fmt, overflow),
        {"msdnum": __version__, **packages, "jax backend": jax.default_backend()},
        (
            "JAX jit and NumPy are compared bit by bit, NaN included",
            "ml_dtypes is compared bit by bit, but for NaN: "
            + (
                "there its code must be a NaN, of either sign and any payload"
                if has_nan
                else "the format has none and ml_dtypes defines nothing; msdnum.encode refuses it "
                "outside jit and gives +max_finite under jit, which the digest holds"
            ),
        ),
    )


CASTS = {fmt.name: fmt for fmt in (E2M1, E2M3, E3M2, E4M3, E5M2, BF16)}


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


def main(args: argparse.Namespace) -> int:
    """Carry out ``msdnum sweep``: 0 without mismatches, 1 with, 130 after Ctrl-C."""
    try:
        with _processes(args.workers) as executor:
            names = args.names or CASTS
            failures = [_certify(cast_sweep(CASTS[name]), executor, args) for name in names]
        return int(any(failures))
    except KeyboardInterrupt:
        print("interrupted: the same command goes on from here", file=sys.stderr)
        return 130


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


def _certify(sweep: Sweep, executor: Executor, args: argparse.Namespace) -> int:
    directory = state_directory(sweep, args.state)
    if args.fresh:
        shutil.rmtree(directory, ignore_errors=True)
    options = {"desc": sweep.name, "unit": " inputs", "unit_scale": True}
    with progress_bar(total=sweep.size, **options) as step:
        findings = run(sweep, executor, chunk=args.chunk, state=args.state, progress=step)
    path = args.out / f"{sweep.name}.json"
    _files.write_text(path, certificate(sweep, findings))
    shutil.rmtree(directory, ignore_errors=True)
    for kind, event in findings.mismatches.items():
        where = "" if event.first is None else f", first {event.first:#010x}"
        print(f"{sweep.name}: {kind}: {event.count} of {sweep.size} differ{where}")
    print(f"{sweep.name}: {path}")
    return findings.failures

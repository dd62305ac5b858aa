"""Exhaustive sweeps: every input of a finite set, in chunks, on any executor, with resume.

A certificate depends on the set and the code alone: the inputs are judged in blocks of a fixed
size, what each block gives is hashed, and hashes and findings are put together in the order of the
inputs, whoever computed them, when, and in chunks of whatever size.
"""

import hashlib
import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum import _files, _sources

__all__ = [
    "Event", "Findings", "Outcome", "Sweep", "Worst", "by_name", "certificate", "merged", "run",
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
        What is run, and over which inputs.
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
    return merged(done)


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
    return merged([_judge_block(judge, low, min(low + block, stop)) for low in starts])


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


def merged(parts: Iterable[Findings]) -> Findings:
    """Put findings together that cover a range without gaps; their order does not matter."""
    ordered = sorted(parts, key=lambda part: part.start)
    return Findings(
        ordered[0].start,
        ordered[-1].stop,
        tuple(digest for part in ordered for digest in part.digests),
        by_name(_sum, [part.mismatches for part in ordered]),
        by_name(_sum, [part.left_out for part in ordered]),
        by_name(_largest, [part.worst for part in ordered]),
    )


def by_name(merge: Callable[[list[Any]], Any], mappings: list[Mapping[str, Any]]) -> Any:
    """Return what ``merge`` makes of the values of each name."""
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

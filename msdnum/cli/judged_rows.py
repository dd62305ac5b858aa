"""Rows of the ledger: judged by this process from the first on, by others from the last on."""

import multiprocessing
import threading
import time
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from msdnum._extras import one_blas_thread
from msdnum.cli.worker_processes import end, processes
from msdnum.ledger.claims import Entry, Row
from msdnum.ledger.findings import Finding
from msdnum.ledger.trial import Progress, Study, Trial, entries, finding_of, no_progress, row_of
from msdnum.trials import judged, trials

if TYPE_CHECKING:
    from msdnum.evidence.checkpoints import Weight

__all__ = ["PATIENCE", "Request", "judged_rows"]

PATIENCE = 0.5
"""Seconds of judging one claim after which other processes begin: they import for longer."""


@dataclass(frozen=True)
class Request:
    """What is to be judged: all that another process needs to find the same entries.

    Parameters
    ----------
    trial, only : str or None
        One trial, one claim of it; or all that are judged where none is named.
    deep : bool
        Everything, or what takes less than a minute.
    seed : int
        Of everything that is sampled.
    tensor, scales : str or None
        ``FILE:NAME`` of a tensor of the user's, and of its scales.
    """

    trial: str | None = None
    only: str | None = None
    deep: bool = False
    seed: int = 0
    tensor: str | None = None
    scales: str | None = None

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The trials whose claims are judged."""
        return judged(self.trial)

    def weight(self) -> "Weight | None":
        """Return the tensor that is named, read.

        Raises
        ------
        ValueError
            If scales are named without it.
        """
        from msdnum.evidence.checkpoints import load_weight

        if self.tensor is not None:
            return load_weight(self.tensor, self.scales)
        if self.scales is not None:
            raise ValueError(f"scales need the tensor they belong to, --tensor, got {self.scales}")
        return None

    def entries(self, weight: "Weight | None", progress: Progress = no_progress) -> list[Entry]:
        """Return what is to be judged, in the order of the ledger.

        Raises
        ------
        ValueError
            If there is no such claim, with the trial that has it, or no tensor to judge.
        """
        tensor = None if weight is None else weight.numbers
        study = Study(self.deep, self.seed, tensor, progress)
        try:
            return entries(self.trials, study, self.only)
        except ValueError as error:
            homes = [trial.name for trial in trials().values() if self.only in trial.ids]
            if not homes or set(homes) & {trial.name for trial in self.trials}:
                raise
            commands = " or ".join(f"msdnum verify {name} --only {self.only}" for name in homes)
            raise ValueError(f"{error}; for that one: {commands}") from None


def judged_rows(
    request: Request, found: Sequence[Entry], workers: int, step: Progress = no_progress
) -> tuple[Row, ...]:
    """Return the rows of the entries that a request has led to.

    Parameters
    ----------
    request : Request
        What other processes are given.
    found : sequence of Entry
        What it asks for.
    workers : int
        Processes that judge, this one among them.
    step : callable, optional
        Told how many more rows are judged, now and then.

    Raises
    ------
    ChildProcessError
        If another process dies.
    """
    # Only the main thread can let others begin that are deaf to Ctrl-C.
    if workers == 1 or threading.current_thread() is not threading.main_thread():
        findings = [_counted(entry, step) for entry in found]
    else:
        with one_blas_thread():
            findings = _shared(request, found, workers - 1, step)
    return tuple(map(row_of, found, findings))


def _counted(entry: Entry, step: Progress) -> Finding:
    finding = finding_of(entry)
    step(1)
    return finding


def _shared(request: Request, found: Sequence[Entry], others: int, step: Progress) -> list[Finding]:
    """Judge here and in other processes, which begin where it is worth the while."""
    here: dict[int, Finding] = {}
    elsewhere: _Others | None = None
    begin = time.monotonic() + (PATIENCE if request.only else 0)
    try:
        for index, entry in enumerate(found):
            left = range(index, len(found))
            if elsewhere is None and len(left) > 1 and time.monotonic() >= begin:
                elsewhere = _Others(request, left, min(others, len(left) - 1), step)
            if elsewhere is None or not elsewhere.have_taken(index):
                here[index] = _counted(entry, step)
        if elsewhere:
            here |= elsewhere.findings()
        return [here[index] for index in range(len(found))]
    except BrokenExecutor:
        raise ChildProcessError(
            "a process that judged rows has died, as where memory ends, or where a script that "
            "calls main has no `if __name__ == '__main__'`: --workers 1 needs no other"
        ) from None
    finally:
        if elsewhere:
            elsewhere.end()


class _Others:
    """Other processes, which take rows from the last on: the last claims are the longest."""

    def __init__(self, request: Request, left: range, count: int, step: Progress) -> None:
        before = set(multiprocessing.active_children())
        self._request, self._left, self._step = request, left, step
        self._taken: dict[int, Future[Finding]] = {}
        self._choosing = threading.Lock()
        self._pool = processes(count)
        self._processes = set(multiprocessing.active_children()) - before
        self._ready = [self._pool.submit(_prepare, request) for _ in range(count)]
        for each in self._ready:
            each.add_done_callback(self._take)

    def _take(self, before: Future[Any]) -> None:
        """Take the last row that is left, as a process has imported what it needs or judged one."""
        if before.cancelled() or before.exception():
            return
        with self._choosing:
            if not self._left:
                return
            index, self._left = self._left[-1], self._left[:-1]
            judged = self._taken[index] = self._pool.submit(_finding, self._request, index)
        judged.add_done_callback(self._count)
        judged.add_done_callback(self._take)

    def _count(self, judged: Future[Finding]) -> None:
        self._step(1)

    def have_taken(self, index: int) -> bool:
        """Whether they judge that row; if not, it is this process that does."""
        for each in self._ready:
            if each.done():
                each.result()
        with self._choosing:
            self._left = range(index + 1, self._left.stop)
            return index in self._taken

    def findings(self) -> dict[int, Finding]:
        """Return what they have found of the rows that they have taken, when they have."""
        return {index: each.result() for index, each in self._taken.items()}

    def end(self) -> None:
        """End them: they have nothing to lose."""
        for process in self._processes:
            end(process)
        self._pool.shutdown(cancel_futures=True)


@cache
def _entries(request: Request) -> list[Entry]:
    one_blas_thread()
    return request.entries(request.weight())


def _prepare(request: Request) -> None:
    _entries(request)


def _finding(request: Request, index: int) -> Finding:
    return finding_of(_entries(request)[index])

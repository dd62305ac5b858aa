"""Worker processes of a long command: deaf to Ctrl-C, gone with their parent, and ended by force.

A worker computes what users bring, and that may never return: then only force ends it.
"""

import argparse
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from types import FrameType

from msdnum.cli.argument_types import positive

__all__ = ["GRACE", "Interruption", "add_workers", "end", "listening", "processes"]

GRACE = 3.0
"""Seconds from Ctrl-C until workers that have not come to an end are ended."""


def add_workers(parser: argparse.ArgumentParser, usable: int, note: str) -> None:
    """Add ``--workers``, so many processes if it is not given, and a note on how many."""
    parser.add_argument("--workers", type=positive, default=usable, help=f"processes ({note})")


class Interruption:
    """What Ctrl-C has asked for so far.

    Attributes
    ----------
    asked : threading.Event
        Set by the first: end when a task is done, or after a while.
    at_once : threading.Event
        Set by the second.
    """

    def __init__(self) -> None:
        self.asked, self.at_once, self._over = (threading.Event() for _ in range(3))

    def note(self, signum: int, frame: FrameType | None) -> None:
        """Raise nothing here: the executor may just have taken a lock."""
        (self.at_once if self.asked.is_set() else self.asked).set()

    def close(self) -> None:
        """Let the watcher go without harm."""
        self._over.set()
        self.asked.set()
        self.at_once.set()

    def watch(self, grace: float, others: set[BaseProcess]) -> None:
        """Wait for Ctrl-C, then for a second one or a while, and end the workers by force."""
        self.asked.wait()
        self.at_once.wait(grace)
        while not self._over.is_set():
            for process in set(multiprocessing.active_children()) - others:
                end(process)
            self._over.wait(0.1)


def end(process: BaseProcess) -> None:
    """End a worker, and whatever program it has started: they are a group."""
    try:
        os.killpg(process.pid or 0, signal.SIGKILL)
    except (AttributeError, OSError):  # Not POSIX, or it has not begun to be a group.
        process.kill()


@contextmanager
def listening(grace: float = GRACE) -> Iterator[Interruption]:
    """Hear Ctrl-C, if anybody may: ``asked`` says so, and workers that go on are ended."""
    interruption = Interruption()
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, interruption.note)
    others = set(multiprocessing.active_children())
    watcher = threading.Thread(target=interruption.watch, args=(grace, others), daemon=True)
    watcher.start()
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, before)
        interruption.close()


def processes(workers: int) -> ProcessPoolExecutor:
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
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        if hasattr(os, "killpg"):
            os.killpg(os.getpgid(0), signal.SIGKILL)
        os._exit(1)

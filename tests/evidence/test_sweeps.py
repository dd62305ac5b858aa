"""Tests."""

import json
import os
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from hashlib import sha256
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from msdnum.evidence import sweeps
from msdnum.evidence.sweeps import Event, Findings, LargestError, certificate, run
from tests.support.sweeps import BLOCK, SIZE, SQUARES, InSubmit, judge_squares


class Backwards(InSubmit):
    """An executor that computes nothing before its last chunk has been submitted."""

    def __init__(self, chunks):
        self.chunks, self.waiting = chunks, []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        self.waiting.append((future, fn, args))
        if len(self.waiting) == self.chunks:
            for waiting, function, arguments in reversed(self.waiting):
                waiting.set_result(function(*arguments))
        return future


class Interrupted(BaseException):
    """What Ctrl-C does, without ending pytest where a test fails."""


class FailsAfter(InSubmit):
    """An executor whose workers are lost after some chunks."""

    def __init__(self, chunks, error=Interrupted):
        self.left, self.error = chunks, error

    def submit(self, fn, /, *args, **kwargs):
        if self.left == 0:
            raise self.error
        self.left -= 1
        return super().submit(fn, *args, **kwargs)


@pytest.fixture(scope="module")
def expected():
    return certificate(SQUARES, run(SQUARES, InSubmit(), chunk=SIZE))


def test_certificate_by_hand(expected):
    document = json.loads(expected)
    squares = [n * n for n in range(SIZE)]
    blocks = np.array(squares, "<i8").reshape(-1, BLOCK)
    digest = sha256(b"".join(sha256(block.tobytes()).digest() for block in blocks)).hexdigest()
    hits = [n for n, square in enumerate(squares) if square % 10000 == 4321]
    assert document == {
        "sweep": "squares",
        "inputs": "n",
        "operation": "n * n",
        "conventions": [],
        "versions": {"test": "1"},
        "count": SIZE,
        "block": BLOCK,
        "digest": digest,
        "mismatches": len(hits),
        "mismatches_by_kind": {"ends in 4321": {"count": len(hits), "first": hex(hits[0])}},
        "left_out": {"odd": {"count": SIZE // 2, "first": "0x1"}},
        "worst": {
            "distance to 40000": {"value": 0.0, "at": hex(40000)},
            "constant": {"value": 0.0, "at": "0x0"},
        },
    }


@pytest.mark.parametrize("chunk", [BLOCK, 3 * BLOCK, 7 * BLOCK, SIZE, 2 * SIZE])
def test_certificate_does_not_depend_on_the_chunk(chunk, expected):
    assert certificate(SQUARES, run(SQUARES, InSubmit(), chunk=chunk)) == expected


def test_certificate_does_not_depend_on_the_executor(expected):
    with ThreadPoolExecutor(3) as threads:
        assert certificate(SQUARES, run(SQUARES, threads, chunk=BLOCK)) == expected
    with ProcessPoolExecutor(2, get_context("spawn")) as processes:
        assert certificate(SQUARES, run(SQUARES, processes, chunk=8 * BLOCK)) == expected
    backwards = Backwards(SIZE // (4 * BLOCK))
    assert certificate(SQUARES, run(SQUARES, backwards, chunk=4 * BLOCK)) == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 40)), max_size=5))
def test_certificate_does_not_depend_on_interruptions(tmp_path_factory, expected, runs):
    state = tmp_path_factory.mktemp("state")
    for survived, blocks in runs:
        try:
            run(SQUARES, FailsAfter(survived), chunk=blocks * BLOCK, state=state)
        except Interrupted:
            continue
    assert certificate(SQUARES, run(SQUARES, InSubmit(), chunk=5 * BLOCK, state=state)) == expected


def test_finished_chunks_are_not_computed_again(tmp_path):
    with pytest.raises(RuntimeError):
        run(SQUARES, FailsAfter(3, RuntimeError), chunk=BLOCK, state=tmp_path)
    assert len(list(tmp_path.glob("*/*.json"))) == 3
    steps = []
    last = FailsAfter(SIZE // BLOCK - 3)
    run(SQUARES, last, chunk=BLOCK, state=tmp_path, progress=steps.append)
    assert last.left == 0
    assert sum(steps) == SIZE
    assert set(steps) == {BLOCK}


def test_an_exception_cancels_what_has_not_begun():
    class OnlyFirst(InSubmit):
        futures = []  # noqa: RUF012

        def submit(self, fn, /, *args, **kwargs):
            self.futures.append(Future() if self.futures else super().submit(fn, *args, **kwargs))
            return self.futures[-1]

    def progress(inputs):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        run(SQUARES, OnlyFirst(), chunk=BLOCK, progress=progress)
    assert all(future.cancelled() for future in OnlyFirst.futures[1:])


def test_lost_worker_leaves_its_state(tmp_path, expected):
    dying = replace(SQUARES, judge=partial(_die_at, tmp_path / "died"))
    with pytest.raises(RuntimeError), ProcessPoolExecutor(1, get_context("spawn")) as processes:
        run(dying, processes, chunk=16 * BLOCK, state=tmp_path)
    assert 1 <= len(list(tmp_path.glob("*/*.json"))) < 4
    assert certificate(dying, run(dying, InSubmit(), chunk=BLOCK, state=tmp_path)) == expected


def _die_at(marker, inputs):
    if inputs[0] >= SIZE // 2 and not marker.exists():
        marker.touch()
        time.sleep(0.2)
        os._exit(1)
    return judge_squares(inputs)


def test_overlapping_state_is_counted_once(tmp_path, expected):
    for chunk in (3 * BLOCK, 4 * BLOCK):
        run(SQUARES, InSubmit(), chunk=chunk, state=tmp_path / str(chunk))
    merged = sweeps.state_directory(SQUARES, tmp_path / "merged")
    merged.mkdir(parents=True)
    for path in tmp_path.glob("[0-9]*/*/*.json"):
        (merged / path.name).write_bytes(path.read_bytes())
    (merged / "0-c00.json").unlink()
    findings = run(SQUARES, InSubmit(), chunk=BLOCK, state=tmp_path / "merged")
    assert certificate(SQUARES, findings) == expected


def test_state_of_another_sweep_is_not_taken_up(tmp_path):
    run(SQUARES, InSubmit(), chunk=SIZE, state=tmp_path)
    newer = replace(SQUARES, versions={"test": "2"})
    with pytest.raises(Interrupted):
        run(newer, FailsAfter(0), chunk=SIZE, state=tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"start": 0, "stop": 0}'])
def test_damaged_state_is_refused(tmp_path, text):
    directory = sweeps.state_directory(SQUARES, tmp_path)
    directory.mkdir(parents=True)
    (directory / "0-400.json").write_text(text)
    with pytest.raises(ValueError, match=r"0-400\.json is damaged"):
        run(SQUARES, InSubmit(), chunk=SIZE, state=tmp_path)


def test_a_last_short_block():
    odd = replace(SQUARES, size=5000)
    findings = [run(odd, InSubmit(), chunk=chunk) for chunk in (BLOCK, 8 * BLOCK)]
    assert findings[0] == findings[1]
    assert len(findings[0].digests) == 5
    assert findings[0].left_out["odd"] == Event(2500, 1)
    assert findings[0].worst["distance to 40000"] == LargestError(-35001.0, 4999)


@pytest.mark.parametrize("chunk", [0, -BLOCK, BLOCK + 1])
def test_chunk_must_be_whole_blocks(chunk):
    with pytest.raises(ValueError, match=f"positive multiple of {BLOCK}, got {chunk}"):
        run(SQUARES, InSubmit(), chunk=chunk)


def test_invalid_sweeps_are_refused():
    with pytest.raises(ValueError, match="name must be"):
        replace(SQUARES, name="../squares")
    with pytest.raises(ValueError, match="size and block must be positive, got 0"):
        replace(SQUARES, size=0)
    with pytest.raises(ValueError, match="start must be"):
        Findings(4, 4, (), {}, {}, {})
    part = run(replace(SQUARES, size=BLOCK), InSubmit(), chunk=BLOCK)
    with pytest.raises(ValueError, match="findings must cover"):
        certificate(SQUARES, part)

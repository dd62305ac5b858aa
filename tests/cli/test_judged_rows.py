"""Rows judged by several processes: the rows of one, no process left behind, no death unnoticed."""

import multiprocessing
import threading
import time
from concurrent.futures import wait

import pytest

from msdnum.cli import judged_rows
from msdnum.cli.judged_rows import Request
from msdnum.ledger.trial import finding_of

REQUEST = Request(only="C2")
FOUND = REQUEST.entries(None)


@pytest.fixture
def eager(monkeypatch):
    """Let other processes begin at once, and this one take longer for a row than they begin."""

    def use(judge):
        monkeypatch.setattr(judged_rows, "PATIENCE", 0)
        monkeypatch.setattr(judged_rows, "finding_of", judge)

    return use


def test_rows_are_those_that_one_process_finds(eager):
    here, steps = [], []

    def slowly(entry):
        here.append(entry)
        while len(here) == 2 and len(steps) < 2:
            time.sleep(0.01)
        return finding_of(entry)

    alone = judged_rows.judged_rows(REQUEST, FOUND, workers=1)
    eager(slowly)
    rows = judged_rows.judged_rows(REQUEST, FOUND, 2, steps.append)
    assert [row.finding for row in rows] == [row.finding for row in alone]
    assert [row.entry for row in rows] == FOUND
    assert len(here) < len(FOUND)
    assert sum(steps) == len(FOUND)
    assert not multiprocessing.active_children()


def test_the_death_of_a_process_is_told(eager):
    def deadly(entry):
        for process in multiprocessing.active_children():
            process.kill()
            process.join()
        time.sleep(0.2)
        return finding_of(entry)

    eager(deadly)
    with pytest.raises(ChildProcessError, match=r"has died.*--workers 1"):
        judged_rows.judged_rows(REQUEST, FOUND, 2)


def test_others_end_where_this_one_is_interrupted(eager):
    def interrupted(entry):
        assert multiprocessing.active_children()
        raise KeyboardInterrupt

    eager(interrupted)
    with pytest.raises(KeyboardInterrupt):
        judged_rows.judged_rows(REQUEST, FOUND, 2)
    assert not multiprocessing.active_children()


def test_what_fails_elsewhere_fails_here():
    others = judged_rows._Others(Request(only="C99"), range(2), 1, print)
    wait(others._ready)
    with pytest.raises(ValueError, match="got 'C99'"):
        others.have_taken(0)
    others.end()


def test_a_thread_that_is_not_the_main_one_judges_alone(eager):
    alone = []

    def judge(entry):
        alone.append(multiprocessing.active_children())
        return finding_of(entry)

    eager(judge)
    arguments = REQUEST, FOUND, 2
    thread = threading.Thread(target=judged_rows.judged_rows, args=arguments)
    thread.start()
    thread.join()
    assert alone == [[]] * len(FOUND)


def test_no_more_processes_begin_than_there_are_rows_for(eager):
    begun = []

    def judge(entry):
        begun.append(len(multiprocessing.active_children()))
        return finding_of(entry)

    eager(judge)
    judged_rows.judged_rows(REQUEST, FOUND[:2], 9)
    assert begun[0] == 1

"""Cores: those that the process may use, not those that the machine has."""

import os

import pytest

from msdnum._cores import cores


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes are not kept to cores")
def test_cores_are_those_that_the_process_is_kept_to():
    usable = os.sched_getaffinity(0)
    assert cores() == len(usable)
    try:
        os.sched_setaffinity(0, {min(usable)})
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, usable)


def test_cores_are_those_of_the_machine_where_nothing_else_is_known(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert cores() == 1

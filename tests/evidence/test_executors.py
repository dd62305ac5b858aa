"""Engines that exist run sweeps and experiments unchanged, and lose nothing when a worker dies."""

import os
from dataclasses import replace
from functools import partial

import distributed
import pytest

from msdnum.evidence.sweeps import certificate, run
from msdnum.trials.msd.experiments.catalogue import CATALOGUE
from tests.evidence.test_sweeps import BLOCK, SIZE, SQUARES, InSubmit, judge_squares

# Of distributed's own making, while a worker is down.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def dask():
    """A cluster of two processes, as an executor of the standard library."""
    with (
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as executor,
    ):
        yield executor


def _die_once(marker, inputs):
    """Kill the worker that comes to the second half first, as the kernel would: no goodbye."""
    try:
        if inputs[0] >= SIZE // 2:
            marker.touch(exist_ok=False)
            os._exit(1)
    except FileExistsError:
        pass
    return judge_squares(inputs)


def test_a_sweep_with_a_killed_worker(dask, tmp_path):
    marker = tmp_path / "died"
    dying = replace(SQUARES, judge=partial(_die_once, marker))
    found = certificate(dying, run(dying, dask, chunk=4 * BLOCK))
    assert marker.exists()
    assert found == certificate(SQUARES, run(SQUARES, InSubmit(), chunk=SIZE))


def test_experiments(dask):
    tables = {n: dask.submit(CATALOGUE[n].table, quick=True) for n in ("cost_batch", "binade")}
    for name, future in tables.items():
        assert future.result() == CATALOGUE[name].table(quick=True)

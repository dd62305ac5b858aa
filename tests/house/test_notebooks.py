"""The notebooks run from scratch, each in a kernel of its own, and are committed without output."""

import os
from tempfile import TemporaryDirectory

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

from tests.support.paths import ROOT
from tests.support.selection import quick

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
EACH_NOTEBOOK = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
ONE = {"1_formats"}
"""The others run with the slow tests: what they call has tests of its own."""


def read(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def run():
    """Return a function that runs every cell as if the notebook were opened where it lies.

    The first error in a cell is raised. Sockets are files, whose paths must be short: no port is
    opened, and workers cannot meet.
    """
    with TemporaryDirectory() as home:
        config = Config({"KernelManager": {"transport": "ipc", "ip": f"{home}/kernel"}})
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": home}

        def execute(notebook):
            where = {"metadata": {"path": str(ROOT / "notebooks")}}
            client = NotebookClient(notebook, timeout=600, resources=where, config=config)
            return client.execute(env=environment)

        yield execute


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def kinds(notebook):
    """Return the kinds of all that a notebook shows."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    return {kind for output in outputs for kind in output.get("data", {})}


def test_there_are_notebooks():
    assert len(NOTEBOOKS) == 10


@pytest.mark.parametrize("stem", quick([path.stem for path in NOTEBOOKS], ONE))
def test_a_notebook_runs_from_scratch(stem, run):
    shown = kinds(run(read(ROOT / "notebooks" / f"{stem}.ipynb")))
    assert "text/html" in shown


@pytest.mark.parametrize("source", ["assert 1 + 1 == 3", "import msdnum; msdnum.encode()"])
def test_a_failing_cell_fails_the_test(source, run):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    with pytest.raises(CellExecutionError, match=r"AssertionError|TypeError"):
        run(notebook)


@EACH_NOTEBOOK
def test_a_notebook_is_committed_without_output(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook.metadata == METADATA
    assert all(cell.metadata == {} for cell in notebook.cells)
    assert all(cell.outputs == [] for cell in code_cells(notebook))
    assert all(cell.execution_count is None for cell in code_cells(notebook))


@EACH_NOTEBOOK
def test_a_notebook_is_short_and_holds_what_it_says(path):
    notebook = read(path)
    assert 8 <= len(notebook.cells) <= 17
    assert sum("assert " in cell.source for cell in code_cells(notebook)) >= 4

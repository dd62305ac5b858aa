"""The walk-through prints what it says, and names files and commands that are there."""

import contextlib
import io
import re
from pathlib import Path

import msdnum.trials
from msdnum.experiments.tables import read

FOLDER = Path(msdnum.trials.__file__).parent
TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_its_examples_print_what_it_says():
    examples = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", TEXT, re.DOTALL)
    assert len(examples) == 2
    for source, printed in examples:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(source, {})
        assert out.getvalue() == printed


def test_its_table_is_made_and_drawn(tmp_path):
    """The last two examples are the modules that a trial of one's own names."""
    table, drawing = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[2:]
    made, drawn = {}, {}
    exec(table, made)
    exec(drawing, drawn)
    (experiment,) = made["CATALOGUE"].values()
    _, rows = read(experiment.write(tmp_path, quick=True))
    assert {row["scale"] for row in rows} >= {"256", "264"}
    page = drawn["DRAWINGS"][experiment.name](rows)
    assert page.axes[0].get_lines()


def test_its_files_are_there():
    named = re.findall(r"^(pcast/\S+)", TEXT, re.MULTILINE)
    assert len(named) == 7
    assert [name for name in named if not (FOLDER / name).exists()] == []

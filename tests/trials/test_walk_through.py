"""The walk-through prints what it says, and names files and commands that are there."""

import contextlib
import io
import re
from pathlib import Path

import msdnum.trials

FOLDER = Path(msdnum.trials.__file__).parent
TEXT = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_its_examples_print_what_it_says():
    examples = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", TEXT, re.DOTALL)
    assert len(examples) == TEXT.count("```python") == 2
    for source, printed in examples:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(source, {})
        assert out.getvalue() == printed


def test_its_files_are_there():
    named = re.findall(r"^(pcast/\S+)", TEXT, re.MULTILINE)
    assert len(named) == 7
    assert [name for name in named if not (FOLDER / name).exists()] == []

"""``msdnum show``: the page, and one line for a wrong name."""

import json

import pytest

from msdnum import SCHEMES, report
from msdnum.cli.main import main


def test_show_prints_the_page(capsys, tmp_path):
    assert main(["show", "MXFP4_X2"]) == 0
    assert capsys.readouterr().out == f"{report(SCHEMES['MXFP4_X2'])}\n"
    (tmp_path / "mine.py").write_text("import msdnum\nMINE = msdnum.FloatFormat('E2M2', 2, 2, 1)\n")
    assert main(["show", f"{tmp_path}/mine.py:MINE", "--json", "--distribution", "normal"]) == 0
    assert json.loads(capsys.readouterr().out)["worst"]["error"] == "1/9"


@pytest.mark.parametrize("name", ["NF4", "UE5M3", "E4M3FNUZ"])
def test_formats_of_no_registry_are_shown(name, capsys):
    assert main(["show", name, "--distribution", "uniform"]) == 0
    assert capsys.readouterr().out.startswith(f"{name}, number format\n")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("MXFP4X2", "did you mean 'MXFP4_X2'?"),
        ("none.py:X", "a file that is there"),
        ("{}:MIEN", "did you mean 'MINE'?"),
        ("{}:json", "what must be a number format"),
    ],
)
def test_show_refuses_wrong_names_in_a_line(name, message, capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("import json\nMINE = 1\n")
    assert main(["show", name.format(path)]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1

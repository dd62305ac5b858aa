"""``msdnum units``: its table, its status, and what it refuses in one line."""

import pytest

from msdnum.cli.main import main


def test_the_emulator_agrees_and_the_table_is_written(tmp_path, capsys):
    line = [
        "units",
        "emulator",
        "--count",
        "64",
        "--only",
        "CDNA2*",
        "--only",
        "*FNUZ",
        "--out",
        str(tmp_path),
    ]
    assert main(line) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["CDNA2", "FP16", "36", "of", "36"]
    assert printed[-1].endswith("inner products are equal")
    table = (tmp_path / "units.md").read_text()
    assert table.startswith("# Matrix units beside emulator\n")
    assert "| CDNA3_FNUZ | E4M3FNUZ x E5M2FNUZ | " in table


def test_a_difference_ends_with_status_1(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text(
        "import numpy as np\nPACKAGES = ('numpy',)\n\n\n"
        "def inner_products(codes_a, codes_b, c, **names):\n    return c.copy()\n"
    )
    assert main(["units", str(path), "--count", "64", "--only", "HOPPER"]) == 1
    assert "here, 0x" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (["ml_dtypes"], "must have inner_products"),
        (["emulator", "--only", "NOBODY"], "only must match the name of a unit"),
        (["emulator", "--count", "0"], "count"),
    ],
)
def test_what_shows_nothing_ends_with_status_2(line, words, capsys):
    try:
        status = main(["units", *line])
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert words in capsys.readouterr().err

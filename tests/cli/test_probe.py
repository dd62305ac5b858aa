"""``msdnum probe``: adapters of units, and clear words for those that are no products."""

import json

import pytest

from msdnum.cli.main import main

ONE_BY_ONE = """
import numpy as np
PACKAGES = ("numpy",)

def matmul(codes_a, codes_b, *, fmt, accumulator):
    if fmt != "FP16":
        raise NotImplementedError
    a, b = (x.view(np.float16).reshape(2, -1).astype(np.float32) for x in (codes_a, codes_b))
    c = np.zeros((2, 2), np.float32)
    for k in range(a.shape[1]):
        c = c + a[:, k, None] * b[:, k]
    return c
"""


def test_the_emulator_is_what_it_says(capsys, tmp_path):
    out = tmp_path / "found.json"
    line = ["probe", "emulator", "--accumulator", "CDNA3", "--length", "24", "--json", str(out)]
    assert main(line) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == "emulator CDNA3, BF16, k = 24"
    assert "fits        CDNA3: all of" in printed
    assert json.loads(out.read_text())["fits"] == ["CDNA3"]


def test_block_formats_are_probed_by_their_scales(capsys):
    line = ["probe", "emulator", "--accumulator", "BLACKWELL_MXFP4", "--format", "MXFP4"]
    assert main(line) == 0
    assert "64 products at once" in capsys.readouterr().out


def test_an_adapter_of_ones_own_needs_one_function(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text(ONE_BY_ONE)
    assert main(["probe", str(path), "--format", "FP16"]) == 0
    printed = capsys.readouterr().out
    assert "the sum so far and 1 product, 159 times" in printed
    assert "fits        SEQUENTIAL" in printed
    assert "c           not asked" in printed


def test_a_unit_that_no_preset_is_ends_with_status_1(tmp_path, capsys):
    path = tmp_path / "mine.py"
    pairs = ONE_BY_ONE.replace("range(a.shape[1])", "range(0, a.shape[1], 2)").replace(
        "b[:, k]", "b[:, k] + a[:, k + 1, None] * b[:, k + 1]"
    )
    path.write_text(pairs.replace("c + a[", "c + (a[").replace("+ 1]\n", "+ 1])\n"))
    assert main(["probe", str(path), "--format", "FP16"]) == 1
    printed = capsys.readouterr().out
    assert "the sum so far and a sum of 2, 79 times" in printed or "a sum of 2" in printed
    assert "none of" in printed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            ("def matmul", "def encode"),
            "must be a product: have inner_products or matmul, got encode",
        ),
        (('!= "FP16"', '== ""'), None),
        (('fmt != "FP16"', "True"), "give it another --accumulator"),
        (("return c", "return c[0]"), "must give 4 values"),
        (("return c", "return 0 * c"), "must give 1 for one product 1 * 1 in FP16"),
        (("np.zeros", "np.zeroes"), "the adapter itself fails"),
        (("return c", "raise ValueError('not on Sundays')"), "not on Sundays"),
    ],
)
def test_what_is_no_product_is_said_in_one_line(change, words, tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text(ONE_BY_ONE.replace(*change))
    status = main(["probe", str(path), "--format", "FP16"])
    printed = capsys.readouterr()
    if words is None:
        assert status == 0
        return
    assert status == 2
    assert words in printed.err
    assert len(printed.err.splitlines()) == 1


def test_another_format_is_named_where_an_adapter_has_one(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text(ONE_BY_ONE)
    assert main(["probe", str(path)]) == 2
    assert "must multiply BF16 in accumulator SEQUENTIAL" in (err := capsys.readouterr().err)
    assert "give it --format FP16" in err
    assert main(["probe", str(path), "--length", "2"]) == 2


def test_an_accumulator_that_nobody_has_is_refused(capsys):
    assert main(["probe", "emulator", "--accumulator", "HOPER"]) == 2
    assert "give it another --accumulator" in capsys.readouterr().err

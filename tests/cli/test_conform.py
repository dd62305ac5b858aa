"""No green for nothing: what ``msdnum conform`` says and returns when it has shown nothing."""

import re
import sys

import pytest

from tests.support.conform import E2M1_ONLY, RIGHT


def test_a_ready_adapter_of_a_missing_package_is_not_green(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "gfloat", None)
    monkeypatch.delitem(sys.modules, "msdnum.conformance.adapters.gfloat", raising=False)
    status, out, err = run("gfloat")
    assert (status, out) == (2, "")
    assert "gfloat: not run" in err
    assert "pip install it" in err


# Refusals


def test_not_implemented_for_some_inputs_is_an_answer(adapter, run):
    text = (
        E2M1_ONLY + "    if (x == 6).any():\n        raise NotImplementedError\n    return codes\n"
    )
    status, out, _ = run(adapter(text), "--only", "encode/E2M1/RNE")
    assert status == 1
    assert "values/40C00000: x 0x40C00000 (6): expected codes 0x7, got NotImplementedError" in out


def test_why_groups_are_not_run_is_said(adapter, run):
    status, out, _ = run(adapter(RIGHT))
    assert status == 0
    assert re.search(r"### Not run: 8\d\d groups\n", out)
    assert re.search(r"- encode, \d+ groups: NotImplementedError: only E2M1\n", out)
    assert re.search(r"- quantize, \d+ groups: there is no function quantize\n", out)


@pytest.mark.parametrize("option", ["--json", "--junit"])
def test_a_file_that_cannot_be_written_is_named_before_the_work(adapter, run, tmp_path, option):
    status, out, err = run(adapter("1 / 0"), option, tmp_path / "no" / "folder")
    assert (status, out) == (2, "")
    assert "file '" in err
    assert "cannot be written: No such file" in err

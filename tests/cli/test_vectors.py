"""``msdnum vectors``: the files that it writes."""

import argparse

import pytest

from msdnum.cli import vectors
from msdnum.conformance import suite
from msdnum.conformance.own_formats import named_groups


def run(*arguments):
    parser = argparse.ArgumentParser()
    vectors.add_arguments(parser)
    return vectors.run(parser.parse_args(arguments))


def test_the_command_writes(tmp_path, capsys):
    assert run("--out", str(tmp_path / "v")) == 0
    assert suite.digest() in capsys.readouterr().out
    assert (tmp_path / "v" / "manifest.json").is_file()


def test_the_command_writes_those_of_further_formats(tmp_path, capsys):
    assert run("--out", str(tmp_path), "--formats", "NF4", "HIF4", "UINT4", "NF4") == 0
    written = suite.read(tmp_path)
    named = named_groups(["NF4", "HIF4", "UINT4"])
    assert {group.name: group for group in written} == {group.name: group for group in named}
    cases = sum(len(group.cases) for group in written)
    assert capsys.readouterr().out.startswith(f"{cases} vectors in {len(written)} groups, sha256 ")


def test_a_format_without_such_vectors_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        run("--out", str(tmp_path), "--formats", "NF5")
    assert "invalid choice: 'NF5'" in capsys.readouterr().err

"""``msdnum vectors``: the files that it writes."""

from msdnum.cli import vectors
from msdnum.conformance import suite


def test_the_command_writes(tmp_path, capsys):
    import argparse

    parser = argparse.ArgumentParser()
    vectors.add_arguments(parser)
    assert vectors.run(parser.parse_args(["--out", str(tmp_path / "v")])) == 0
    assert suite.digest() in capsys.readouterr().out
    assert (tmp_path / "v" / "manifest.json").is_file()

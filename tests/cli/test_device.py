"""``msdnum device``: one line a part, files, and a status that is 0 only if every part ran."""

import argparse

import pytest

from msdnum.cli import device
from msdnum.device.parts import PartOutcome, Status


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((Status.AS_EXPECTED, Status.MEASURED), 0),
        ((Status.AS_EXPECTED, Status.CANNOT_RUN), 3),
        ((Status.DIFFERS, Status.CANNOT_RUN), 1),
    ],
)
def test_the_status_is_that_of_the_worst_part(monkeypatch, tmp_path, capsys, statuses, expected):
    given = dict(zip(("bits", "times"), statuses, strict=True))
    monkeypatch.setattr(
        device, "run_part",
        lambda name, quick: PartOutcome(name, given[name], (f"  {quick}",), {f"{name}.json": "{}"}),
    )  # fmt: skip
    parser = argparse.ArgumentParser()
    device.add_arguments(parser)
    words = ["--only=bits", "--only=times", "--quick", f"--out={tmp_path / 'out'}"]
    assert device.run(parser.parse_args(words)) == expected
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("JAX ")
    assert printed[1].startswith(f"bits: {statuses[0].value} (")
    assert printed[2] == "  True"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["bits.json", "times.json"]

"""Two tables: other versions and other last digits are no difference, all else is."""

import pytest

from msdnum.experiments.differences import table_differences
from msdnum.experiments.tables import text

ROW = {"scheme": "MXFP4_X2", "terms": 2, "error": 0.015625, "note": ""}
HEADER = {"experiment": "errors", "seed": 1, "versions": {"numpy": "2.4.6"}}


@pytest.fixture
def differences(tmp_path):
    def compare(rows, header=HEADER):
        paths = [tmp_path / name for name in ("made.csv", "kept.csv")]
        paths[0].write_text(text(rows, header))
        paths[1].write_text(text([ROW, ROW], HEADER))
        return table_differences(*paths)

    return compare


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({}, []),
        ({"error": 0.015626}, []),
        ({"error": 0.0157}, ["row 2, error: 0.0157, was 0.015625"]),
        ({"error": -0.015625}, ["row 2, error: -0.015625, was 0.015625"]),
        ({"error": float("nan")}, ["row 2, error: nan, was 0.015625"]),
        ({"scheme": "MXFP4"}, ["row 2, scheme: MXFP4, was MXFP4_X2"]),
        ({"terms": 3}, ["row 2, terms: 3, was 2"]),
        ({"note": 1.0}, ["row 2, note: 1, was "]),
    ],
)
def test_a_cell(changed, found, differences):
    assert differences([ROW, ROW | changed]) == found


def test_whole_numbers_have_no_tolerance(tmp_path):
    for name, count in (("made", 100_001), ("kept", 100_000)):
        (tmp_path / name).write_text(text([{"count": count}], {}))
    assert table_differences(tmp_path / "made", tmp_path / "kept") == [
        "row 1, count: 100001, was 100000"
    ]


def test_rows_columns_and_header(differences):
    assert differences([ROW]) == ["1 rows, were 2"]
    renamed = {("err" if name == "error" else name): cell for name, cell in ROW.items()}
    assert differences([renamed] * 2) == ["column 'err', was 'error'"]
    assert differences([ROW] * 2, HEADER | {"versions": {}}) == []
    assert differences([ROW] * 2, HEADER | {"seed": 2}) == ["header, seed: 2, was 1"]

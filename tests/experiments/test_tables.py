"""Tables: what must be there, and damage that is named."""

import sys
import types

import pytest

from msdnum._repository import FIGURES
from msdnum.experiments import tables


def test_tables_must_be_tables(tmp_path):
    with pytest.raises(ValueError, match="records must be one or more with equal columns"):
        tables.text([{"a": 1}, {"b": 1}], {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n", "x.csv' must begin with"),
        (b"# {nope\na\n1\n", "x.csv' must begin with"),
        (b"\xff", "x.csv' must begin with"),
        (b"# {}\na,b\n1\n", "x.csv' must have columns, and a cell for each"),
        (b"# {}\n", "x.csv' must have columns"),
    ],
)
def test_a_damaged_table_is_named(tmp_path, content, message):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        tables.read(tmp_path / "x.csv")


def test_a_table_is_a_data_frame_where_there_is_pandas():
    pandas = pytest.importorskip("pandas")
    frame = tables.load("effective_bits")
    assert isinstance(frame, pandas.DataFrame)
    assert frame["rms_relative"].dtype == float
    assert frame.attrs["experiment"] == "effective_bits"
    _, records = tables.read(FIGURES / "msd" / "tables" / "effective_bits.csv")
    assert len(frame) == len(records)
    assert list(frame.columns) == list(records[0])


def test_every_table_can_be_loaded():
    pytest.importorskip("pandas")
    for path in FIGURES.glob("*/tables/*.csv"):
        assert len(tables.load(path.stem)) == len(tables.load(path)) > 0


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"load needs pandas: pip install 'msdnum\[tables\]'; "
    ):
        tables.load("effective_bits")


def test_a_name_that_is_none_has_a_near_one(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", types.ModuleType("pandas"))
    with pytest.raises(ValueError, match=r"got 'effective_bit'; did you mean 'effective_bits'\?"):
        tables.load("effective_bit")

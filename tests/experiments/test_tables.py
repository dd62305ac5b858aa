"""Tables: what must be there, and damage that is named."""

import pytest

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

"""Tables of blocks: witnesses, and every position."""

import re
from itertools import groupby

from msdnum import spec
from msdnum.formats.elements import E2M1
from msdnum.formats.modes import ScaleRule
from tests.support.error_tables import column, committed

# Blocks


def patterns(witness):
    return [int(word, 16) for word in re.findall(r"[0-9a-f]{4}", witness.removeprefix("BF16"))]


def test_witnesses_reproduce_by_the_specification():
    for row in committed("binade", passes="2", second_scale="s2 = s1/8")[::7]:
        values = [spec.from_float32_bits(p << 16) for p in patterns(row["witness"])]
        left = spec.decompose_covering(values, (E2M1, E2M1), ScaleRule[row["rule"]]).remainders
        assert f"{float(abs(left[-1]) / 2):.5g}" == row["error"]


def test_where_one_64th_is_attained():
    rows = committed("binade", passes="2", rule="CEIL", second_scale="s2 = s1/8")
    attained = [row["amax_over_alpha"] for row in rows if row["attains"] == "True"]
    assert attained == [str(n / 256) for n in range(148, 257)]  # from 37/64
    assert column(rows, "error").max() == 1 / 64
    floor = committed("binade", passes="2", rule="FLOOR", second_scale="s2 = s1/8")
    assert 0.15 < column(floor, "error").max() < 5 / 32
    assert not any(row["attains"] == "True" for row in floor)


def test_all_positions_are_there():
    for _, rows in groupby(
        committed("binade"), lambda r: (r["passes"], r["rule"], r["second_scale"])
    ):
        assert [float(r["amax_over_alpha"]) for r in rows] == [n / 256 for n in range(129, 257)]

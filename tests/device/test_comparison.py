"""A comparison sees a bit that differs, and gives what it takes to compute it again."""

import json

import numpy as np
import pytest

from msdnum.device.comparison import DotSet, canonical, compared, computes_integers, dot_sets
from msdnum.device.dot_families import FAMILIES_OF_DOTS, Dots
from msdnum.device.instructions import TENSOR_CORES, FusedChain
from msdnum.device.unit_models import modelled
from tests.support.paths import ROOT
from tests.support.tensor_cores import FEW, Imitation, last_bit_of_the_first

SIZE = (10, 9)
EACH = pytest.mark.parametrize("name", FEW)


def patterns(words, like):
    width = np.dtype(f"u{like.itemsize}")
    return np.array([int(word, 16) for word in words], width).view(like.dtype)


@EACH
def test_what_computes_as_the_model_is_equal_in_every_set(name):
    of = TENSOR_CORES[name]
    for each in dot_sets(of, SIZE):
        found = compared(each, Imitation().multiply)
        assert found.equal == found.results == 90, each
        assert found.witnesses == ()


@EACH
def test_one_bit_is_seen_and_its_witness_computes_it_again(name):
    of = TENSOR_CORES[name]
    for each in list(dot_sets(of, SIZE))[:3]:
        found = compared(each, Imitation(last_bit_of_the_first).multiply)
        assert found.equal == found.results - 1, each
        (witness,) = found.witnesses
        given = each.operands()
        again = Dots(
            patterns(witness["a"], given.a)[None],
            patterns(witness["b"], given.b)[None],
            patterns([witness["c"]], given.c)[None],
        )
        d = modelled(of, again)
        assert canonical(d)[0, 0] == int(witness["model"], 16)
        assert int(witness["hardware"], 16) ^ int(witness["model"], 16) == 1


def test_sets_are_every_family_with_every_start():
    sets = list(dot_sets(TENSOR_CORES["wgmma.m64n8k32.f16.e4m3.e5m2"], SIZE))
    assert len({(s.family, s.start, s.count) for s in sets}) == len(sets)
    assert {s.family for s in sets} == set(FAMILIES_OF_DOTS)
    assert {(s.start, s.count) for s in sets} == {("c", 1), ("zero", 1), ("c", 3), ("nothing", 1)}
    for each in sets:
        given = each.operands()
        assert given.a.shape == (10, 32 * each.count)
        assert each.start == "c" or not canonical(given.c).any()
    assert "nothing" not in {s.start for s in dot_sets(TENSOR_CORES[FEW[0]], SIZE)}


def test_digests_are_of_the_bits_and_know_one_nan():
    each = next(iter(dot_sets(TENSOR_CORES[FEW[0]], SIZE)))

    def with_nan(pattern):
        def change(name, d):
            d = d.copy()
            d[0, 0] = np.array(pattern, np.uint32).view(np.float32)
            return d

        return compared(each, Imitation(change).multiply)

    quiet, other = with_nan(0x7FC00000), with_nan(0x7FFFFFFF)
    assert quiet.outputs == other.outputs
    assert quiet.nan_patterns == ("7fc00000",)
    assert other.nan_patterns == ("7fffffff",)
    plain = compared(each, Imitation().multiply)
    assert plain.outputs != quiet.outputs
    assert plain.inputs == quiet.inputs


@EACH
def test_small_integers_tell_a_wrong_program_from_a_wrong_model(name):
    assert computes_integers(TENSOR_CORES[name], Imitation().multiply)
    shifted = Imitation(lambda name, d: np.roll(d, 1, axis=1))
    assert not computes_integers(TENSOR_CORES[name], shifted.multiply)


CERTIFICATE = ROOT / "certificates" / "tensor_cores.json"


@pytest.mark.skipif(not CERTIFICATE.exists(), reason="no GPU has been met: msdnum device")
def test_what_the_hardware_gave_is_what_the_models_give_here():
    """Of each instruction one set, by the digests of a certificate; rationals take too long."""
    rows = json.loads(CERTIFICATE.read_text(encoding="utf-8"))["rows"]
    firsts = {row["instruction"]: row for row in reversed(rows) if row["equal"] == row["results"]}
    assert firsts
    for name, row in firsts.items():
        of, size = TENSOR_CORES[name], tuple(row["size"])
        each = DotSet(of, row["family"], row["start"], row["count"], size, row["seed"])
        exact = isinstance(of.model, FusedChain)
        found = compared(each, Imitation().multiply) if not exact else None
        assert exact or found.inputs == row["inputs_sha256"], name
        assert exact or found.outputs == row["outputs_sha256"], name

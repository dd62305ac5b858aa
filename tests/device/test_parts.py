"""Parts of ``msdnum device``: what cannot run is never as expected, and results are data."""

import json

import pytest

from msdnum.conformance.casts import decode_groups
from msdnum.device import parts
from msdnum.device.agreement import Agreement
from msdnum.device.instructions import TENSOR_CORES
from msdnum.device.parts import PARTS, Status, run_part
from msdnum.device.tensor_cores import CannotRunError
from tests.support.tensor_cores import FEW, Imitation, last_bit_of_the_first


@pytest.fixture
def imitated(monkeypatch):
    """Put models in the place of tensor cores, with a change of their results."""

    def put(*change):
        few = {name: TENSOR_CORES[name] for name in FEW[::3]}
        monkeypatch.setattr(parts, "TENSOR_CORES", few)
        monkeypatch.setattr(parts, "SMALL", (8, 8))
        monkeypatch.setattr(parts, "compiled", lambda: None)
        monkeypatch.setattr(parts, "TensorCores", lambda library: Imitation(*change))
        return run_part("hardware", quick=True)

    return put


def test_without_a_gpu_hardware_says_so(monkeypatch):
    def refuse():
        raise CannotRunError("needs nvcc")

    monkeypatch.setattr(parts, "compiled", refuse)
    outcome = run_part("hardware")
    assert outcome.status is Status.CANNOT_RUN
    assert outcome.lines == ("  needs nvcc",)
    assert outcome.files == {}


def test_tensor_cores_as_modelled_are_certified(imitated):
    outcome = imitated()
    assert outcome.status is Status.AS_EXPECTED
    certificate = json.loads(outcome.files["tensor_cores.json"])
    assert certificate["gpu"]["name"] == "NVIDIA of the tests"
    assert set(certificate["summary"]) == set(FEW[::3])
    for line in certificate["summary"].values():
        assert line["equal"] == line["results"]
    assert sum(row["results"] for row in certificate["rows"]) == sum(
        line["results"] for line in certificate["summary"].values()
    )
    assert len(certificate["program_sha256"]) == 64


def test_a_bit_that_differs_is_not_as_expected(imitated):
    def later(name, d):
        return d if d.shape == (70, 23) else last_bit_of_the_first(name, d)

    outcome = imitated(later)
    assert outcome.status is Status.DIFFERS
    assert any("1 differ" in line for line in outcome.lines)


def test_a_program_that_is_wrong_is_not_taken_for_a_model_that_is(imitated):
    outcome = imitated(lambda name, d: d[:, ::-1])
    assert outcome.status is Status.DIFFERS
    assert sum("small integers come out wrong" in line for line in outcome.lines) == 2
    assert json.loads(outcome.files["tensor_cores.json"])["rows"] == []


@pytest.mark.parametrize(("equal", "status"), [(4, Status.AS_EXPECTED), (3, Status.DIFFERS)])
def test_bits_are_as_expected_if_all_are(monkeypatch, equal, status):
    rows = [Agreement("formats", "one", 4, 4), Agreement("blocks", "other", 4, equal)]
    monkeypatch.setattr(parts, "agreements", lambda chosen: iter(rows))
    outcome = run_part("bits", quick=True)
    assert outcome.status is status
    document = json.loads(outcome.files["bits.json"])
    assert document["device"] == "cpu"
    assert [row["equal"] for row in document["rows"]] == [4, equal]


def test_vectors_run_and_those_that_do_not_are_no_success(monkeypatch):
    monkeypatch.setattr(parts, "QUICK_VECTORS", ["decode/E2M1"])
    monkeypatch.setattr(parts.suite, "groups", lambda: tuple(decode_groups()))
    outcome = run_part("vectors", quick=True)
    assert outcome.status is Status.AS_EXPECTED
    assert json.loads(outcome.files["vectors.json"])["adapters"][0]["compared"] > 8
    monkeypatch.setattr(parts, "conform", lambda name, groups: Unrun())
    assert run_part("vectors", quick=True).status is Status.CANNOT_RUN


class Unrun:
    """A report on nothing."""

    disagreements, not_run, compared = (), {}, 0
    adapter, versions, counts, known = "none", {}, {}, frozenset()

    def of(self, standard):
        return []


def test_times_on_a_cpu_are_refused_unless_a_little_is_asked_for(monkeypatch):
    assert run_part("times").status is Status.CANNOT_RUN
    asked = []

    def measured(layers, rows, rounds):
        asked.append((len(layers), len(rows), rounds))
        return iter([{"layer": "x", "seconds": 1.0}])

    monkeypatch.setattr(parts, "measured", measured)
    outcome = run_part("times", quick=True)
    assert asked == [(1, 2, 1)]
    assert outcome.status is Status.MEASURED
    assert '"device": "cpu"' in outcome.files["times.csv"]
    assert outcome.files["times.csv"].endswith("layer,seconds\nx,1\n")


def test_parts_have_the_names_that_their_outcomes_have():
    assert list(PARTS) == ["hardware", "bits", "vectors", "times"]

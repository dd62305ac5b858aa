"""Instructions: their names say what their fields say, and the program has every one."""

import re

import pytest

from msdnum.device import tensor_cores
from msdnum.device.instructions import TENSOR_CORES, FusedChain
from msdnum.formats.accumulators import Int32Overflow

EACH = pytest.mark.parametrize("of", TENSOR_CORES.values(), ids=lambda of: of.name)
TYPES = {"f16": "FP16", "bf16": "BF16", "tf32": "TF32", "e4m3": "E4M3", "e5m2": "E5M2",
         "s8": "INT8", "f32": "BINARY32"}  # fmt: skip


@EACH
def test_the_name_says_shape_and_types(of):
    shape, total, left, right = re.fullmatch(
        r"w?g?mma\.(m\d+n8k\d+)(?:\.satfinite)?\.(\w+)\.(\w+)\.(\w+)", of.name
    ).groups()
    assert int(shape.partition("k")[2]) == of.k
    for fmt, name in ((of.left, left), (of.right, right), (of.output, total)):
        assert (TYPES[name] if fmt else name) == (fmt.name if fmt else name)
    assert of.starts_from_nothing == of.name.startswith("wgmma")


@EACH
def test_the_model_takes_the_elements_and_holds_the_output(of):
    if isinstance(of.model, FusedChain | Int32Overflow):
        assert of.output is None
        return
    assert of.model.output == of.output
    assert {of.left, of.right} <= {*of.model.takes, of.left, of.right}
    assert of.model_name == of.model.name


def test_the_program_has_every_instruction_and_a_chain_to_hold_binary64_against():
    source = tensor_cores.source()
    entries = re.findall(r'(?:>\(|\{)"([a-z]+\.[\w.]+)"', source)
    assert sorted(entries) == sorted([*TENSOR_CORES, "fma.rn.f64"])


@EACH
def test_the_program_means_the_instruction_that_it_names(of):
    """The text of PTX behind a name: its shape, then its types, with or without layouts."""
    source = tensor_cores.source()
    (kind,) = re.findall(rf'(?:warps|warpgroups|binary64)<(\w+)>\("{re.escape(of.name)}"\)', source)
    shape, *types = of.name.split(".")[1:]
    wide = re.findall(rf'MMA\({kind}, .*?"(m\d[\w.]+)"', source)
    text = wide[0] if wide else re.findall(rf'struct {kind} .*?"(m\d[\w.]+) ', source, re.DOTALL)[0]
    words = [word for word in text.split(".") if word not in ("row", "col")]
    assert words[: len(types) + 1] == [shape, *types]

"""Tensors of checkpoints with their scales, number by number, and on the command line."""

import json
from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from msdnum import BLOCK_FORMATS, quantize
from msdnum.cli.main import main
from msdnum.emulator import layouts
from msdnum.emulator.packing import pack
from msdnum.evidence.checkpoints import load_weight
from msdnum.formats.elements import E2M1
from tests.inputs.files.test_sources import write

RNG = np.random.default_rng(6)
E4M3 = RNG.integers(0, 0x7F, (8, 64), dtype=np.uint8)
E8M0 = RNG.integers(100, 140, (8, 2), dtype=np.uint8)


def tensor(dtype, x):
    return dtype, x.shape, x.tobytes()


def e4m3(code):
    field, fraction = code >> 3, code & 7
    return Fraction(fraction if field == 0 else 8 + fraction) * Fraction(2) ** (max(field, 1) - 10)


def judged(capsys, *arguments):
    status = main(["verify", "--only", "tensor", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def refused(*arguments):
    with pytest.raises((TypeError, ValueError)) as caught:
        load_weight(*arguments)
    return str(caught.value)


def test_mxfp8_with_scales_that_are_named(tmp_path, capsys):
    path = write(tmp_path / "x", w=tensor("F8_E4M3", E4M3), s=tensor("F8_E8M0", E8M0))
    found = load_weight(f"{path}:w", f"{path}:s")
    for r in range(8):
        for c in range(64):
            right = e4m3(int(E4M3[r, c])) * Fraction(2) ** (int(E8M0[r, c // 32]) - 127)
            assert Fraction(float(found.numbers[r, c])) == right
    status, out, err = judged(capsys, "--tensor", f"{path}:w", "--scales", f"{path}:s")
    assert status == 0
    assert "tensor  the bounds hold on the tensor given: holds" in out
    assert err.startswith(f"msdnum: tensor {path}:w is read as E4M3 with E8M0 scales with s")


def test_codes_without_scales_say_what_they_need(tmp_path):
    path = write(tmp_path / "x", w=tensor("F8_E4M3", E4M3), n=tensor("I64", np.arange(4)))
    assert refused(f"{path}:w") == (
        "tensor 'w' must be F32, F16 or BF16, got F8_E4M3; if it holds codes, name its scales, too"
    )
    assert refused(f"{path}:n").endswith("got I64")


def quantized(name, shape=(4, 64)):
    return quantize(RNG.standard_normal(shape).astype(np.float32), BLOCK_FORMATS[name])


def test_gpt_oss_is_found_by_its_names_over_shards(tmp_path):
    mxfp4 = quantized("MXFP4")
    blocks, scales = layouts.to_blocks_and_scales(mxfp4)
    write(tmp_path / "1", w_blocks=tensor("U8", blocks))
    write(tmp_path / "2", w_scales=tensor("U8", scales))
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"w_blocks": "1", "w_scales": "2"}}))
    found = load_weight(f"{index}:w_blocks")
    assert found.numbers.tobytes() == mxfp4.dequantize().tobytes()
    assert found.read_as == "MXFP4 with w_scales"


@pytest.mark.parametrize("shape", [(), (1,)])
def test_nvfp4_of_modelopt_and_of_compressed_tensors_are_told_apart(tmp_path, shape):
    """One has a factor, the other a divisor, here a power of two: the numbers are the same."""
    nvfp4 = quantized("NVFP4")
    packed, scales, _ = layouts.to_modelopt(nvfp4)
    factor = np.full(shape, np.float32(2**-7))
    right = layouts.from_modelopt(packed, scales, factor).dequantize()
    path = write(
        tmp_path / "x",
        **{
            "a.weight": tensor("U8", packed),
            "a.weight_scale": tensor("F8_E4M3", scales),
            "a.weight_scale_2": tensor("F32", factor),
            "b.weight_packed": tensor("U8", packed),
            "b.weight_scale": tensor("F8_E4M3", scales),
            "b.weight_global_scale": tensor("F32", 1 / factor),
        },
    )
    for name, read_as in (("a.weight", "NVFP4 with"), ("b.weight_packed", "NVFP4_DIVIDED with")):
        found = load_weight(f"{path}:{name}")
        assert found.read_as.startswith(read_as)
        assert found.numbers.tobytes() == right.tobytes()
    message = refused(f"{path}:a.weight", f"{path}:a.weight_scale")
    assert "scales 'a.weight_scale' of E4M3 need the scale of the whole tensor, too" in message


def test_mxfp4_of_compressed_tensors_has_no_global_scale(tmp_path):
    mxfp4 = quantized("MXFP4")
    packed = pack(mxfp4.codes, E2M1)
    path = write(
        tmp_path / "x",
        **{
            "w.weight_packed": tensor("U8", packed),
            "w.weight_scale": tensor("U8", mxfp4.scale_codes),
            "f": ("F4", (4, 64), packed.tobytes()),
        },
    )
    right = mxfp4.dequantize().tobytes()
    assert load_weight(f"{path}:w.weight_packed").numbers.tobytes() == right
    assert load_weight(f"{path}:f", f"{path}:w.weight_scale").numbers.tobytes() == right


@pytest.mark.parametrize("dtype", ["F32", "BF16"])
def test_a_scale_for_each_square_is_that_of_its_rows_and_columns(tmp_path, dtype):
    codes = RNG.integers(0, 0x7F, (130, 300), dtype=np.uint8)
    kind = {"F32": np.float32, "BF16": ml_dtypes.bfloat16}[dtype]
    scales = RNG.random((2, 3)).astype(kind)
    path = write(tmp_path / "x", w=tensor("F8_E4M3", codes), w_scale_inv=tensor(dtype, scales))
    found = load_weight(f"{path}:w").numbers
    for r, c in ((0, 0), (127, 127), (128, 127), (127, 128), (129, 299)):
        right = np.float32(float(e4m3(int(codes[r, c])))) * np.float32(scales[r // 128, c // 128])
        assert found[r, c] == right


def test_one_scale_for_a_row_or_for_the_tensor(tmp_path):
    codes = RNG.integers(-128, 128, (3, 10), dtype=np.int8)
    rows = np.float32([[0.5], [3], [0.1]])
    path = write(
        tmp_path / "x",
        a=tensor("I8", codes), a_scale=tensor("F32", rows),
        b=tensor("I8", codes), b_scale=tensor("F32", np.float32([0.1])),
    )  # fmt: skip
    assert (load_weight(f"{path}:a").numbers == codes * rows).all()
    assert (load_weight(f"{path}:b").numbers == codes * np.float32(0.1)).all()


def test_scales_that_do_not_belong_are_refused(tmp_path):
    path = write(
        tmp_path / "x",
        w=tensor("F8_E4M3", E4M3),
        three=tensor("F32", np.ones((8, 3), np.float32)),
        row=tensor("F32", np.ones(8, np.float32)),
        whole=tensor("I64", np.ones((8, 2), np.int64)),
        nan=tensor("F8_E8M0", np.full((8, 2), 255, np.uint8)),
    )
    for name in ("three", "row"):
        message = refused(f"{path}:w", f"{path}:{name}")
        assert message.startswith("scales must be one, or of shape (8, 'blocks') with equal blocks")
    assert "scales 'whole' must be of the type F8_E8M0, U8" in refused(f"{path}:w", f"{path}:whole")
    assert "weight 'row' must be of the type F8_E4M3" in refused(f"{path}:row", f"{path}:nan")
    assert "tensor 'w' must be finite, got nan at" in refused(f"{path}:w", f"{path}:nan")


def test_scales_alone_are_refused(capsys):
    assert main(["verify", "--only", "tensor", "--scales", "x:y"]) == 2
    assert "scales need the tensor they belong to, --tensor" in capsys.readouterr().err


def test_a_tensor_that_is_not_judged_is_said_to_be(tmp_path, capsys):
    path = write(tmp_path / "x", w=tensor("F32", np.ones((2, 8), np.float32)))
    assert main(["verify", "--only", "model", "--tensor", f"{path}:w"]) == 0
    expected = f"tensor {path}:w is not judged: claim tensor is not among those chosen"
    assert expected in capsys.readouterr().err
    assert judged(capsys, "--tensor", f"{path}:w")[2].count("is not judged") == 0

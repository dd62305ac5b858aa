"""Which vectors are meant: patterns, requirements, and known differences one by one."""

import pytest

from tests.support.conform import RIGHT, TIES, WRONG_TIE

# Which vectors


@pytest.mark.parametrize(
    ("patterns", "count"),
    [
        ([TIES], 13),
        (["encode/E2M1/RNE/*/ties"], 13),
        ([f"{TIES}/3FA00000"], 1),
        ([f"{TIES}/3FA00000", f"{TIES}/3FA*"], 1),
        (["encode/E2M1/RNE/SATURATE/values", TIES], 27),
    ],
)
def test_only_some_vectors(adapter, run, patterns, count):
    only = [word for pattern in patterns for word in ("--only", pattern)]
    status, out, _ = run(adapter(RIGHT), *only)
    assert status == 0
    assert f"{count} of {count} vectors agree; 0 groups are not run." in out


def test_a_pattern_without_vectors_is_refused(adapter, run):
    status, out, err = run(adapter(RIGHT), "--only", "encode/E2M1/RNA/SATURATE/tie")
    assert (status, out) == (2, "")
    assert "no vector matches 'encode/E2M1/RNA/SATURATE/tie'; did you mean 'encode/E2M1/RNA/" in err


def test_what_is_required_must_have_been_compared(adapter, run):
    assert run(adapter(RIGHT), "--require", "encode")[0] == 0
    assert run(adapter(RIGHT), "--require", "encode/E2M1/RNE")[0] == 0
    assert run(adapter(RIGHT), "--require", f"{TIES}/3FA00000")[0] == 0
    status, out, err = run(
        adapter(RIGHT), "--require", "encode,quantize", "--require", "encode/E4M3"
    )
    assert status == 2
    assert "vectors agree" in out
    assert err == (
        "msdnum conform: mine: not compared, but required: quantize (there is no function "
        "quantize), encode/E4M3 (NotImplementedError: only E2M1)\n"
    )


@pytest.mark.parametrize(
    "arguments", [["--require", "quantise"], ["--require", "decode", "--only", TIES]]
)
def test_what_is_required_must_be_among_the_vectors(adapter, run, arguments):
    status, _, err = run(adapter(RIGHT), *arguments)
    assert status == 2
    assert "no vector matches" in err


# Known differences


@pytest.fixture
def known(tmp_path):
    def write(*lines):
        path = tmp_path / "known.txt"
        path.write_text("\n".join(lines))
        return path

    return write


def test_known_differences_are_accepted_one_by_one(adapter, run, known):
    wrong, both = adapter(WRONG_TIE), (f"{TIES}/3FA00000", f"  {TIES}/BFA00000 # with its sign")
    assert run(wrong, "--only", TIES)[0] == 1
    assert run(wrong, "--only", TIES, "--known", known("# ours", "", both[0]))[0] == 1
    status, out, _ = run(wrong, "--only", TIES, "--known", known(*both))
    assert status == 0
    assert "11 of 13 vectors agree" in out
    assert "### Wrong by the standard: 0, and 2 known" in out


def test_a_known_difference_that_no_longer_occurs_is_reported(adapter, run, known):
    ids = known(f"{TIES}/3FA00000", "decode/E2M1/codes/0")
    status, out, _ = run(adapter(RIGHT), "--known", ids)
    assert status == 0
    assert out.endswith(f"No longer different, but named in {ids}:\n{TIES}/3FA00000\n")
    assert "No longer" not in run(adapter(RIGHT), "--only", f"{TIES}/3FA00001", "--known", ids)[1]


def test_a_known_difference_must_be_a_vector(adapter, run, known, tmp_path):
    status, out, err = run(adapter(RIGHT), "--known", known(f"{TIES}/3FA0000"))
    assert (status, out) == (2, "")
    assert f"must name vectors, got '{TIES}/3FA0000'; did you mean '{TIES}/3FA00000'?" in err
    _, _, err = run(adapter(RIGHT), "--known", known("encode/E2M1/RNE/SATURATE/tie/0"))
    assert "; did you mean 'encode/E2M1/RNE/SATURATE/ties'?" in err
    (tmp_path / "known.txt").write_bytes(b"\xff\n")
    assert "must be text in UTF-8" in run(adapter(RIGHT), "--known", tmp_path / "known.txt")[2]
    assert "No such file" in run(adapter(RIGHT), "--known", tmp_path / "absent.txt")[2]

"""Adapters that are wrong: what fails is said in one line, and never green."""

import re

import pytest

from msdnum.conformance import runner, suite
from msdnum.conformance.adapters import OPERATIONS, READY
from msdnum.conformance.runner import AdapterError
from tests.support.conform import E2M1_ONLY, ENCODE, HEAD, RIGHT, TIES
from tests.support.conformance import CASTS, carry_out, written

# Nothing was compared


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("PACKAGES = ()", "there is no function encode, there is no function decode"),
        (ENCODE + "    raise NotImplementedError\n", "NotImplementedError"),
        (HEAD + "def _quantize(x): ...", "there is no function quantize"),
        (HEAD + "encode = None", "there is no function encode"),
    ],
)
def test_an_adapter_that_compares_nothing_shows_nothing(adapter, run, text, why):
    status, out, err = run(adapter(text))
    assert (status, out) == (2, "")
    assert err.startswith("msdnum conform: mine: nothing was compared: ")
    assert why in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "def quantise(x, *, fmt, rule): ...",
            "nobody calls quantise (did you mean quantize?); ",
        ),
        ("def Encode(x, **names): ...", "nobody calls Encode (did you mean encode?); "),
        ("from copy import deepcopy as dequantise", "dequantise (did you mean dequantize?); "),
        ("def helper(x): ...", "nobody calls helper; the functions of an adapter are"),
    ],
)
def test_a_public_function_that_nobody_calls_is_a_slip(adapter, run, text, names):
    status, out, err = run(adapter(RIGHT + text))
    assert (status, out) == (2, "")
    assert names in err
    assert err.count("\n") == 1


def test_a_helper_that_is_used_is_no_slip(adapter, run):
    used = RIGHT.replace("return codes", "return helper(codes)")
    text = used + "def helper(x):\n    return x\nclass Public: ...\nNAMES = ('quantise',)\n"
    assert run(adapter(text), "--only", TIES)[0] == 0


# The adapter itself fails


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("def f(:", r"SyntaxError: .*line 1"),
        (b"x = 1\0", r"(SyntaxError|ValueError): source code .* null bytes"),
        (b"x = '\xff'", r"SyntaxError: .*(utf|UTF)-8"),
        ("\n1 / 0", r"in line 2: ZeroDivisionError"),
        ("assert False", r"AssertionError$"),
        ("import package_that_nobody_has", r"ModuleNotFoundError: No module named 'package_"),
        ("import sys\nsys.exit(0)", r"in line 2: SystemExit: 0"),
        ("def f():\n    f()\nf()", r"in line 2: RecursionError"),
        ("class Own(BaseException): ...\nraise Own('a\\nb')", r"Own: a$"),
        ("", r"must have PACKAGES"),
        ("PACKAGES = 3", r"PACKAGES must be a tuple of names, got 3"),
        ("PACKAGES = 'numpy'", r"PACKAGES must be a tuple of names, got 'numpy'"),
        ("PACKAGES = ('no_such_package',)", r"'no_such_package', which is not installed"),
        ("PACKAGES = ('',)", r"'', which is not installed"),
    ],
)
def test_an_adapter_that_cannot_be_imported_is_one_line(adapter, run, text, what):
    status, out, err = run(adapter(text))
    assert (status, out) == (2, "")
    assert re.fullmatch(r"msdnum conform: .*mine\.py: .*\n", err)
    assert re.search(what, err.rstrip())


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("return unheard.zeros(3)", "NameError: name 'unheard' is not defined"),
        ("return x.unheard", "AttributeError: .*no attribute 'unheard'"),
        ("return encode(x)", "TypeError: encode.. missing 3 required"),
        ("import unheard", "ModuleNotFoundError: No module named 'unheard'"),
        ("return {}[fmt]", "KeyError: 'E2M1'"),
        ("return eval('1 +')", "SyntaxError: invalid syntax"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("encode(x, fmt=fmt, rounding=rounding, overflow=overflow)", "RecursionError"),
    ],
)
def test_an_adapter_that_fails_on_a_vector_is_one_line_with_its_place(adapter, run, body, what):
    status, out, err = run(adapter(f"{ENCODE}    {body}\n"), "--only", "encode/E2M1/RNE")
    assert (status, out) == (2, "")
    first = re.escape("encode/E2M1/RNE/SATURATE/values/")
    line = "" if "Syntax" in what else "in line 4 "
    assert re.fullmatch(rf"msdnum conform: .*mine\.py: .*fails.*{line}on {first}.*{what}.*\n", err)


def test_a_function_of_another_signature_fails(adapter, run):
    status, _, err = run(adapter(HEAD + "def encode(x): ...\n"))
    assert status == 2
    assert "TypeError: encode() got an unexpected keyword argument 'fmt'" in err


def test_a_function_of_one_number_is_called_with_one(adapter, run):
    one = "    return __import__('numpy').uint8([codes[0] if x.item() == x.item() else 0])\n"
    assert run(adapter(E2M1_ONLY + one), "--only", TIES)[0] == 0


def test_one_failing_adapter_does_not_hide_the_others(adapter, run):
    status, out, err = run(adapter(RIGHT), adapter("1 / 0", "other.py"), "--only", TIES)
    assert status == 2
    assert "## mine (numpy" in out
    assert re.fullmatch(r"msdnum conform: .*other\.py: .*\n", err)


@pytest.mark.parametrize("body", ["None", "'codes'", "codes.astype(float)", "[[1], [2, 3]]"])
def test_a_result_that_is_no_array_of_codes_is_no_refusal(tmp_path, body):
    with pytest.raises(AdapterError, match=r"on encode/.*: TypeError: a result must be "):
        runner.conform(written(tmp_path, CASTS, body))


def test_an_adapter_must_name_its_packages(tmp_path):
    with pytest.raises(ValueError, match="adapter must have PACKAGES"):
        runner.load(written(tmp_path, "", ""))


def test_unknown_and_missing_implementations(tmp_path, capsys):
    with pytest.raises(ValueError, match=r"adapter must be a Python file or one of emulator"):
        runner.load("nothing")
    path = tmp_path / "absent.py"
    path.write_text("import package_that_nobody_has")
    assert carry_out(path) == 2
    assert "No module named 'package_that_nobody_has'" in capsys.readouterr().err


def test_vectors_are_of_the_functions_that_adapters_may_have():
    asked = {group.operation for group in suite.groups()}
    assert asked | {"inner_products", "quantize_hif4", "quantize_asymmetric"} == set(OPERATIONS)
    assert "inner_products" not in asked


def test_ready_adapters():
    needed = {
        "emulator", "emulator_jax", "gfloat", "jax", "ml_dtypes", "mmasim", "qwix", "torch",
        "torchao",
    }  # fmt: skip
    assert set(READY) == needed

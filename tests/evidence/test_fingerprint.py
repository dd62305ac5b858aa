"""The same bits under every version of Python, NumPy, JAX and ml_dtypes."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental.compilation_cache import compilation_cache

from msdnum import BLOCK_FORMATS, quantize
from msdnum.emulator import blocks
from msdnum.evidence.fingerprint import digest, parts
from msdnum.formats.schemes import SCHEMES, Arithmetic
from msdnum.ledger.findings import Verdict
from msdnum.trials.toolkit import agreement
from tests.support.selection import quick

pytestmark = pytest.mark.core

EXACT_INT8 = {
    f"terms of {name}"
    for name, scheme in SCHEMES.items()
    if name.startswith("INT8") and scheme.arithmetic is Arithmetic.EXACT
}
"""JAX has no float64 unless it is told so."""


def test_the_digest_is_the_one_that_the_ledger_has():
    assert agreement.fingerprint_kept().verdict is Verdict.HOLDS


TRACED = [part for part in parts() if part.name not in EXACT_INT8]

QUICK = {part.name for part in TRACED if " by " not in part.name} | {
    "MXFP4_X2 by MXFP4, SEQUENTIAL",
    "MXFP4_X2 by MXFP4, HOPPER_FP8",
    "MXFP8_X1 by MXFP8_E4M3, BLACKWELL_MX",
}


@pytest.mark.parametrize("part", quick(TRACED, QUICK), ids=lambda part: part.name)
def test_jitted_jax_gives_the_same_bits(part):
    jitted = jax.jit(part.compute)(*part.operands)
    for ours, theirs in zip(part.results(), jitted, strict=True):
        np.testing.assert_array_equal(_bits(ours), _bits(np.asarray(theirs)))


def _bits(x):
    return np.atleast_1d(x).view(f"u{x.itemsize}")


def test_every_part_has_something_to_tell():
    for part in parts():
        for array in part.results():
            assert array.ndim == 0 or len(np.unique(array)) > 1, part.name


def test_another_bit_is_another_digest():
    one, rest = [(np.arange(4, dtype=np.int32),)], [(np.arange(3.0),)]
    assert digest(one + rest) != digest(rest + one)
    assert digest(one) != digest([(one[0][0] ^ 1,)])


def test_a_broken_emulator_has_another_digest(monkeypatch):
    right = blocks.exponent_codes
    monkeypatch.setattr(blocks, "exponent_codes", lambda *of: right(*of) + np.uint8(1))
    finding = agreement.fingerprint_kept()
    assert finding.verdict is Verdict.FAILS
    assert finding.found != agreement.FINGERPRINT[:16]


@pytest.fixture
def nothing_kept():
    """A compiler that keeps nothing and looks nothing up."""
    before = jax.config.jax_enable_compilation_cache
    jax.config.update("jax_enable_compilation_cache", False)
    compilation_cache.reset_cache()
    yield
    jax.config.update("jax_enable_compilation_cache", before)
    compilation_cache.reset_cache()


@pytest.mark.usefixtures("nothing_kept")
def test_nvfp4_is_compiled_in_seconds():
    """JAX 0.11 and later took a minute, compiling copies of one quotient."""

    def there_and_back(x):
        made = quantize(x, BLOCK_FORMATS["NVFP4"])
        return made.codes, made.scale_codes, made.dequantize()

    lowered = jax.jit(there_and_back).lower(jnp.ones((60, 32), jnp.float32))
    begun = time.process_time()
    lowered.compile()
    assert time.process_time() - begun < 15

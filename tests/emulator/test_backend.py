"""Binary32 arithmetic without a float unit to trust: against Fractions, and JAX against NumPy."""

import subprocess
import sys
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from msdnum.emulator import backend
from tests.support.agreement import assert_same_bits
from tests.support.backends import RNG


def chunks(x):
    """Return how many rows ``map_rows`` gives its function at a time."""
    seen = []
    backend.map_rows(lambda v: (seen.append(len(v)) or v,), x)
    return seen


def test_rows_come_in_chunks_of_the_cache_in_numpy_and_at_once_in_jax():
    wide = np.zeros((5, backend.CACHED_ELEMENTS // 2), np.float32)
    assert chunks(wide) == [2, 2, 1]
    assert chunks(wide[:2]) == [2]
    assert chunks(np.zeros((2, 2 * backend.CACHED_ELEMENTS), np.float32)) == [1, 1]
    assert chunks(jnp.asarray(wide)) == [5]


def test_random_words_come_from_a_generator_a_key_or_the_caller():
    x = np.zeros((3, 4), np.float32)
    words = np.random.default_rng(1).integers(0, 2**32, x.shape, dtype=np.uint32)
    assert_same_bits(backend.random_words(np.random.default_rng(1), x), words)
    assert backend.random_words(words, x) is words
    drawn = backend.random_words(jax.random.key(1), jnp.asarray(x))
    assert_same_bits(drawn, jax.random.bits(jax.random.key(1), x.shape, np.uint32))
    assert words.max() > 2**31
    with pytest.raises(ValueError, match=r"random must have the shape of x, \(3, 4\), got \(4,\)"):
        backend.random_words(words[0], x)
    for other in (words.astype(np.int64), 7):
        with pytest.raises(
            TypeError, match="random must be a numpy Generator, a JAX key or uint32"
        ):
            backend.random_words(other, x)
    with pytest.raises(ValueError, match="random must be a JAX key or words where x is traced"):
        jax.jit(lambda v: backend.random_words(np.random.default_rng(1), v))(x)


def test_the_derivative_is_that_of_the_identity():
    x = jnp.array([0.3, 2.7], jnp.float32)
    assert jax.grad(lambda v: (2 * backend.straight_through(jnp.round, v)).sum())(x).tolist() == [
        2,
        2,
    ]
    assert backend.straight_through(np.round, np.array([2.7], np.float32)) == [3]


def test_a_remembered_class_is_a_pytree_of_its_data():
    @backend.pytree(data=("a",), static=("b",))
    @dataclass(frozen=True)
    class Pair:
        a: int
        b: str

    backend.register_pytrees()
    assert jax.tree.leaves(Pair(3, "x")) == [3]
    assert jax.tree.map(lambda v: v + 1, Pair(3, "x")) == Pair(4, "x")


def test_rows_in_chunks_are_rows_at_once():
    x = RNG.standard_normal((70, 4096)).astype(np.float32)
    doubled, largest = backend.map_rows(lambda v: (v + v, v.max(axis=-1, keepdims=True)), x)
    assert_same_bits(doubled, x + x)
    assert_same_bits(largest, x.max(axis=-1, keepdims=True))


def test_rows_in_threads_ignore_what_the_caller_ignores(monkeypatch):
    monkeypatch.setattr(backend, "cores", lambda: 3)
    x = np.zeros((70, backend.CACHED_ELEMENTS // 8), np.float32)
    with np.errstate(all="ignore"):
        (found,) = backend.map_rows(lambda v: (v / v,), x)
    assert np.isnan(found).all()


def test_what_fails_in_a_thread_fails(monkeypatch):
    monkeypatch.setattr(backend, "cores", lambda: 3)
    x = np.zeros((70, backend.CACHED_ELEMENTS // 8), np.float32)
    x[60] = 1

    def refuse(v):
        if v.any():
            raise ValueError("one")
        return (v,)

    with pytest.raises(ValueError, match="one"):
        backend.map_rows(refuse, x)


def test_rows_are_treated_while_the_interpreter_ends():
    code = (
        "import atexit, numpy as np; from msdnum.emulator import backend\n"
        "x = np.ones((4, backend.CACHED_ELEMENTS // 2), np.float32)\n"
        "atexit.register(lambda: print(backend.map_rows(lambda v: (v + v,), x)[0].sum()))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(found.stdout) == 4 * backend.CACHED_ELEMENTS


def test_one_dtype_or_several_are_named():
    with pytest.raises(TypeError, match="codes must be uint8, got float32"):
        backend.check_array(np.zeros(3, np.float32), "codes", ("uint8",))
    with pytest.raises(TypeError, match="codes must be uint8, int8 or int16, got float32"):
        backend.check_array(np.zeros(3, np.float32), "codes", ("uint8", "int8", "int16"))


def test_float64_needs_x64_in_jax():
    with pytest.raises(ValueError, match="the remainder is held in float64"):
        backend.require_float64(jnp.zeros(3), "the remainder")
    backend.require_float64(np.zeros(3, np.float32), "the remainder")
    with jax.enable_x64(True):
        backend.require_float64(jnp.zeros(3), "the remainder")


@pytest.mark.parametrize("made", [np.ma.masked_array, np.matrix])
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_arrays_that_compute_otherwise_are_refused(made):
    with pytest.raises(TypeError, match=r"^x must be a NumPy or JAX array, got (Masked|matrix)"):
        backend.check_array(made([1.0, 2.0]), "x", None)


def test_a_rare_case_is_there_if_numpy_has_it_and_always_in_jax():
    none, one = np.array([False, False]), np.array([False, True])
    assert (backend.maybe_any(none), backend.maybe_any(one)) == (False, True)
    assert backend.maybe_any(jnp.asarray(none))


def test_what_is_compiled_apart_is_what_it_was():
    x = np.arange(3, dtype=np.float32)
    assert backend.compiled_apart(x) is x
    y = jnp.asarray(x)
    apart = backend.compiled_apart(y)
    assert apart is not y
    assert_same_bits(np.asarray(apart), x)


def test_values_go_to_jax_whole():
    found = backend.on_jax({"a": np.zeros(2, np.float32), "b": [np.ones(1, np.int8)]})
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(found))
    assert found["b"][0].dtype == np.int8

"""NumPy or JAX: the one place that asks, and what differs between the two."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeAlias, TypeVar

import numpy as np

from msdnum._cores import cores

__all__ = [
    "Array", "check_array", "check_floats", "compiled_apart", "in_threads", "is_traced",
    "keep_freed_memory", "loop", "map_rows", "namespace", "on_jax", "pytree", "random_words",
    "readable", "require_float64", "straight_through",
]  # fmt: skip

Array: TypeAlias = Any
"""A NumPy array, a JAX array or a traced JAX array."""


T = TypeVar("T")


CACHED_ELEMENTS = 1 << 18
"""Of the rows that are treated at a time in NumPy."""
MOST_THREADS = 4
"""Of NumPy: each holds the interpreter's lock between its operations."""
KEPT_BYTES = 24 << 20
"""Of temporaries, together."""


def namespace(x: Array) -> Any:
    """Return the module (``numpy`` or ``jax.numpy``) whose functions take ``x``."""
    return x.__array_namespace__()


def is_jax(x: Array) -> bool:
    """Return whether ``x`` is a JAX array."""
    return not isinstance(x, np.ndarray | np.generic | int)


def is_traced(x: Array) -> bool:
    """Return whether ``x`` has no value yet because JAX is tracing."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(x, jax.core.Tracer)


def readable(x: Array) -> Array:
    """Return an array to look at: NumPy's view of JAX's, where that lies in this machine's memory.

    So what only looks at values compiles nothing. All else is returned as it is, an array on
    another device, or on several, too.
    """
    if is_traced(x) or not hasattr(x, "devices"):
        return x
    devices = x.devices()
    return np.asarray(x) if len(devices) == 1 and next(iter(devices)).platform == "cpu" else x


def check_array(x: Array, name: str, dtypes: tuple[str, ...] | None) -> None:
    """Raise unless ``x`` is a NumPy or JAX array, not empty, of one of ``dtypes`` if there are."""
    unsuitable = isinstance(x, np.ma.MaskedArray | np.matrix)
    if unsuitable or not hasattr(x, "__array_namespace__") or not hasattr(x, "dtype"):
        raise TypeError(f"{name} must be a NumPy or JAX array, got {type(x).__name__}")
    if dtypes is not None and str(x.dtype) not in dtypes:
        expected = " or ".join([", ".join(dtypes[:-1]), dtypes[-1]] if dtypes[1:] else dtypes)
        raise TypeError(f"{name} must be {expected}, got {x.dtype}")
    if x.size == 0:
        raise ValueError(f"{name} must not be empty, got shape {x.shape}")


def check_floats(x: Array, name: str = "x") -> None:
    """Raise unless ``x`` is an array whose numbers are binary32 numbers."""
    check_array(x, name, ("float32", "bfloat16", "float16"))


def maybe_any(mask: Array) -> bool:
    """Return whether a rare case is there to be selected: in JAX, which has to compile it, yes."""
    return is_jax(mask) or bool(mask.any())


def loop(count: int, body: Callable[[Any, Any], Any], state: Any) -> Any:
    """Return the state, an array or a tuple of them, after ``body(0, state)``, ..."""
    first = state[0] if isinstance(state, tuple) else state
    if not is_jax(first) or count <= 1:
        for i in range(count):
            state = body(i, state)
        return state
    import jax

    return jax.lax.fori_loop(0, count, body, state)


def compiled_apart(x: Array) -> Array:
    """Return ``x``, which JAX computes once instead of again in everything that uses it."""
    if not is_jax(x):
        return x
    import jax

    barrier: Any = jax.lax.optimization_barrier
    return barrier(x)


def map_rows(function: Callable[..., tuple[Array, ...]], *operands: Array) -> tuple[Array, ...]:
    """Apply ``function``, which treats every row on its own, to two-dimensional operands.

    In NumPy a few rows at a time, so that intermediate results stay in the cache, on some cores.
    """
    rows, length = operands[0].shape
    step = max(1, CACHED_ELEMENTS // length)
    if is_jax(operands[0]) or rows <= step:
        return function(*operands)
    keep_freed_memory()
    first = function(*(v[:step] for v in operands))
    results = tuple(np.empty((rows, *part.shape[1:]), part.dtype) for part in first)

    def treat(start: int) -> None:
        parts = function(*(v[start : start + step] for v in operands)) if start else first
        for result, part in zip(results, parts, strict=True):
            result[start : start + step] = part

    in_threads(treat, range(0, rows, step), min(cores(), MOST_THREADS))
    return results


def in_threads(treat: Callable[[int], None], starts: range, threads: int) -> None:
    """Treat each part once, under what the caller's context ignores.

    The threads are new ones: they inherit the processor's modes, and no fork has lost them.
    """
    if threads == 1 or len(starts) == 1:
        list(map(treat, starts))
        return
    pool = ThreadPoolExecutor(min(len(starts), threads))
    try:
        begun = [pool.submit(copy_context().run, treat, start) for start in starts]
    except RuntimeError:  # While the interpreter ends, no thread can begin.
        list(map(treat, starts))
        return
    try:
        for part in begun:
            part.result()
    finally:
        pool.shutdown(cancel_futures=True)


def keep_freed_memory() -> None:
    """Let temporaries have the pages of those before them.

    glibc gives memory back and takes it again with every freed temporary, page fault by page fault,
    until it has seen a block freed that is larger than they are together.
    """
    np.empty(KEPT_BYTES, np.uint8)


def is_key(x: Any) -> bool:
    """Return whether ``x`` is a key of JAX's random numbers."""
    return str(getattr(x, "dtype", "")).startswith("key<")


def random_words(random: Any, x: Array) -> Array:
    """Return uniform 32-bit words, one for each element of ``x``.

    Parameters
    ----------
    random : numpy.random.Generator, JAX key (``jax.random.key``) or Array of uint32
        The source, or the words themselves, of the shape of ``x``.
    x : Array
        Gives the shape and the backend.

    Raises
    ------
    TypeError
        If ``random`` is none of these.
    ValueError
        If words do not have the shape of ``x``, or a Generator would be drawn from at trace time,
        once for all calls.
    """
    if isinstance(random, np.random.Generator):
        if is_traced(x):
            raise ValueError("random must be a JAX key or words where x is traced, got a Generator")
        words = random.integers(0, 2**32, size=x.shape, dtype=np.uint32)
        return namespace(x).asarray(words)
    if is_key(random):
        import jax

        return jax.random.bits(random, x.shape, np.uint32)
    dtype = str(getattr(random, "dtype", type(random).__name__))
    if dtype != "uint32":
        raise TypeError(
            f"random must be a numpy Generator, a JAX key or uint32 words for stochastic rounding, "
            f"got {dtype}"
        )
    if random.shape != x.shape:
        raise ValueError(f"random must have the shape of x, {x.shape}, got {random.shape}")
    return random


def straight_through(function: Callable[[Array], Array], x: Array) -> Array:
    """Return ``function(x)``; JAX differentiates it as the identity."""
    if not is_jax(x):
        return function(x)
    import jax

    wrapped = jax.custom_jvp(function)
    wrapped.defjvp(lambda primals, tangents: (wrapped(*primals), tangents[0].astype("float32")))
    return wrapped(x)


def require_float64(x: Array, what: str) -> None:
    """Raise unless the backend of ``x`` has float64, which JAX has only when told so."""
    if not is_jax(x):
        return
    import jax

    if jax.dtypes.canonicalize_dtype("float64") != np.float64:
        raise ValueError(
            f"{what} is held in float64: call jax.config.update('jax_enable_x64', True), "
            f"or pass a NumPy array"
        )


_pytree_classes: list[tuple[type, tuple[str, ...], tuple[str, ...]]] = []


def pytree(data: tuple[str, ...], static: tuple[str, ...]) -> Callable[[type[T]], type[T]]:
    """Make a frozen dataclass a JAX pytree as soon as JAX is there, without importing it."""

    def remember(cls: type[T]) -> type[T]:
        _pytree_classes.append((cls, data, static))
        return cls

    return remember


def on_jax(value: Any) -> Any:
    """Return a value whose arrays are JAX's, those in quantized arrays and containers too."""
    import jax

    register_pytrees()
    return jax.tree.map(jax.numpy.asarray, value)


def register_pytrees() -> None:
    """Register what ``pytree`` has remembered, if JAX has been imported."""
    jax = sys.modules.get("jax")
    while jax is not None and hasattr(jax, "tree_util") and _pytree_classes:
        jax.tree_util.register_pytree_with_keys(*_pytree_functions(*_pytree_classes.pop()))


def _pytree_functions(cls: type, data: tuple[str, ...], static: tuple[str, ...]) -> tuple[Any, ...]:
    """Return the class, and how it is taken apart, with names and without, and put together."""

    def flatten(x: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return tuple(getattr(x, name) for name in data), tuple(getattr(x, name) for name in static)

    def flatten_with_keys(x: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        key = sys.modules["jax"].tree_util.GetAttrKey
        return tuple((key(name), getattr(x, name)) for name in data), flatten(x)[1]

    def unflatten(values: tuple[Any, ...], leaves: tuple[Any, ...]) -> Any:
        # Not by the constructor, which checks: JAX's leaves may be shapes, axes or mere objects.
        made: Any = object.__new__(cls)
        for name, value in zip((*data, *static), (*leaves, *values), strict=True):
            object.__setattr__(made, name, value)
        return made

    return cls, flatten_with_keys, unflatten, flatten

"""Compilation in JAX: what is called outside ``jit`` is compiled whole, once for each shape."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, TypeVar

from msdnum.emulator import backend

__all__ = ["compiled_whole"]

T = TypeVar("T")


def compiled_whole(function: Callable[..., T]) -> Callable[..., T]:
    """Let JAX compile a function whole where it would compile its operations one by one.

    Parameters
    ----------
    function : callable
        Positional arguments are arrays, what holds arrays, or None, the first an array; keywords
        are part of what is compiled and must be hashable. It looks at no value.

    Returns
    -------
    callable
        The function itself for NumPy's arrays, and while JAX traces the first argument.
    """

    @cache
    def jitted(names: tuple[str, ...]) -> Any:
        import jax

        def whole(*arrays: Any, **static: Any) -> T:
            # XLA misreads some constants of an outer jit that reach operations of an inner one.
            barrier: Any = jax.lax.optimization_barrier
            return function(*barrier(arrays), **static)

        return jax.jit(whole, static_argnames=names)

    @wraps(function)
    def call(*arrays: Any, **static: Any) -> T:
        if not backend.is_jax(arrays[0]) or backend.is_traced(arrays[0]):
            return function(*arrays, **static)
        made: T = jitted(tuple(static))(*arrays, **static)
        return made

    return call

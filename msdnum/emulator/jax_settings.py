"""JAX's settings: the same bits whatever ``jax.config`` says of types, NaN and transfers."""

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from msdnum.emulator.machine_modes import check_rounding

__all__ = ["own_settings", "under_own_settings"]

P = ParamSpec("P")
T = TypeVar("T")

OWN: dict[str, tuple[str, Any]] = {
    "jax_numpy_dtype_promotion": ("numpy_dtype_promotion", "standard"),
    "jax_numpy_rank_promotion": ("numpy_rank_promotion", "allow"),
    "jax_debug_nans": ("debug_nans", False),
    "jax_debug_infs": ("debug_infs", False),
    "jax_transfer_guard_host_to_device": ("transfer_guard_host_to_device", "allow"),
    "jax_transfer_guard_device_to_host": ("transfer_guard_device_to_host", "allow"),
}
"""For each of JAX's settings the function of ``jax`` that changes it for a while, and to what."""


def own_settings() -> AbstractContextManager[object]:
    """Return a context in which JAX's settings are those that this package is written for.

    Types are promoted as in NumPy. Inf and NaN are results here, of intermediate steps too. And the
    constants of an algorithm, and the codes whose widths are checked, are no transfers to warn of.
    """
    jax = sys.modules.get("jax")
    if jax is None or not hasattr(jax, "config"):
        return nullcontext()
    stack = ExitStack()
    for setting, (function, value) in OWN.items():
        found = getattr(jax.config, setting, value)
        if found is not None and getattr(found, "value", found) != value:
            stack.enter_context(getattr(jax, function)(value))
    return stack


def under_own_settings(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function compute, or be traced, under ``own_settings``, where sums round to nearest."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        check_rounding()
        with own_settings():
            return function(*args, **kwargs)

    return call

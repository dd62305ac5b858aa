"""Inputs of a report: what is given, a distribution, or named families; and errors on them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from msdnum.errors import EFFECTIVE_BITS
from msdnum.formats.elements import BINARY32
from msdnum.inputs import families
from msdnum.inputs.families import Family
from msdnum.reports.pages import Measured

__all__ = ["Input", "inputs", "measured", "name_of"]

Array: TypeAlias = NDArray[np.float32]
Approximation: TypeAlias = Callable[[Array], NDArray[Any]]

NAMES = ("uniform", "normal", "laplace", "student_t", "log_uniform", "log_uniform_40")
SHAPE = (256, 128)
"""Of a sample; blocks lie along rows."""


@dataclass(frozen=True, eq=False)
class Input:
    """Numbers to measure on.

    Parameters
    ----------
    name, description : str
        What they are.
    x : ndarray of float32
        Numbers that the report is about.
    seed : int or None
        Of a sample.
    """

    name: str
    description: str
    x: Array
    seed: int | None


def inputs(x: Any, distribution: Any, seed: int) -> Iterator[Input]:
    """Yield what to measure on: ``x``, else samples of the distribution, else of families.

    Raises
    ------
    TypeError
        If ``x`` is not made of numbers, or the distribution cannot be drawn from.
    ValueError
        If both are given, ``x`` or a sample is empty or not finite in binary32, or no family has
        the name.
    """
    if x is not None and distribution is not None:
        raise ValueError("distribution must be None where x is given, got both: report them apart")
    if x is not None:
        yield Input("x", "as given", checked(x, "x"), None)
    elif distribution is not None:
        yield _drawn(distribution, seed)
    else:
        yield from (_sample(families.family(name), seed) for name in NAMES)


def checked(x: Any, name: str) -> Array:
    """Return numbers in binary32, each rounded once, with an axis at least.

    Raises
    ------
    TypeError, ValueError
        As ``inputs``.
    """
    try:
        wide = np.asarray(x).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be an array of numbers: {error}") from None
    if wide.ndim == 0 or wide.size == 0:
        raise ValueError(f"{name} must have an axis and a number in it, got shape {wide.shape}")
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float32)
    if not np.isfinite(narrow).all():
        raise ValueError(f"{name} must be finite in binary32, got Inf, NaN or beyond 2**128")
    return narrow


def _sample(family: Family, seed: int) -> Input:
    x = family.generate(SHAPE, rng=np.random.default_rng(seed), fmt=BINARY32)
    return Input(family.name, family.description, x, seed)


def _drawn(distribution: Any, seed: int) -> Input:
    if isinstance(distribution, str):
        distribution = families.family(distribution)
    if isinstance(distribution, Family):
        return _sample(distribution, seed)
    if not callable(getattr(distribution, "rvs", None)):
        raise TypeError(
            f"distribution must have a method rvs(size=..., random_state=...), as those of "
            f"scipy.stats do, or be a family or its name, got {distribution!r}"
        )
    x = distribution.rvs(size=SHAPE, random_state=np.random.default_rng(seed))
    name = name_of(distribution)
    return Input(name, "independent samples", checked(x, f"a sample of {name}"), seed)


def name_of(distribution: Any) -> str:
    """Return the name of a frozen distribution with its parameters, else of its class."""
    inner: Any = getattr(distribution, "dist", None)
    if not hasattr(inner, "name"):
        return type(distribution).__name__
    named = (f"{key}={value}" for key, value in getattr(distribution, "kwds", {}).items())
    return f"{inner.name}({', '.join([*map(str, getattr(distribution, 'args', ())), *named])})"


def measured(given: Input, approximation: Approximation) -> Measured:
    """Return the effective bits of an approximation on an input, by every definition."""
    return compared(given, given.x, approximation(given.x))


def compared(given: Input, reference: NDArray[Any], found: NDArray[Any]) -> Measured:
    """Return the effective bits of ``found`` against a reference, by every definition."""
    bits = {name: measure(reference, found) for name, measure in EFFECTIVE_BITS.items()}
    return Measured(given.name, given.description, reference.size, given.seed, bits)

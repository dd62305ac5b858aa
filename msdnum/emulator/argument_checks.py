"""Checks of arguments: modes, codes, random words."""

from typing import Any

import numpy as np

from msdnum.emulator import backend
from msdnum.emulator.backend import Array
from msdnum.emulator.codes import as_codes, check_values
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import ElementFormat
from msdnum.formats.modes import Rounding
from msdnum.formats.schemes import Scheme

__all__ = ["check_mode"]


def check_mode(name: str, value: object, expected: Any) -> None:
    """Raise unless ``value`` is an ``expected``."""
    if not isinstance(value, expected):
        choices = getattr(expected, "__members__", None)
        kind = f"one of {', '.join(choices)}" if choices else _type_name(expected)
        known = _FORMATS_BY_NAME.get(expected, "") if isinstance(value, str) else ""
        raise TypeError(f"{name} must be {kind}, got {value!r}{known}")


_FORMATS_BY_NAME: dict[Any, str] = {
    ElementFormat: ": msdnum.ELEMENT_FORMATS has them by name",
    BlockFormat: ": msdnum.BLOCK_FORMATS has them by name",
    Scheme: ": msdnum.SCHEMES has them by name",
}


def _type_name(expected: Any) -> str:
    members = getattr(expected, "__args__", (expected,))
    return " or ".join(member.__name__ for member in members)


def check_integer(name: str, value: object) -> None:
    """Raise unless ``value`` is an integer or None."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer)):
        raise TypeError(f"{name} must be an integer or None, got {value!r}")


def checked_codes(x: Array, fmt: ElementFormat, name: str = "codes") -> Array:
    """Return codes of ``fmt`` as unsigned integers, or raise: ``codes.as_codes``, with values."""
    check_mode("fmt", fmt, ElementFormat)
    codes = as_codes(x, fmt, name)
    check_values(codes, fmt, name)
    return codes


def check_random(rounding: Rounding, random: Any, x: Array) -> Any:
    """Return the random words that the rounding needs, or None; raise if there should be none.

    Beside JAX arrays a key stays one, so that what is compiled draws the words as it needs them.
    """
    check_mode("rounding", rounding, Rounding)
    if rounding is Rounding.STOCHASTIC:
        kept = backend.is_jax(x) and backend.is_key(random)
        return random if kept else backend.random_words(random, x)
    if random is not None:
        raise ValueError(f"random must be None for rounding {rounding.name}")
    return None

"""Checks of fields: types first, so that no format is made of what only looks like a number."""

from typing import Any

__all__ = ["check_integer", "check_type"]


def check_type(name: str, value: object, expected: Any, owner: str) -> None:
    """Raise TypeError, with the name of the field and of its owner, unless of that type."""
    if not isinstance(value, expected):
        members = getattr(expected, "__args__", (expected,))
        kinds = " or ".join("None" if m is type(None) else m.__name__ for m in members)
        raise TypeError(f"{name} must be {kinds}, got {value!r} for {owner!r}")


def check_integer(name: str, value: object, owner: str) -> None:
    """Raise TypeError unless Python's int: NumPy's would overflow, and a bool is a slip."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, got {value!r} for {owner!r}")

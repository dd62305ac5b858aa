"""Registries: what the package knows by name, and what is near to a wrong one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar

from msdnum._names import did_you_mean
from msdnum.display import html

__all__ = ["Registry"]

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """Things by name, in the order in which they are listed; it is read only.

    Parameters
    ----------
    title : str
        Name of the constant that holds the registry: it stands in messages.
    things : mapping from str
        The things by their names.

    Examples
    --------
    >>> from msdnum import BLOCK_FORMATS, KV_FORMATS
    >>> BLOCK_FORMATS["MXFP4"].block_size
    32
    >>> KV_FORMATS
    <KV_FORMATS: INT8, INT8_TOKEN, MXFP8, MXFP4>
    >>> BLOCK_FORMATS["MXFP8"]
    Traceback (most recent call last):
        ...
    KeyError: "BLOCK_FORMATS has no 'MXFP8'; did you mean 'MXFP8_E4M3'?"
    """

    def __init__(self, title: str, things: Mapping[str, T]) -> None:
        self._title = title
        self._things = dict(things)

    @classmethod
    def of(cls, title: str, things: Iterable[T]) -> "Registry[T]":
        """Return the registry of things that have a ``name``.

        Raises
        ------
        ValueError
            If two of them have the same name.
        """
        listed = list(things)
        names = [str(thing.name) for thing in listed]  # type: ignore[attr-defined]
        if len(set(names)) < len(names):
            raise ValueError(f"names in {title} must differ, got {', '.join(names)}")
        return cls(title, dict(zip(names, listed, strict=True)))

    def __getitem__(self, name: str) -> T:
        try:
            return self._things[name]
        except (KeyError, TypeError):
            raise KeyError(self._missing(name)) from None

    def _missing(self, name: object) -> str:
        near = did_you_mean(name, self._things) if isinstance(name, str) else ""
        has = near or f": it has {', '.join(self._things)}"
        return f"{self._title} has no {name!r}{has}"

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)

    def __repr__(self) -> str:
        return f"<{self._title}: {', '.join(self._things)}>"

    def _repr_html_(self) -> str:
        found = {name: _described(thing) for name, thing in self._things.items()}
        header = list(dict.fromkeys(column for row in found.values() for column in row))
        rows = ([name, *map(row.get, header, [""] * len(header))] for name, row in found.items())
        return html.table(["name", *header], rows, self._title)


def _described(thing: Any) -> dict[str, object]:
    """Return the fields of data, or the first line of a function's docstring."""
    if not is_dataclass(thing):
        return {"": (thing.__doc__ or "").partition("\n")[0]}
    found = {field.name: getattr(thing, field.name) for field in fields(thing)}
    return {name: value for name, value in found.items() if name != "name" and not callable(value)}

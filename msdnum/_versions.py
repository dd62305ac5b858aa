"""Versions of what a result was computed with."""

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from msdnum import __version__

__all__ = ["versions_of"]


def versions_of(distributions: Iterable[str]) -> dict[str, str | None]:
    """Return the versions of msdnum and of distributions, ``python`` among them if it is asked for.

    None for one that is not installed.
    """
    return {"msdnum": __version__} | {name: _version(name) for name in distributions}


def _version(distribution: str) -> str | None:
    if distribution == "python":
        return platform.python_version()
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None

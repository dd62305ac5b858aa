"""Which cases of a kind `make test` runs: the others are slow."""

from collections.abc import Container, Iterable
from typing import Any

import pytest


def quick(cases: Iterable[Any], chosen: Container[str]) -> list[Any]:
    """Return the cases, those whose name is not among the chosen marked as slow.

    Each case is compiled by XLA or checked by Coq, and one of each mechanism finds what breaks it;
    CI runs all.
    """
    return [case if _name(case) in chosen else _slow(case) for case in cases]


def _name(case: Any) -> str:
    return str(getattr(case, "name", case))


def _slow(case: Any) -> Any:
    return pytest.param(case, marks=pytest.mark.slow)

"""Reports on matrix units: how many inner products of an implementation are the emulator's."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum.conformance.adapter import SLIPS, failing, load, versions
from msdnum.conformance.infinite_dots import INFINITE, infinite_dots
from msdnum.conformance.unit_dots import (
    TOPICS_OF_DOTS,
    DotSetting,
    UnitDots,
    drawn,
    expected_of,
    settings,
    specified_of,
)
from msdnum.formats.elements import TF32
from msdnum.formats.modes import InfAndNan

__all__ = ["UnitAgreement", "agreements", "units_document"]

SPECIFIED = 1
"""Inner products of each draw that the specification computes, too."""


@dataclass(frozen=True)
class UnitAgreement:
    """How many inner products of a unit an implementation computes as the emulator does.

    Parameters
    ----------
    setting : DotSetting
        The unit and its formats.
    dots, equal : int
        Inner products compared, and those with the same bits, NaN apart.
    specified, of_specified : int
        Those of a sample that the specification gives, too, and the sample.
    first : str or None
        The first that differs, in words.
    """

    setting: DotSetting
    dots: int
    equal: int
    specified: int
    of_specified: int
    first: str | None


def agreements(
    name: str, count: int, *, seed: int = 0, only: Sequence[str] = ("*",)
) -> Iterator[UnitAgreement]:
    """Yield how an adapter agrees, for every unit that it has: ``count`` inner products a unit.

    Raises
    ------
    AdapterError
        If the adapter cannot be loaded, or itself fails.
    ValueError
        If it has no ``inner_products``, or nothing is asked of it.
    """
    module = load(name)
    if not hasattr(module, "inner_products"):
        raise ValueError(f"adapter {name} must have inner_products to be held against units")
    chosen = [s for s in settings() if any(fnmatchcase(s.unit, pattern) for pattern in only)]
    if not chosen:
        raise ValueError(f"only must match the name of a unit, got {', '.join(only)}")
    for setting in chosen:
        pairs = sum(other.unit == setting.unit for other in chosen)
        try:
            yield _agreement(module, setting, -(-count // pairs), seed)
        except NotImplementedError:
            continue


def _agreement(module: ModuleType, setting: DotSetting, count: int, seed: int) -> UnitAgreement:
    dots = equal = specified = sample = 0
    first = None
    for some in chain(drawn(setting, count, seed), infinite_dots(setting, count // 8, seed)):
        infinite = some.topic == INFINITE
        rule = InfAndNan.OF_EACH_STEP if infinite else InfAndNan.OF_THE_SUM
        found, expected = _answers(module, setting, some), expected_of(setting, some, rule)
        same = (found.view(np.uint32) == expected.view(np.uint32)) | (
            np.isnan(found) & np.isnan(expected)
        )
        dots, equal = dots + len(same), equal + int(same.sum())
        if first is None and not same.all():
            first = _difference(some, int(same.argmin()), found, expected)
        rows = range(0 if infinite else min(SPECIFIED, len(same)))
        for row, exact in zip(rows, specified_of(setting, some, rows), strict=True):
            value = float(expected[row])
            specified += value == exact if exact is not None else not np.isfinite(value)
            sample += 1
    return UnitAgreement(setting, dots, equal, specified, sample, first)


def _answers(module: ModuleType, setting: DotSetting, dots: UnitDots) -> NDArray[np.float32]:
    """Return what the adapter gives; a mistake in Python is its own."""
    left, right = dots.scales or (None, None)
    arguments: dict[str, Any] = {
        "fmt_a": setting.a.name,
        "fmt_b": setting.b.name,
        "accumulator": setting.unit,
        "scale_a": None if left is None else left.ravel(),
        "scale_b": None if right is None else right.ravel(),
        "scale_fmt": "" if setting.scale is None else setting.scale.name,
        "block": setting.block,
    }
    a, b = (_patterns(x, f) for x, f in zip(dots.codes, (setting.a, setting.b), strict=True))
    try:
        found = np.asarray(module.inner_products(a, b, dots.c, **arguments))
    except SLIPS as error:
        with failing(str(module.__file__), f" on {setting.unit}, {setting.formats}"):
            raise error
    if found.shape != dots.c.shape or found.dtype != np.float32:
        raise ValueError(
            f"inner_products must give {dots.c.size} values of float32, got {found.dtype} of shape "
            f"{found.shape}"
        )
    return found


def _patterns(codes: NDArray[Any], fmt: Any) -> NDArray[Any]:
    """Return codes in one dimension; of TF32, the binary32 numbers that are cut to it."""
    return (codes << 13 if fmt == TF32 else codes).ravel()


def _difference(dots: UnitDots, row: int, found: Any, expected: Any) -> str:
    return (
        f"{dots.topic}, k = {dots.codes[0].shape[1]}, c = {float(dots.c[row])!r}: "
        f"0x{expected[row].view(np.uint32):08x} here, 0x{found[row].view(np.uint32):08x} there"
    )


def units_document(name: str, found: Sequence[UnitAgreement], count: int, seed: int) -> str:
    """Return the table of all units as Markdown."""
    module = load(name)
    packages = ", ".join(f"{p} {version}" for p, version in versions(module).items())
    dots, equal = sum(x.dots for x in found), sum(x.equal for x in found)
    lines = [
        f"# Matrix units beside {name}",
        "",
        f"Written by `msdnum units {name} --count {count} --out DIR`, {packages}, seed {seed}.",
        f"{equal:,} of {dots:,} inner products have the same bits, signs of zero included; NaN is",
        "NaN. Topics: " + ", ".join(TOPICS_OF_DOTS) + ";",
        "of each, one step of the unit and three, from zero and from a c. An eighth as many more",
        "have Inf, NaN and the largest numbers: each step decides (`InfAndNan.OF_EACH_STEP`).",
        "The specification, in fractions, gives what the emulator gives on a sample.",
        "",
        "| unit | operands | inner products | equal | specified |",
        "|---|---|---:|---:|---:|",
    ]
    for x in found:
        lines.append(
            f"| {x.setting.unit} | {x.setting.formats} | {x.dots:,} | "
            f"{'all' if x.equal == x.dots else f'{x.equal:,}'} | "
            f"{x.specified} of {x.of_specified} |"
        )
    lines += [""] * any(x.first for x in found)
    lines += [f"- {x.setting.unit}, {x.setting.formats}: {x.first}" for x in found if x.first]
    return "\n".join(lines) + "\n"

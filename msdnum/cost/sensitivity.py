"""Sensitivity of a latency to each assumption, and where multi-scale stops paying. Exact.

The time of each resource is affine in every parameter (in the reciprocal of an efficiency), so one
doubling gives its derivative without error, and a latency, a mix of maximum and sum, is piecewise
affine: crossovers are intersections of lines.

A parameter is named by its path in a ``Scenario``: ``workload.m``, ``method.passes``,
``method.work.dequantize``, ``efficiency.bandwidth``, ``fill``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from fractions import Fraction
from itertools import combinations, pairwise
from operator import attrgetter
from typing import Any

from msdnum.cost.latency import Scenario, Stages
from msdnum.display import html

__all__ = ["Bar", "OpenRange", "elasticity", "latency_at", "parameters", "pays", "tornado"]

Curve = Callable[[Fraction], Fraction]
ROOTS = ("workload", "method", "efficiency", "fill")
STILL = Stages(Fraction(0), Fraction(0), Fraction(0), Fraction(0))


def parameters(scenario: Scenario) -> tuple[str, ...]:
    """Return the paths of all numbers of a scenario but those of its machine."""
    return tuple(leaf for root in ROOTS for leaf in _leaves(getattr(scenario, root), root))


def _leaves(value: object, path: str) -> Iterator[str]:
    if is_dataclass(value):
        for member in fields(value):
            yield from _leaves(getattr(value, member.name), f"{path}.{member.name}")
    elif isinstance(value, Fraction | int):
        yield path


def _is_reciprocal(path: str) -> bool:
    return path.startswith("efficiency.")


def _scaled(record: Any, path: str, factor: Fraction | int) -> Any:
    head, _, rest = path.partition(".")
    value = getattr(record, head)
    return replace(record, **{head: _scaled(value, rest, factor) if rest else value * factor})


def _growth(scenario: Scenario, path: str) -> Stages:
    """Return p dt/dp of each resource; for an efficiency, of its reciprocal. 0 if not there."""
    if path == "fill" or path not in parameters(scenario):
        return STILL
    factor = Fraction(1, 2) if _is_reciprocal(path) else 2
    before, after = scenario.stages, _scaled(scenario, path, factor).stages
    return Stages(*(b - a for a, b in zip(before.times, after.times, strict=True)))


def _check_known(path: str, *scenarios: Scenario) -> None:
    known = dict.fromkeys(leaf for scenario in scenarios for leaf in parameters(scenario))
    if path not in known:
        raise ValueError(f"path must be one of {', '.join(known)}, got {path!r}")


def elasticity(scenario: Scenario, path: str) -> Fraction:
    """Return d log(latency) / d log(parameter): by how many percent for one percent.

    Where two resources are equally busy the latency has a kink; the derivative is then that toward
    the slower side.

    Raises
    ------
    ValueError
        If the scenario has no such parameter.
    """
    _check_known(path, scenario)
    return _elasticity(scenario, path)


def _elasticity(scenario: Scenario, path: str) -> Fraction:
    times, growth, fill = scenario.stages.times, _growth(scenario, path).times, scenario.fill
    longest = max(times)
    if path == "fill":
        return fill * (sum(times) - longest) / scenario.latency
    steepest = max(g for t, g in zip(times, growth, strict=True) if t == longest)
    rise = (steepest + fill * (sum(growth) - steepest)) / scenario.latency
    return -rise if _is_reciprocal(path) else rise


def latency_at(scenario: Scenario, path: str, factor: Fraction) -> Fraction:
    """Return the latency with one parameter multiplied, even where that is no whole number.

    Raises
    ------
    ValueError
        If the scenario has no such parameter or ``factor`` is not positive.
    """
    _check_known(path, scenario)
    if factor <= 0:
        raise ValueError(f"factor must be positive, got {factor}")
    return _latency_at(scenario, path, factor)


def _latency_at(scenario: Scenario, path: str, factor: Fraction) -> Fraction:
    return _curve(scenario, path)(factor)


def _curve(scenario: Scenario, path: str) -> Curve:
    """Return the latency as a function of what the parameter is multiplied with."""
    stages, growth, fill = scenario.stages, _growth(scenario, path), scenario.fill

    def latency(factor: Fraction) -> Fraction:
        if path == "fill":
            return stages.latency(fill * factor) + scenario.waiting
        more = (1 / factor if _is_reciprocal(path) else factor) - 1
        times = zip(stages.times, growth.times, strict=True)
        return Stages(*(t + more * g for t, g in times)).latency(fill) + scenario.waiting

    return latency


# Tornado


@dataclass(frozen=True)
class Bar(html.Shown):
    """What one parameter does to a ratio of latencies.

    Parameters
    ----------
    parameter : str
        Path of the parameter, as in ``parameters``.
    elasticity : Fraction
        Percents of the ratio for one percent of the parameter.
    low, high : Fraction
        The ratio with the parameter divided and multiplied by the swing.
    """

    parameter: str
    elasticity: Fraction
    low: Fraction
    high: Fraction

    @property
    def spread(self) -> Fraction:
        """Length of the bar."""
        return abs(self.high - self.low)


def tornado(
    baseline: Scenario, multiscale: Scenario, swing: Fraction = Fraction(2)
) -> tuple[Bar, ...]:
    """Return what each parameter does to the speedup, baseline over MSD, the longest bar first.

    A parameter of both scenarios moves in both. Those without any effect are left out.

    Raises
    ------
    ValueError
        If ``swing`` is not above 1.
    """
    if swing <= 1:
        raise ValueError(f"swing must be above 1, got {swing}")
    paths = dict.fromkeys((*parameters(baseline), *parameters(multiscale)))
    bars = (_bar(baseline, multiscale, path, swing) for path in paths)
    moving = (bar for bar in bars if bar.elasticity or bar.spread)
    return tuple(sorted(moving, key=attrgetter("spread"), reverse=True))


def _bar(baseline: Scenario, multiscale: Scenario, path: str, swing: Fraction) -> Bar:
    low, high = (
        _latency_at(baseline, path, factor) / _latency_at(multiscale, path, factor)
        for factor in (1 / swing, swing)
    )
    return Bar(path, _elasticity(baseline, path) - _elasticity(multiscale, path), low, high)


# Crossovers


@dataclass(frozen=True)
class OpenRange(html.Shown):
    """An open interval of a parameter; ``stop`` is None where it has no end."""

    start: Fraction
    stop: Fraction | None

    def __contains__(self, value: Fraction | int) -> bool:
        """Return whether a value lies strictly inside."""
        return self.start < value and (self.stop is None or value < self.stop)


def pays(baseline: Scenario, multiscale: Scenario, path: str) -> tuple[OpenRange, ...]:
    """Return where in (0, inf) of a parameter MSD is strictly faster; the ends are the crossovers.

    The parameter, a size or a number of passes, is taken as a real number; both scenarios have the
    same value of it, or only one has it.

    Raises
    ------
    ValueError
        If neither scenario has the parameter, it is a share or it differs between the two.
    """
    _check_known(path, baseline, multiscale)
    if path.partition(".")[0] not in ("workload", "method"):
        raise ValueError(f"path must be that of a workload's or method's number, got {path!r}")
    owners = [s for s in (baseline, multiscale) if path in parameters(s)]
    values = {attrgetter(path)(owner) for owner in owners}
    if len(values) > 1 or 0 in values:
        raise ValueError(f"{path} must be the same positive number in both, got {values}")
    (value,) = values
    return tuple(
        OpenRange(r.start * value, None if r.stop is None else r.stop * value)
        for r in _faster(baseline, multiscale, path)
    )


def _faster(baseline: Scenario, multiscale: Scenario, path: str) -> Iterator[OpenRange]:
    slow, fast = _curve(baseline, path), _curve(multiscale, path)

    def lead(factor: Fraction) -> Fraction:
        return slow(factor) - fast(factor)

    kinks = {x for s in (baseline, multiscale) for x in _kinks(s, path)}
    segments = pairwise([Fraction(0), *sorted(kinks), None])
    roots = {x for segment in segments for x in _root(lead, segment)}
    start: Fraction | None = None
    for left, right in pairwise([Fraction(0), *sorted(kinks | roots), None]):
        assert left is not None
        faster = lead(_between(left, right, 1)) > 0
        if start is not None and not (faster and lead(left) > 0):
            yield OpenRange(start, left)
            start = None
        if faster and start is None:
            start = left
    if start is not None:
        yield OpenRange(start, None)


def _kinks(scenario: Scenario, path: str) -> Iterator[Fraction]:
    """Yield the factors at which two resources are equally busy."""
    times, growth = scenario.stages.times, _growth(scenario, path).times
    for (t, g), (u, h) in combinations(zip(times, growth, strict=True), 2):
        if g != h and (x := 1 + (t - u) / (h - g)) > 0:
            yield x


def _between(left: Fraction, right: Fraction | None, thirds: int) -> Fraction:
    width = Fraction(3) if right is None else right - left
    return left + width * thirds / 3


def _root(lead: Curve, segment: tuple[Fraction | None, Fraction | None]) -> Iterator[Fraction]:
    """Yield where a function that is affine on a segment is zero inside it."""
    left, right = segment
    assert left is not None
    u, v = _between(left, right, 1), _between(left, right, 2)
    rise = (lead(v) - lead(u)) / (v - u)
    if rise and left < (x := u - lead(u) / rise) and (right is None or x < right):
        yield x

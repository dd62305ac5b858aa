"""Scale rules on every family: what two passes of MXFP4 lose, by rule and by second scale.

Measured in the L2 norm with several seeds, whose least and largest are kept. Where the density of a
family is known and the second scale is an eighth of the first, the expected error stands beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from msdnum.evidence.effective_bits import approximation
from msdnum.evidence.promises import SECOND_SCALE
from msdnum.evidence.scheme_quadrature import expected_decomposition
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.formats.elements import BINARY32
from msdnum.formats.modes import ScaleRule
from msdnum.formats.schemes import MXFP4_X2, Scheme
from msdnum.inputs.densities import DENSITIES
from msdnum.inputs.families import FAMILIES

__all__ = ["SCALE_RULE_EXPERIMENTS"]


@dataclass(frozen=True)
class FamiliesAndRules:
    """What is drawn, and what it is rounded by.

    Parameters
    ----------
    families : tuple of str
        By name; what is lost of zeros is nothing.
    rules : tuple of str
        Scale rules by name, the first the one beside which all others are put.
    rows : int
        Of 128 numbers, in each sample.
    seeds : int
        Samples of each.
    """

    families: tuple[str, ...]
    rules: tuple[str, ...]
    rows: int
    seeds: int


def scale_rules(parameters: FamiliesAndRules, seed: int) -> Iterator[Record]:
    """Measure every rule on every family, the second scale an eighth or by its own amax."""
    schemes = {
        (rule, own): MXFP4_X2.with_rule(ScaleRule[rule], own_amax=own)
        for rule in parameters.rules
        for own in SECOND_SCALE
    }
    for name in parameters.families:
        found = {key: _lost(name, s, parameters, seed) for key, s in schemes.items()}
        base = found[parameters.rules[0], False]
        for (rule, own), errors in found.items():
            yield {
                "input": name,
                "rule": rule,
                "second_scale": SECOND_SCALE[own],
                "l2": float(errors.mean()),
                "least": float(errors.min()),
                "most": float(errors.max()),
                "seeds": len(errors),
                "over_covering": float((errors / base).mean()) if base.all() else "",
                "expected": _expected(name, schemes[rule, own]),
            }


def _lost(
    name: str, scheme: Scheme, parameters: FamiliesAndRules, seed: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the relative L2 error of each sample."""
    errors = np.zeros(parameters.seeds)
    for each in range(parameters.seeds):
        rng = np.random.default_rng([seed, each])
        x = FAMILIES[name].generate((parameters.rows, 128), rng=rng, fmt=BINARY32)
        wide = x.astype(np.float64)
        # Squares of the last binades and of subnormal numbers are no numbers of binary64 in sums.
        wide /= np.abs(wide).max()
        left = (x - approximation(x, scheme)) / np.abs(x).max()
        errors[each] = np.linalg.norm(left) / np.linalg.norm(wide)
    return errors


def _expected(name: str, scheme: Scheme) -> float | str:
    if name not in DENSITIES or scheme.ratios is None:
        return ""
    found = expected_decomposition(scheme, DENSITIES[name])
    return sqrt(found.square / found.signal)


SCALE_RULE_EXPERIMENTS = (
    Experiment(
        "scale_rules",
        "what MXFP4 x2 loses on every family by the rule of its scales, in the L2 norm",
        FamiliesAndRules(
            tuple(name for name in FAMILIES if name != "zeros"),
            ("CEIL", "RCEIL", "EVEN", "FLOOR"),
            256,
            8,
        ),
        scale_rules,
        FamiliesAndRules(("normal", "all_equal"), ("CEIL", "FLOOR"), 8, 2),
    ),
)

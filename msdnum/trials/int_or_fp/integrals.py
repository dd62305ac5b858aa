"""Signal-to-noise ratios of the same model, exact: integrals over cells, by scale rule.

Numbers of a block are normal, none above its amax of kappa deviations. Power-of-two scales see an
amax anywhere in its binade: the error is the mean over evenly spaced phases.
"""

import math
from fractions import Fraction

from msdnum import spec
from msdnum.evidence.quadrature import expected_rounding
from msdnum.formats.elements import ElementFormat
from msdnum.formats.modes import ScaleRule
from msdnum.trials.int_or_fp.closed_form import Rivals, bisect

__all__ = ["PHASES", "crest_factor", "exact_crossover", "exact_qsnr"]

PHASES = 8


def exact_qsnr(element: ElementFormat, rule: ScaleRule, kappa: float) -> float:
    """Return signal over error in dB; AMAX has one scale, ``amax / max_finite``."""
    from scipy.stats import norm

    phases = 1 if rule is ScaleRule.AMAX else PHASES
    square = signal = 0.0
    for k in range(phases):
        amax = 2.0 ** ((k + 0.5) / phases)
        scale = amax / element.max_finite
        if rule is not ScaleRule.AMAX:
            scale = 2.0 ** spec.shared_exponent(Fraction(amax), element, rule)
        # The same block with deviation 1 instead of amax / kappa.
        found = expected_rounding(element, scale * kappa / amax, norm(), kappa)
        square, signal = square + found.square, signal + found.signal
    return 10 * math.log10(signal / square)


def exact_crossover(pair: Rivals, rule: ScaleRule) -> float:
    """Return the kappa at which both formats of a pair have the same ratio, to 0.001.

    From 1 for 4 and 6 bits, from 3 for 8 to 24; an end of that if they do not cross.
    """

    def gain(kappa: float) -> float:
        return exact_qsnr(pair.integers, rule, kappa) - exact_qsnr(pair.floats, rule, kappa)

    low, high = (3.0, 24.0) if pair.integers.bits == 8 else (1.0, 8.0)
    return bisect(gain, low, high, 14)


def crest_factor(kappa: float, block: int) -> float:
    """Return amax over rms of a block of one number of ``kappa`` and others of rms 1."""
    return kappa * math.sqrt(block / (kappa**2 + block - 1))

"""Bounds on the baselines against weights, units and ranges drawn at random."""

from collections import Counter
from fractions import Fraction

import ml_dtypes
import numpy as np

from msdnum.evidence.product_bounds import exact_values
from msdnum.evidence.products import Product
from msdnum.trials.msd.baselines import BASELINES
from tests.support import strangers


def exceeded(result, x, values):
    """Return the entries whose finite bound is below their error, or that are not finite."""
    for (i, j), bound in np.ndenumerate(result.bound):
        if np.isfinite(bound):
            pairs = zip(x[i].tolist(), values[:, j].tolist(), strict=True)
            exact = sum((Fraction(a) * Fraction(b) for a, b in pairs), Fraction(0))
            found = float(result.product[i, j])
            if not np.isfinite(found) or abs(Fraction(found) - exact) > Fraction(bound):
                yield i, j, found, float(exact), bound


def judge(count, seed):
    """Count what is within its bound; units refuse some weights, for some there are no numbers."""
    rng, found = np.random.default_rng(seed), Counter()
    for _ in range(count):
        x, _, weight, unit = strangers.product(rng)
        x = x.astype(ml_dtypes.bfloat16).astype(np.float32)
        values = exact_values(weight)
        name = list(BASELINES)[rng.integers(len(BASELINES))]
        if not (np.isfinite(x).all() and np.isfinite(values).all()):
            continue
        with np.errstate(all="ignore"):
            try:
                result = BASELINES[name](Product.of(x, weight), unit)
            except ValueError:
                continue
        assert not list(exceeded(result, x, values)), (name, unit, weight.format)
        found[name] += 1
    return found


def test_no_strange_baseline_exceeds_its_bound():
    assert set(judge(150, 0)) == set(BASELINES)

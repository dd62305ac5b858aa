"""Mean squared errors of the outputs, by order and scale."""

from collections.abc import Iterable

import numpy as np

from msdnum.trials.pcast.sinks import SINKS, Array, Order, attended, exact_attention, scores

__all__ = ["GAINS", "HEAD_WIDTH", "gains", "squared_errors"]

HEAD_WIDTH = 64
"""Of the values."""
BEFORE = (1, Order.FORWARD)
GAINS = {
    "reverse": (1, Order.REVERSE),
    "S = 256": (256, Order.FORWARD),
    "both": (256, Order.REVERSE),
}
"""By name, what takes the place of forward order with S = 1."""
DELTAS = range(15)


def squared_errors(given: Array, values: Array) -> dict[tuple[int, Order], float]:
    """Return the mean squared error of the outputs for each scale and order."""
    exact = exact_attention(given, values)
    return {
        setting: float(np.mean((attended(given, values, *setting) - exact) ** 2))
        for setting in (BEFORE, *GAINS.values())
    }


def gains(
    shape: tuple[int, int], null: bool, seed: int, deltas: Iterable[int] = DELTAS
) -> list[dict[str, float]]:
    """Return by which factor each remedy lowers the error, for each strength of the sink.

    Parameters
    ----------
    shape : tuple of int
        Queries and keys.
    null : bool
        Whether the values of the sink are zero, as those of sinks almost are in models.
    seed : int
        Of scores and values.
    deltas : iterable of int
        Strengths of the sink to try.
    """
    found = []
    for delta in deltas:
        rng = np.random.default_rng([seed, delta])
        given = scores(delta, shape, rng)
        values = rng.standard_normal((shape[1], HEAD_WIDTH)).astype(np.float32)
        values[:SINKS] *= not null
        errors = squared_errors(given, values)
        factors = {name: errors[BEFORE] / errors[setting] for name, setting in GAINS.items()}
        found.append({"Delta": delta, "MSE": errors[BEFORE], **factors})
    return found

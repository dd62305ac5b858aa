"""Tables: what each static scale does, and what each order and scale does beside a sink."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from msdnum.experiments.experiment import Experiment
from msdnum.experiments.tables import Record
from msdnum.trials.pcast.errors import GAINS, gains
from msdnum.trials.pcast.scales import judged, scales_from
from msdnum.trials.pcast.sinks import SINKS, TILE, Order, flushed, outside, predicted, scores

__all__ = ["CATALOGUE"]


@dataclass(frozen=True)
class Scales:
    """The least of the static scales; the largest is 448."""

    least: int


@dataclass(frozen=True)
class SinkStrengths:
    """Rows and keys, and by how much the scores of the sink are above the others."""

    shape: tuple[int, int]
    deltas: tuple[int, ...]


def _scales(parameters: Scales, seed: int) -> Iterator[Record]:
    """Yield a row for each BF16 scale from the least to 448; nothing is drawn."""
    for each in judged(scales_from(parameters.least)):
        yield {
            "scale": f"{float(each.scale):g}",
            "spacing_below": float(each.spacing_below),
            "gap": float(each.gap),
            "error": float(each.error),
            "relative_error": float(each.relative_error),
            "worst_pattern": f"{each.worst:04x}",
            "zero": each.flushed,
            "subnormal": each.subnormal - each.flushed,
            "normal": each.normal,
        }


def _sinks(parameters: SinkStrengths, seed: int) -> Iterator[Record]:
    """Yield a row for each scale, order and strength of the sink."""
    shape, deltas = parameters.shape, parameters.deltas
    factors = {null: gains(shape, null, seed, deltas) for null in (True, False)}
    names = {setting: name for name, setting in GAINS.items()}
    for i, delta in enumerate(deltas):
        given = scores(delta, shape, np.random.default_rng([seed, delta]))
        for setting in ((scale, order) for scale in (1, 256) for order in Order):
            zero, name = flushed(given, *setting), names.get(setting)
            yield {
                "scale": setting[0],
                "order": setting[1].name,
                "delta": delta,
                "phi": predicted(delta, setting[0]),
                "zero_sink_tile": float(zero[:, SINKS:TILE].mean()),
                "zero_elsewhere": float(outside(zero).mean()),
                "gain_null_sink": factors[True][i][name] if name else 1.0,
                "gain_sink_like_others": factors[False][i][name] if name else 1.0,
            }


_EXPERIMENTS = (
    Experiment(
        "pcast_scales",
        "cast of every BF16 P in (0, 1] to E4M3 after each BF16 scale: worst cases, and ranges",
        Scales(64),
        _scales,
        Scales(256),
    ),
    Experiment(
        "pcast_sinks",
        "attention beside a sink of 4 keys, by order of the tiles of 128 keys and static scale: "
        "fraction of the other weights that become zero, gain in mean squared error",
        SinkStrengths((256, 1024), tuple(range(17))),
        _sinks,
        SinkStrengths((8, 256), tuple(range(0, 16, 5))),
    ),
)

CATALOGUE = {experiment.name: experiment for experiment in _EXPERIMENTS}
"""The tables of this trial."""

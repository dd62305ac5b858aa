"""``msdnum model``: a whole model by every variant, and the tables of what that costs.

The model is MiniLM, an encoder, or, where the first name is ``smollm2``, that decoder.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from msdnum._names import did_you_mean
from msdnum.experiments.experiment import Experiment
from msdnum.trials.msd.experiments.decoder import DECODER_EXPERIMENTS
from msdnum.trials.msd.experiments.model import LOOK, MODEL_EXPERIMENTS, TABLES

__all__ = ["add_arguments", "run"]

DECODER = "smollm2"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum model``."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="variants; all, if none is named; smollm2 first for those of the decoder",
    )
    parser.add_argument("--list", action="store_true", help="print the variants and end")
    parser.add_argument("--quick", action="store_true", help="few texts, for a look")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help=f"({TABLES}; with names or --quick {LOOK})"
    )


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum model`` and return 0.

    Raises
    ------
    ValueError
        If there is no variant of a name.
    """
    decoder = args.names[:1] == [DECODER]
    names = args.names[decoder:]
    groups, variants = _decoder_variants() if decoder else _encoder_variants()
    if args.list:
        print("\n".join(variants))
        return 0
    for name in names:
        if name not in {**groups, **variants}:
            near = did_you_mean(name, {**groups, **variants})
            raise ValueError(f"name must be one of those of --list, got {name!r}{near}")
    out = args.out or (LOOK if names or args.quick else TABLES)
    for experiment in _asked(names, args.quick, decoder):
        print(experiment.write(out))
    return 0


def _encoder_variants() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    from msdnum.trials.msd.model.linears import GROUPS, LINEAR_VARIANTS

    return GROUPS, LINEAR_VARIANTS


def _decoder_variants() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    from msdnum.trials.msd.decoder.variants import DECODER_GROUPS, DECODER_VARIANTS

    return DECODER_GROUPS, DECODER_VARIANTS


def _asked(names: Sequence[str], quick: bool, decoder: bool) -> list[Experiment[Any]]:
    """Return the experiments; of named variants or a quick look, the first two alone."""
    experiments: Sequence[Experiment[Any]] = DECODER_EXPERIMENTS if decoder else MODEL_EXPERIMENTS
    if not (names or quick):
        return list(experiments)
    return [
        replace(e, parameters=_named(e.quick if quick else e.parameters, names))
        for e in experiments[:2]
    ]


def _named(parameters: Any, names: Sequence[str]) -> Any:
    return replace(parameters, names=tuple(names)) if names else parameters

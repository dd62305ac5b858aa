"""``msdnum model``: a whole model by every variant, and the tables of what that costs."""

import argparse
from dataclasses import replace
from pathlib import Path

from msdnum._names import did_you_mean
from msdnum.experiments.experiment import Experiment
from msdnum.trials.msd.experiments.model import COUNT, LOOK, MODEL_EXPERIMENTS, QUICK, TABLES

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum model``."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="variants; all, if none is named")
    parser.add_argument("--list", action="store_true", help="print the variants and end")
    parser.add_argument("--quick", action="store_true", help="few sentences, for a look")
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
    from msdnum.trials.msd.model.linears import GROUPS, LINEAR_VARIANTS

    if args.list:
        print("\n".join(LINEAR_VARIANTS))
        return 0
    for name in args.names:
        if name not in {**GROUPS, **LINEAR_VARIANTS}:
            near = did_you_mean(name, {**GROUPS, **LINEAR_VARIANTS})
            raise ValueError(f"name must be one of those of --list, got {name!r}{near}")
    out = args.out or (LOOK if args.names or args.quick else TABLES)
    for experiment in _asked(args):
        print(experiment.write(out))
    return 0


def _asked(args: argparse.Namespace) -> list[Experiment]:
    """Return the experiments; of named variants or a quick look, the first two alone."""
    if not (args.names or args.quick):
        return list(MODEL_EXPERIMENTS)
    count = QUICK[0] if args.quick else COUNT
    spec = (count, tuple(args.names) or QUICK[1])
    return [replace(experiment, spec=spec) for experiment in MODEL_EXPERIMENTS[:2]]

"""All experiments by name, and the command that writes their tables.

``msdnum experiments`` writes each as a CSV file whose first line, after ``#``, says what made it.
"""

import argparse
from pathlib import Path

from msdnum.gemm_experiments import EXPERIMENTS
from msdnum.ozaki_curve import OZAKI
from msdnum.tables import Experiment

__all__ = ["CATALOGUE", "TABLES", "add_arguments", "run"]

TABLES = Path("figures/tables")

CATALOGUE: dict[str, Experiment] = {
    experiment.name: experiment for experiment in (*EXPERIMENTS, OZAKI)
}
"""Every experiment by name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum experiments``."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all, if none is named")
    parser.add_argument("--out", type=Path, default=TABLES, metavar="DIR", help=f"({TABLES})")
    parser.add_argument("--quick", action="store_true", help="small sizes, for a look")


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum experiments`` and return 0.

    Raises
    ------
    ValueError
        If there is no experiment of a name.
    """
    for name in args.names:
        if name not in CATALOGUE:
            raise ValueError(f"name must be one of {', '.join(CATALOGUE)}, got {name!r}")
    args.out.mkdir(parents=True, exist_ok=True)
    for name in args.names or CATALOGUE:
        path = args.out / f"{name}.csv"
        path.write_text(CATALOGUE[name].table(quick=args.quick), encoding="utf-8")
        print(path)
    return 0

"""``msdnum measure``: times on the matrix units of JAX's own device."""

import argparse
import sys
from pathlib import Path
from typing import Any

from msdnum import _files
from msdnum._extras import progress
from msdnum._versions import versions_of
from msdnum.bench.device import LAYER_SHAPES, METHODS, QUICK_ROWS, ROWS, device_kind, measured
from msdnum.experiments import tables
from msdnum.experiments.experiment import SEED

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum measure``."""
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--rounds", type=int, default=7, help="laps of each method (7)")
    parser.add_argument("--quick", action="store_true", help="the smallest layer, few rows")


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum measure`` and return 0.

    Raises
    ------
    ValueError
        If ``rounds`` is not positive.
    """
    if args.rounds < 1:
        raise ValueError(f"rounds must be positive, got {args.rounds}")
    _files.check_writable(args.out, "table file")
    import jax

    if jax.default_backend() == "cpu":
        print(NEEDS, file=sys.stderr)
    layers, rows = (LAYER_SHAPES[:1], QUICK_ROWS) if args.quick else (LAYER_SHAPES, ROWS)
    count = 2 * len(layers) * len(rows) * len(METHODS)
    records = list(progress(measured(layers, rows, args.rounds), total=count))
    text = tables.text(records, _header(args.rounds))
    if args.out is None:
        print(text, end="")
    else:
        _files.write_text(args.out, text)
        print(args.out)
    return 0


NEEDS = (
    "JAX's default device is a CPU: its times say nothing of matrix units for INT8 and FP8. On a "
    "machine with one, install JAX for it (pip install 'jax[cuda13]' or 'jax[rocm7]') and run the "
    "same command."
)


def _header(rounds: int) -> dict[str, Any]:
    import jax

    return {
        "experiment": "device",
        "description": "products of INT8 weights on the matrix units of one device, median times",
        "device": device_kind(),
        "platform": str(jax.devices()[0].client.platform_version),
        "versions": versions_of(["jax", "jaxlib", "numpy"]),
        "seed": SEED,
        "rounds": rounds,
    }

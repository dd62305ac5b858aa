"""``msdnum device``: everything that a machine with a GPU can say, in one command."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from msdnum import _files
from msdnum.device.parts import PARTS, PartOutcome, Status, run_part

__all__ = ["add_arguments", "run"]

DIFFERS, CANNOT = 1, 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum device``."""
    parser.add_argument(
        "--out", type=Path, metavar="DIR", default=Path("build/device"),
        help="folder of the results (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--only", action="append", choices=PARTS, metavar="PART",
        help=f"one of {', '.join(PARTS)}; may be given again",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a little of each part, in seconds")


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum device``.

    Returns
    -------
    int
        0 if every part ran and is as expected, 1 if something differs, otherwise 3: a part could
        not run here.
    """
    import jax

    print(f"JAX {jax.__version__} on {jax.devices()[0].device_kind}", flush=True)
    outcomes = []
    for name in args.only or PARTS:
        begun = time.monotonic()
        outcomes.append(run_part(name, quick=args.quick))
        _say(outcomes[-1], time.monotonic() - begun)
        for file, text in outcomes[-1].files.items():
            _files.write_text(args.out / file, text)
    print(f"results: {args.out}")
    return _status(outcomes)


def _say(outcome: PartOutcome, seconds: float) -> None:
    print(f"{outcome.part}: {outcome.status.value} ({seconds:.0f} s)")
    print("\n".join(outcome.lines), flush=True)


def _status(outcomes: Sequence[PartOutcome]) -> int:
    found = {outcome.status for outcome in outcomes}
    return DIFFERS if Status.DIFFERS in found else CANNOT if Status.CANNOT_RUN in found else 0

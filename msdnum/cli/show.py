"""``msdnum show``: one page on a format, a scheme or a unit."""

import argparse
import json
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from msdnum import formats
from msdnum._names import did_you_mean
from msdnum.formats.accumulators import ALL_ACCUMULATORS
from msdnum.formats.blocks import BLOCK_FORMATS, BlockFormat
from msdnum.formats.elements import ELEMENT_FORMATS, ElementFormat
from msdnum.formats.schemes import SCHEMES, Scheme
from msdnum.reports.one_call import report

__all__ = ["add_arguments", "run"]

KINDS = (*get_args(ElementFormat), BlockFormat, Scheme)
OTHERS = {n: getattr(formats, n) for n in formats.__all__ if isinstance(getattr(formats, n), KINDS)}
"""What is in no registry, as it is not everybody's: NF4, UE5M3, FNUZ formats and their like."""
REGISTRIES: tuple[Mapping[str, Any], ...] = (
    ELEMENT_FORMATS, BLOCK_FORMATS, SCHEMES, ALL_ACCUMULATORS, OTHERS,
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum show``."""
    parser.epilog = f"names: {', '.join(_known())}"
    parser.add_argument("--json", action="store_true", help="for programs, in place of the page")
    parser.add_argument(
        "--distribution", metavar="FAMILY", help="family of msdnum.inputs to measure on; else six"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all samples (default: 0)")
    parser.add_argument(
        "name",
        metavar="NAME",
        help="of a number format, block format, scheme or unit, or FILE.py:NAME",
    )


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum show`` and return 0.

    Raises
    ------
    ValueError
        If there is nothing of that name, or the file fails.
    TypeError
        If what has that name in the file cannot be reported.
    """
    page = report(_found(args.name), distribution=args.distribution, seed=args.seed)
    print(json.dumps(page.as_dict(), indent=1, allow_nan=False) if args.json else page)
    return 0


def _known() -> list[str]:
    return list(dict.fromkeys(name for registry in REGISTRIES for name in registry))


def _found(name: str) -> Any:
    path, colon, own = name.rpartition(":")
    if colon and path.endswith(".py"):
        return _own(Path(path), own)
    for registry in REGISTRIES:
        if name in registry:
            return registry[name]
    near = did_you_mean(name, _known())
    raise ValueError(f"NAME must be that of a format, scheme or unit, got {name!r}{near}")


def _own(path: Path, name: str) -> Any:
    """Run a user's file and return what it calls by that name."""
    if not path.is_file():
        raise ValueError(f"NAME must be FILE.py:NAME of a file that is there, got {str(path)!r}")
    try:
        names = runpy.run_path(str(path))
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"{str(path)!r} cannot be run: {what}") from error
    if name not in names:
        near = did_you_mean(name, (n for n in names if not n.startswith("__")))
        raise ValueError(f"{str(path)!r} must define {name!r}, but it does not{near}")
    return names[name]

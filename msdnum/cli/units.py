"""``msdnum units``: inner products of matrix units beside those of another implementation."""

import argparse
from pathlib import Path

from msdnum import _files
from msdnum.cli.argument_types import positive
from msdnum.conformance.adapters import READY
from msdnum.conformance.unit_reports import UnitAgreement, agreements, units_document

__all__ = ["add_arguments", "run"]

AGREES, DIFFERS, NOTHING_SHOWN = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum units``."""
    parser.add_argument("adapter", metavar="ADAPTER", help=f"a file, or {', '.join(READY)}")
    parser.add_argument(
        "--count", type=positive, default=10_000, metavar="N",
        help="inner products of each unit (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN",
        help="these units alone, such as HOPPER or 'CDNA*'",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of what is drawn (%(default)s)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write units.md there")


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum units``: 0 if all agree, 1 if some do not, 2 if none was compared."""
    found = []
    chosen = args.only or ["*"]
    for agreement in agreements(args.adapter, args.count, seed=args.seed, only=chosen):
        found.append(agreement)
        print(_line(agreement), flush=True)
    if not found:
        raise ValueError(f"adapter {args.adapter} must have one of the units, got none")
    dots, equal = sum(x.dots for x in found), sum(x.equal for x in found)
    print(f"{equal:,} of {dots:,} inner products are equal")
    if args.out:
        text = units_document(args.adapter, found, args.count, args.seed)
        _files.write_text(args.out / "units.md", text)
    return AGREES if equal == dots and _all_specified(found) else DIFFERS


def _all_specified(found: list[UnitAgreement]) -> bool:
    return all(x.specified == x.of_specified for x in found)


def _line(x: UnitAgreement) -> str:
    first = "" if x.first is None else f"; {x.first}"
    return f"{x.setting.unit:26}{x.setting.formats:28}{x.equal:,} of {x.dots:,}{first}"

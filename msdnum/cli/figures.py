"""``msdnum figures``: every table from its experiment, and every figure from its table.

A figure has the name of its table, and a table that of its experiment; each trial has a folder.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from msdnum import _repository
from msdnum._names import did_you_mean
from msdnum.cli.argument_types import seed_of
from msdnum.cli.prove import load
from msdnum.experiments.differences import TOLERANCE, table_differences
from msdnum.experiments.drawing import draw
from msdnum.experiments.experiment import SEED, Experiment
from msdnum.experiments.tables import DIGITS
from msdnum.ledger.trial import Trial
from msdnum.trials import trials

__all__ = ["OUT", "QUICK", "add_arguments", "run"]

OUT = Path("figures")
QUICK = Path("build/figures")
"""Where small tables go and what is drawn from them, so that they never replace the large."""


@dataclass(frozen=True)
class Member:
    """A table of a trial, and the figure of it, if there is one."""

    trial: Trial
    name: str

    @property
    def path(self) -> str:
        """What it is called on the command line, if not by its name alone."""
        return f"{self.trial.name}/{self.name}"

    def table_in(self, out: Path) -> Path:
        """Return where its table lies below a folder."""
        return out / self.trial.name / "tables" / f"{self.name}.csv"

    def make(self, out: Path, **how: Any) -> Path:
        """Carry out the experiment, write its table and return the path."""
        return self.experiment.write(self.table_in(out).parent, **how)

    @property
    def experiment(self) -> Experiment[Any]:
        """What makes its table."""
        found: Experiment[Any] = _catalogue(self.trial.experiments, "CATALOGUE")[self.name]
        return found

    def draw(self, table: Path, out: Path) -> tuple[Path, ...]:
        """Draw the figure, if there is one, and return its files."""
        drawing = _catalogue(self.trial.figures, "DRAWINGS").get(self.name)
        return () if drawing is None else draw(self.name, drawing, table, out / self.trial.name)


def _catalogue(module: str, name: str) -> dict[str, Any]:
    """Return a catalogue of a trial; redrawing never imports what only experiments need."""
    return getattr(import_module(module), name) if module else {}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum figures``."""
    parser.add_argument(
        "names", nargs="*", metavar="[TRIAL/]NAME", help="which; all, if none is named"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help=f"({OUT}; with --quick, --seed(s), --digits or --scheme {QUICK})",
    )
    parser.add_argument("--seed", type=seed_of, help=f"of what is sampled ({SEED})")
    parser.add_argument(
        "--seeds", type=_seeds, metavar="N", help="how many, for columns least_ and most_"
    )
    parser.add_argument(
        "--digits", type=_digits, metavar="N", help=f"of numbers in tables ({DIGITS}; 17: all)"
    )
    parser.add_argument(
        "--scheme",
        action="append",
        default=[],
        metavar="SCHEME",
        help="one of yours beside the others, FILE.py:NAME; may be repeated",
    )
    _add_ways(parser.add_mutually_exclusive_group())


def _add_ways(how: argparse._MutuallyExclusiveGroup) -> None:
    how.add_argument("--quick", action="store_true", help="small tables, for a look")
    how.add_argument(
        "--redraw", action="store_true", help=f"from the tables in {OUT}, or from msdnum's own"
    )
    how.add_argument(
        "--check", action="store_true", help="make tables anew and compare them with those kept"
    )
    how.add_argument("--list", action="store_true", help="print the names and end")


def _digits(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 17:
        raise argparse.ArgumentTypeError(f"must be an integer in 1..17, got {text!r}")
    return int(text)


def _seeds(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"must be an integer in 1..1000, got {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum figures`` and return 0, or 1 if ``--check`` finds a difference.

    Raises
    ------
    ValueError
        If there is no figure of a name, or no table of it to draw anew.
    """
    members = list(_drawings() if args.redraw else _tables())
    if args.list:
        print("\n".join(member.path for member in members))
        return 0
    _refuse_what_ready_tables_ignore(args)
    if args.check:
        return _check(_chosen(args.names, members, schemes=False), args.out or QUICK)
    seed = SEED if args.seed is None else args.seed
    digits = args.digits or DIGITS
    # Another seed is another table, which must not replace the one that is kept.
    chosen = seed, digits, args.scheme, args.seeds
    elsewhere = args.quick or chosen != (SEED, DIGITS, [], None)
    out = args.out or (QUICK if elsewhere else OUT)
    how = {"quick": args.quick, "seed": seed, "digits": digits, "seeds": args.seeds}
    how |= {"schemes": [load(name) for name in args.scheme]} if args.scheme else {}
    for member in _chosen(args.names, members, bool(args.scheme)):
        if args.redraw:
            table = _there(member)
        else:
            table = member.make(out, **how)
            print(table)
        print(*member.draw(table, out))
    return 0


def _refuse_what_ready_tables_ignore(args: argparse.Namespace) -> None:
    ready = "--redraw draws" if args.redraw else "--check compares" if args.check else ""
    for name, given in (
        ("seed", args.seed),
        ("seeds", args.seeds),
        ("digits", args.digits),
        ("scheme", args.scheme),
    ):
        if ready and given not in (None, []):
            raise ValueError(f"{ready} tables as they are: leave out --{name}, got {given}")


def _check(members: Sequence[Member], out: Path) -> int:
    """Make tables elsewhere, print where they differ from those kept, and return 1 if they do."""
    different = 0
    for member in members:
        kept = _there(member)
        made = member.make(out, quick=False, seed=SEED, digits=DIGITS)
        found = table_differences(made, kept)
        same = made.read_bytes() == kept.read_bytes()
        print(f"{member.path}:", "the same bytes" if same else f"{len(found)} differences")
        print(*[f"  {line}" for line in found], sep="\n", end="\n" if found else "")
        different += bool(found)
    print(f"{different} of {len(members)} tables differ, numbers by more than {TOLERANCE:g}")
    return int(different > 0)


def _tables() -> Iterator[Member]:
    for trial in trials().values():
        for name in _catalogue(trial.experiments, "CATALOGUE"):
            yield Member(trial, name)


def _drawings() -> Iterator[Member]:
    for trial in trials().values():
        for name in _catalogue(trial.figures, "DRAWINGS"):
            yield Member(trial, name)


def _there(member: Member) -> Path:
    """Return the path of a table that has been made: here, or else before it was released."""
    made = member.table_in(OUT)
    return made if made.is_file() else _repository.present(member.table_in(_repository.FIGURES))


def _chosen(names: Sequence[str], members: Sequence[Member], schemes: bool) -> list[Member]:
    """Return the members of these names, of all trials where none is named; all for none.

    Of schemes of the user's, all that take any.
    """
    known = {key: member for member in members for key in (member.name, member.path)}
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            short = ", ".join(member.name for member in members)
            raise ValueError(f"name must be one of {short}, got {name!r}{near}")
    if schemes and not names:
        return [member for member in members if member.experiment.takes_schemes]
    return [known[name] for name in names] or list(members)

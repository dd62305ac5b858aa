"""``msdnum figures``: every table from its experiment, and every figure from its table.

A figure has the name of its table, and a table that of its experiment.
"""

import argparse
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from msdnum._names import did_you_mean
from msdnum.experiments.experiment import Experiment
from msdnum.experiments.plots import Figure, Records, save, style
from msdnum.experiments.tables import read
from msdnum.trials.msd.figures import costs, model, products, schemes

__all__ = ["DRAWINGS", "FIGURES", "QUICK", "add_arguments", "draw", "run", "source"]

FIGURES = Path("figures")
QUICK = Path("build/figures")
"""Where small tables go and what is drawn from them, so that they never replace the large."""

DRAWINGS: dict[str, Callable[[Records], Figure]] = {
    "effective_bits": schemes.effective_bits,
    "passes": schemes.passes,
    "binade": schemes.binade,
    "dynamic_range": schemes.dynamic_range,
    "cann_variants": schemes.cann,
    "design_space": schemes.design_space,
    "gemm_accuracy": products.accuracy,
    "gemm_claim": products.claim,
    "float32_reference": products.float32_reference,
    "gemm_length": products.length,
    "gemm_conditions": products.conditions,
    "gemm_crossings": products.crossings,
    "gemm_ozaki": products.ozaki,
    "attention_length": model.attention,
    "model_linears": model.linears,
    "model_sentences": model.sentences,
    "model_layers": model.layers,
    "model_attention": model.attentions,
    "cost_batch": costs.batch,
    "cost_length": costs.length,
    "cost_crossovers": costs.crossovers,
    "cost_sensitivity": costs.sensitivity,
    "cost_roofline": costs.roofline,
    "cost_traffic": costs.traffic,
}
"""What draws a table. Those that are not here are for reading only."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum figures``."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all, if none is named")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help=f"({FIGURES}; with --quick {QUICK})"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quick", action="store_true", help="small tables, for a look")
    how.add_argument("--redraw", action="store_true", help=f"from the tables in {FIGURES}/tables")


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum figures`` and return 0.

    Raises
    ------
    ValueError
        If there is no figure of a name, or no table of it to draw anew.
    """
    names = _known(args.names, DRAWINGS if args.redraw else _catalogue())
    out = args.out or (QUICK if args.quick else FIGURES)
    for name in names:
        table = _there(name) if args.redraw else _made(name, out, args.quick)
        if name in DRAWINGS:
            print(*draw(name, table, out))
    return 0


def _catalogue() -> dict[str, Experiment]:
    """Return all experiments, which need packages that redrawing does not."""
    from msdnum.trials.catalogue import CATALOGUE

    return CATALOGUE


def _there(name: str) -> Path:
    """Return the path of a table that has been made."""
    table = FIGURES / "tables" / f"{name}.csv"
    if not table.is_file():
        raise ValueError(f"--redraw must find the table {table.name} in {table.parent.resolve()}")
    return table


def _made(name: str, out: Path, quick: bool) -> Path:
    """Carry out an experiment, write its table and return the path."""
    table = _catalogue()[name].write(out / "tables", quick=quick)
    print(table)
    return table


def _known(names: list[str], known: Iterable[str]) -> list[str]:
    for name in names:
        if name not in known:
            near = did_you_mean(name, known)
            raise ValueError(f"name must be one of {', '.join(known)}, got {name!r}{near}")
    return names or list(known)


def source(table: Path) -> str:
    """Return what a figure says of its table: the name and a digest of its bytes."""
    return f"{table.name}, SHA-256 {hashlib.sha256(table.read_bytes()).hexdigest()}"


def draw(name: str, table: Path, out: Path) -> tuple[Path, Path]:
    """Draw a table and return the paths of the PNG and the PDF.

    Raises
    ------
    ValueError
        If the table is damaged, or that of another experiment.
    """
    header, records = read(table)
    if header.get("experiment") != name:
        of = header.get("experiment")
        raise ValueError(f"table {str(table)!r} must be of the experiment {name}, got {of!r:.80}")
    with style():
        return save(_drawn(name, table, records), out / name, source(table))


def _drawn(name: str, table: Path, records: Records) -> Figure:
    try:
        return DRAWINGS[name](records)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ValueError(f"table {str(table)!r} cannot be drawn as {name}, {what}") from error

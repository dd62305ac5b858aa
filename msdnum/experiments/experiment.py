"""Experiments: parameters that give a table; the same seed gives the same bytes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from msdnum import __version__, _files
from msdnum._extras import progress
from msdnum.experiments.tables import DIGITS, Record, text

__all__ = ["SEED", "Experiment"]

SEED = 20260513


@dataclass(frozen=True)
class Experiment:
    """What is to be measured.

    Parameters
    ----------
    name : str
        Of the experiment, and of its file.
    description : str
        What is measured, in one sentence.
    spec : tuple
        What ``rows`` is given, as names and numbers: all that decides the table but the seed.
    rows : callable
        ``rows(spec, seed)`` yields the records; they all have the same columns.
    quick : tuple
        A smaller spec for a look or a test.
    takes_schemes : bool
        Whether ``rows`` takes schemes of the user's, at the end of its spec.
    """

    name: str
    description: str
    spec: tuple[Any, ...]
    rows: Callable[[tuple[Any, ...], int], Iterator[Record]]
    quick: tuple[Any, ...]
    takes_schemes: bool = False

    def table(
        self,
        *,
        seed: int = SEED,
        quick: bool = False,
        digits: int = DIGITS,
        schemes: Sequence[Any] = (),
    ) -> str:
        """Carry it out and return the file's text.

        Raises
        ------
        ValueError
            If schemes are given to an experiment that takes none.
        """
        if schemes and not self.takes_schemes:
            raise ValueError(f"experiment {self.name} takes no schemes, got {len(schemes)}")
        spec = (*(self.quick if quick else self.spec), *schemes)
        records = progress(self.rows(spec, seed), desc=self.name, unit=" rows")
        return text(list(records), self._header(spec, seed), digits)

    def write(self, directory: Path, **how: Any) -> Path:
        """Carry it out as ``table`` does, write its file and return the path."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.name}.csv"
        _files.write_text(path, self.table(**how))
        return path

    def _header(self, spec: tuple[Any, ...], seed: int) -> dict[str, Any]:
        packages = {name: version(name) for name in ("numpy", "jax")}
        return {
            "experiment": self.name,
            "description": self.description,
            "versions": {"msdnum": __version__, **packages},
            "seed": seed,
            "spec": [str(item) for item in spec],
        }

"""Experiments: parameters that give a table; the same seed gives the same bytes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msdnum import _files
from msdnum._extras import progress
from msdnum._versions import versions_of
from msdnum.experiments.spreads import with_spread
from msdnum.experiments.tables import DIGITS, Record, text

__all__ = ["SEED", "Experiment", "NoParameters"]

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SEED = 20260513

Parameters = TypeVar("Parameters", bound="DataclassInstance")


@dataclass(frozen=True)
class NoParameters:
    """Parameters of an experiment that has none: its table is decided by its rows alone."""


@dataclass(frozen=True)
class Experiment(Generic[Parameters]):
    """What is to be measured.

    Parameters
    ----------
    name : str
        Of the experiment, and of its file.
    description : str
        What is measured, in one sentence.
    parameters : frozen dataclass
        What ``rows`` is given: all that decides the table but the seed. The header of the table has
        each by name.
    rows : callable
        ``rows(parameters, seed)`` yields the records; they all have the same columns.
    quick : frozen dataclass
        Smaller parameters for a look or a test, of the same class.
    seeds : int
        How many seeds the table is made with, 2 for a look. Numbers are those of the first; where
        another seed gives others, columns ``least_`` and ``most_`` have the ends.

    Raises
    ------
    ValueError
        If parameters are no instances of one frozen dataclass.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from msdnum.experiments import Experiment
    >>> @dataclass(frozen=True)
    ... class Powers:
    ...     base: int
    ...     exponents: tuple[int, ...]
    >>> def rows(parameters, seed):
    ...     for exponent in parameters.exponents:
    ...         yield {"exponent": exponent, "value": parameters.base**exponent}
    >>> few, one = Powers(2, (3, 5)), Powers(2, (3,))
    >>> table = Experiment("powers", "powers of a base", few, rows, one).table()
    >>> '"parameters": {"base": 2, "exponents": [3, 5]}' in table
    True
    >>> table.splitlines()[1:]
    ['exponent,value', '3,8', '5,32']
    """

    name: str
    description: str
    parameters: Parameters
    rows: Callable[[Parameters, int], Iterator[Record]]
    quick: Parameters
    seeds: int = 1

    def __post_init__(self) -> None:
        """Refuse parameters without names."""
        how = getattr(type(self.parameters), "__dataclass_params__", None)
        if how is None or not how.frozen or type(self.quick) is not type(self.parameters):
            raise ValueError(
                f"parameters and quick must be of one frozen dataclass, so that the table has "
                f"their names, got {self.parameters!r} and {self.quick!r}"
            )

    @property
    def takes_schemes(self) -> bool:
        """Whether its parameters have ``schemes``, which may be the user's."""
        return any(field.name == "schemes" for field in fields(self.parameters))

    def table(
        self,
        *,
        seed: int = SEED,
        quick: bool = False,
        digits: int = DIGITS,
        schemes: Sequence[Any] = (),
        seeds: int | None = None,
    ) -> str:
        """Carry it out and return the file's text; with so many seeds from ``seed`` on.

        Raises
        ------
        ValueError
            If schemes are given to an experiment that takes none, or there is to be no seed.
        """
        if schemes and not self.takes_schemes:
            raise ValueError(f"experiment {self.name} takes no schemes, got {len(schemes)}")
        if seeds is not None and seeds < 1:
            raise ValueError(f"seeds must be at least 1, got {seeds}")
        parameters: Any = self.quick if quick else self.parameters
        if schemes:
            parameters = replace(parameters, schemes=tuple(schemes))
        count = seeds or (min(self.seeds, 2) if quick else self.seeds)
        tables = [
            list(progress(self.rows(parameters, seed + i), desc=self.name, unit=" rows"))
            for i in range(count)
        ]
        header = self._header(parameters, seed) | ({"seeds": count} if count > 1 else {})
        return text(with_spread(tables), header, digits)

    def write(self, directory: Path, **how: Any) -> Path:
        """Carry it out as ``table`` does, write its file and return the path."""
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / f"{self.name}.csv"
        _files.write_text(path, self.table(**how))
        return path

    def _header(self, parameters: Parameters, seed: int) -> dict[str, Any]:
        return {
            "experiment": self.name,
            "description": self.description,
            "versions": versions_of(["numpy", "jax"]),
            "seed": seed,
            "parameters": _by_name(parameters),
        }


def _by_name(value: Any) -> Any:
    """Return what JSON can say: parameters by name, what is no number or list as its name."""
    if isinstance(value, tuple | list):
        return [_by_name(item) for item in value]
    if is_dataclass(value) and not hasattr(value, "name"):
        return {field.name: _by_name(getattr(value, field.name)) for field in fields(value)}
    return value if value is None or isinstance(value, int | float | str) else str(value)

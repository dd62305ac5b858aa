"""The page of a report: all of its parts, as text, HTML, a dictionary and a data frame."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from msdnum.ledger.ledger import versions
from msdnum.reports import layout
from msdnum.reports.pages import (
    Cost,
    Expected,
    Guarantee,
    Integrated,
    Measured,
    Range,
    Record,
    Storage,
    Sum,
    Worst,
    plain,
    records,
)

__all__ = ["Report"]

PARTS = (
    "worst",
    "bound",
    "expected",
    "measured",
    "integrated",
    "storage",
    "ranges",
    "sums",
    "costs",
)
LIBRARIES = ("numpy", "ml_dtypes")


@dataclass(frozen=True)
class Report:
    """What is known of a format, scheme, unit or quantized array; ``print`` it, or show it.

    Parameters
    ----------
    name, kind : str
        What it is of.
    facts : dict
        What defines it, in words.
    worst : Worst or None
        The largest error that was found.
    bound : Guarantee
        What is proved of that error; Inf for nothing.
    expected : Expected or None
        Bits in closed form, where there is one.
    measured : tuple of Measured
        Bits by every definition, input by input.
    integrated : tuple of Integrated
        Expected bits of a distribution that has a density, by every definition that has a limit.
    storage : Storage or None
        Bits per element; None of a unit.
    ranges : tuple of Range
        Largest and smallest numbers.
    sums : tuple of Sum
        Roundings of a unit.
    costs : tuple of Cost
        Machine by machine.
    notes : tuple of str
        What else there is to say.
    seed : int
        Of all samples.
    subject : object
        What it is of.
    """

    name: str
    kind: str
    facts: dict[str, str]
    worst: Worst | None
    bound: Guarantee
    expected: Expected | None = None
    measured: tuple[Measured, ...] = ()
    integrated: tuple[Integrated, ...] = ()
    storage: Storage | None = None
    ranges: tuple[Range, ...] = ()
    sums: tuple[Sum, ...] = ()
    costs: tuple[Cost, ...] = ()
    notes: tuple[str, ...] = ()
    seed: int = 0
    subject: Any = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        """Return the page, at most 80 columns wide."""
        return layout.text(self)

    def __repr__(self) -> str:
        """Name it in a line."""
        return f"<Report on {self.kind} {self.name}: worst {self.worst or 'not known'}>"

    def _repr_html_(self) -> str:
        return layout.html_page(self)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON has it: exact fractions, Inf and NaN are text."""
        own = {name: plain(getattr(self, name)) for name in ("name", "kind", "facts", *PARTS)}
        return {
            **own,
            "notes": list(self.notes),
            "seed": self.seed,
            "versions": versions(LIBRARIES),
        }

    def records(self) -> list[Record]:
        """Return every number of the page: section, of what, quantity, value, exact value."""
        return [
            record
            for part in PARTS
            if getattr(self, part) is not None
            for record in records(part, getattr(self, part))
        ]

    def to_pandas(self) -> Any:
        """Return ``records`` as a ``pandas.DataFrame``.

        Raises
        ------
        ModuleNotFoundError
            If pandas is not installed.
        """
        try:
            pandas = import_module("pandas")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "to_pandas needs pandas: pip install 'msdnum[tables]'; records() has the same rows "
                "without",
                name=error.name,
            ) from None
        return pandas.DataFrame(self.records())

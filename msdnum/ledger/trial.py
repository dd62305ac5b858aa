"""Trials: the claims of one paper, what judges them, and what a judgement is given."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from msdnum._extras import remedy
from msdnum._names import did_you_mean
from msdnum.ledger.claims import Claim, Entry, Row, counted
from msdnum.ledger.findings import Finding, Verdict, not_run
from msdnum.ledger.ledger import Ledger
from msdnum.ledger.theorems import theorem

__all__ = [
    "Paper", "Progress", "Study", "StudyFunction", "Trial", "as_ledger", "entries", "finding_of",
    "judge", "no_progress", "row_of",
]  # fmt: skip

T = TypeVar("T")
Progress: TypeAlias = Callable[[int], object]
"""Told how much more is done, now and then."""


def no_progress(amount: int) -> None:
    """Show no progress."""


@dataclass(frozen=True)
class Paper:
    """A paper whose claims are judged.

    Parameters
    ----------
    title : str
        Its title, or the part of it that it is known by.
    source : str
        Where to find it: ``arXiv:`` and a number.
    """

    title: str
    source: str


@dataclass(frozen=True)
class Study:
    """What a run of the ledger is given.

    Parameters
    ----------
    deep : bool
        Everything, or what takes less than a minute.
    seed : int
        Of everything that is sampled.
    tensor : ndarray of float32 or None
        A tensor of the user's.
    progress : callable
        Told how much is done, now and then.

    Examples
    --------
    >>> from msdnum.ledger import Study
    >>> study = Study(seed=1)
    >>> study.once("pairs", lambda: [1, 2]) is study.once("pairs", lambda: [])
    True
    """

    deep: bool = False
    seed: int = 0
    tensor: Any = None
    progress: Progress = no_progress
    _shared: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what ``make`` has made when it was first asked for under this key."""
        if key not in self._shared:
            self._shared[key] = make()
        found: T = self._shared[key]
        return found


StudyFunction: TypeAlias = Callable[[Study], Iterator[Entry]]


@dataclass(frozen=True)
class Trial:
    """The claims of one paper, or the toolkit's own, and what judges them.

    Parameters
    ----------
    name : str
        Name of its folder, and on the command line.
    paper : Paper or None
        Whose claims; None for the toolkit's own.
    claims : tuple of Claim
        In the order of the ledger; no two trials have a claim of the same id.
    studies : tuple of callable
        Each takes a `Study` and yields entries.
    experiments : str
        Module whose ``CATALOGUE`` has the tables by name; imported by ``msdnum figures`` alone.
    figures : str
        Module whose ``DRAWINGS`` draw tables, by name; likewise.

    Raises
    ------
    ValueError
        If two claims have the same id.
    """

    name: str
    paper: Paper | None
    claims: tuple[Claim, ...]
    studies: tuple[StudyFunction, ...]
    experiments: str = ""
    figures: str = ""

    def __post_init__(self) -> None:
        """Refuse claims that cannot be told apart."""
        ids = self.ids
        if len(set(ids)) < len(ids):
            raise ValueError(f"claims must have different ids, got {ids} in trial {self.name!r}")

    def __repr__(self) -> str:
        """Return a line: its name, and how many claims of which paper."""
        of = f" of {self.paper.source}" if self.paper else ""
        return f"<Trial {self.name}: {counted(len(self.claims), 'claim')}{of}>"

    @property
    def ids(self) -> list[str]:
        """The ids of its claims."""
        return [claim.id for claim in self.claims]


def entries(trials: Iterable[Trial], study: Study, only: str | None = None) -> list[Entry]:
    """Return the entries in the order of the ledger; those of one claim if it is named.

    Raises
    ------
    ValueError
        If there is no such claim, or nothing to judge it on.
    """
    trials = tuple(trials)
    ids = [name for trial in trials for name in trial.ids]
    if only is not None and only not in ids:
        near = did_you_mean(only, ids)
        known = f"one of {', '.join(ids)}" if ids else "left out, for this trial has none"
        raise ValueError(f"claim must be {known}, got {only!r}{near}")
    found = [entry for trial in trials for each in trial.studies for entry in each(study)]
    chosen = [entry for entry in found if only in (None, entry.claim)]
    if not chosen:
        raise ValueError(f"claim {only!r} needs a tensor to judge: --tensor FILE:NAME")
    return chosen


def judge(entry: Entry) -> Row:
    """Judge one entry."""
    return row_of(entry, finding_of(entry))


def finding_of(entry: Entry) -> Finding:
    """Return what judging an entry finds; that it is not run, where a package is missing."""
    try:
        return entry.judge()
    except ModuleNotFoundError as error:
        return not_run(remedy(error, "verify"))


def row_of(entry: Entry, finding: Finding) -> Row:
    """Return the row of a finding. What fails is refuted by its witness: no proof is named."""
    known = theorem(entry.theorem or "")
    holds = finding.verdict is Verdict.HOLDS
    return Row(entry, finding, known.proof if known and holds else None)


def as_ledger(trials: Iterable[Trial], rows: tuple[Row, ...], **settings: object) -> Ledger:
    """Return the ledger of judged rows."""
    present = {row.entry.claim for row in rows}
    claims = (claim for trial in trials for claim in trial.claims)
    return Ledger(tuple(claim for claim in claims if claim.id in present), rows, settings)

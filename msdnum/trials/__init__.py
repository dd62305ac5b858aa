"""One folder a paper; here they are found, and those of other distributions."""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from msdnum._names import did_you_mean
from msdnum.ledger.trial import Trial

__all__ = ["GROUP", "JUDGED", "find_trial", "judged", "trials"]

GROUP = "msdnum.trials"
"""Entry points of this group are trials of other distributions: each names a `Trial`."""
JUDGED = ("msd", "toolkit")
"""The trials that ``msdnum verify`` judges if none is named, in this order."""


@cache
def trials() -> dict[str, Trial]:
    """Return all trials by name: the folders here, then what other distributions announce.

    Raises
    ------
    TypeError
        If a folder or an entry point has no `Trial`.
    ValueError
        If two trials have the same name.

    Examples
    --------
    >>> from msdnum.trials import trials
    >>> sorted(trials())[:3]
    ['deepseek_v3', 'finer', 'msd']
    """
    found = {
        module.name: import_module(f"{__name__}.{module.name}").TRIAL
        for module in iter_modules(__path__)
        if module.ispkg
    }
    for point in entry_points(group=GROUP):
        trial = point.load()
        if not isinstance(trial, Trial):
            raise TypeError(
                f"entry point {point.value!r} of {GROUP} must be a Trial, got {trial!r}"
            )
        if trial.name in found:
            raise ValueError(f"trial {trial.name!r} must have a name of its own: {point.value!r}")
        found[trial.name] = trial
    return found


def find_trial(name: str) -> Trial:
    """Return a trial by name.

    Raises
    ------
    ValueError
        If there is none, with the name that is near.
    """
    known = trials()
    if name not in known:
        near = did_you_mean(name, known)
        raise ValueError(f"trial must be one of {', '.join(known)}, got {name!r}{near}")
    return known[name]


def judged(name: str | None = None) -> tuple[Trial, ...]:
    """Return the trial of that name, or those that are judged where none is named."""
    return tuple(map(find_trial, JUDGED if name is None else (name,)))

"""Optional packages: those that change no result are missed quietly, all else is named."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from typing import Any, TypeVar

__all__ = ["one_blas_thread", "progress", "progress_bar", "remedy", "require"]

T = TypeVar("T")

EXTRAS = {
    "flint": "exact",
    "gguf": "verify",
    "hypothesis": "testing",
    "jax": "jax",
    "jaxlib": "jax",
    "matplotlib": "plot",
    "mpmath": "exact",
    "numba": "numba",
    "pandas": "tables",
    "safetensors": "verify",
    "scipy": "verify",
    "threadpoolctl": "verify",
    "tokenizers": "verify",
}
"""Of the distribution, by the module that is missing."""

WHOLE = {"explain": "verify", "figures": "plot,verify", "model": "verify", "verify": "verify"}
"""The extras of commands that need more than one module, so that all are named at once."""


MODULES = {"verify": ("jax", "flint", "mpmath", "safetensors", "tokenizers")}


def require(command: str) -> None:
    """Raise before the work if a module that a command needs is missing.

    Raises
    ------
    ModuleNotFoundError
        With the name of the module.
    """
    for module in MODULES[command]:
        if find_spec(module) is None:
            raise ModuleNotFoundError(f"No module named {module!r}", name=module)


def remedy(error: ImportError, command: str) -> str:
    """Return what is missing and the installation that brings it, in one line."""
    missing = (error.name or "").partition(".")[0]
    if missing not in EXTRAS:
        return str(error)
    extras = WHOLE.get(command, EXTRAS[missing])
    return f"{missing} is missing: {command} needs msdnum[{extras}]: pip install 'msdnum[{extras}]'"


def progress(items: Iterable[T], **options: Any) -> Iterable[T]:
    """Return the items, with a progress bar on a terminal; ``options`` are tqdm's."""
    tqdm = _tqdm()
    # disable=None: shown on a terminal only.
    return items if tqdm is None else tqdm(items, disable=None, **options)


@contextmanager
def progress_bar(**options: Any) -> Iterator[Callable[[int], object]]:
    """Give a function that moves a progress bar on; ``options`` are tqdm's."""
    tqdm = _tqdm()
    if tqdm is None:
        yield lambda steps: None
        return
    with tqdm(disable=None, **options) as bar:
        yield bar.update


def one_blas_thread() -> AbstractContextManager[object]:
    """Let BLAS compute in one thread: those of several processes on the same cores only wait."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return nullcontext()
    limits: AbstractContextManager[object] = threadpool_limits(1, user_api="blas")
    return limits


def _tqdm() -> Any:
    try:
        from tqdm import tqdm
    except ImportError:
        return None
    return tqdm

"""Load an adapter and call its functions: what it answers, refuses, leaves out or breaks on."""

import ast
import importlib
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata, util
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from msdnum._names import did_you_mean, near
from msdnum.conformance.adapters import OPERATIONS, READY
from msdnum.conformance.hif4 import hif4_groups
from msdnum.conformance.own_formats import check_formats, groups_of
from msdnum.conformance.vectors import Group
from msdnum.conformance.zero_points import zero_point_groups
from msdnum.formats.blocks import BlockFormat
from msdnum.formats.elements import ElementFormat

__all__ = ["SLIPS", "AdapterError", "failing", "load", "own_groups", "versions"]

SLIPS = (
    AttributeError, ImportError, LookupError, MemoryError, NameError, RecursionError, SyntaxError,
    TypeError,
)  # fmt: skip
"""What Python raises when a program is wrong: nobody refuses an input with it on purpose."""

Formats: TypeAlias = tuple[ElementFormat | BlockFormat, ...]

FURTHER_OPERATIONS = {"quantize_hif4": hif4_groups, "quantize_asymmetric": zero_point_groups}
"""What makes the vectors of functions that few implementations have."""

FUNCTIONS = f"the functions of an adapter are {', '.join(OPERATIONS)}; others begin with _"


class AdapterError(ValueError):
    """The adapter cannot be run, so that nothing is said of what it stands for."""


def load(name: str) -> ModuleType:
    """Return a ready adapter by name, or any by the path of its file.

    Raises
    ------
    AdapterError
        If there is no such adapter, or it fails while it is imported, has no PACKAGES, or has
        FORMATS that are none, or public functions that nobody calls.
    ImportError
        If a package that a ready adapter needs is not installed.
    """
    module = (
        importlib.import_module(f"msdnum.conformance.adapters.{name}")
        if name in READY
        else _run(name)
    )
    _check_packages(module)
    _own_formats(module)
    unused = list(_unused(module))
    if unused:
        raise AdapterError(f"nobody calls {', '.join(unused)}; {FUNCTIONS}")
    return module


def _run(name: str) -> ModuleType:
    path = Path(name)
    location = util.spec_from_file_location(f"msdnum_adapter_{path.stem}", name)
    usable = path.is_file() and path.suffix == ".py"
    if not usable or location is None or location.loader is None:
        ready = f"adapter must be a Python file or one of {', '.join(READY)}, got {name}"
        raise AdapterError(f"{ready}{did_you_mean(name, READY)}")
    module = util.module_from_spec(location)
    with failing(str(module.__file__)):
        location.loader.exec_module(module)
    return module


@contextmanager
def failing(file: str, where: str = "") -> Iterator[None]:
    """Say in one line that an adapter itself fails, of whatever it raises, and where."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        place = f"{_line(error, file)}{where}"
        raise AdapterError(f"the adapter itself fails{place}: {said(error)}") from error


def said(error: BaseException) -> str:
    """Return name and message of an exception, in one short line."""
    name, text = type(error).__name__, str(error)
    line = f"{name}: {text}".splitlines()[0][:160] if text else name
    return "".join(character if character.isprintable() else "?" for character in line)


def _line(error: BaseException, file: str) -> str:
    if isinstance(error, SyntaxError):
        return ""  # It says its line itself.
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == file]
    return f" in line {lines[-1]}" if lines else ""


def _check_packages(module: ModuleType) -> None:
    if not hasattr(module, "PACKAGES"):
        raise AdapterError(
            "adapter must have PACKAGES, the distributions that it runs, such as ('numpy',)"
        )
    packages = module.PACKAGES
    named = isinstance(packages, (tuple, list)) and all(isinstance(p, str) for p in packages)
    if not named:
        raise AdapterError(f"PACKAGES must be a tuple of names, got {packages!r:.60}")


def _own_formats(module: ModuleType) -> Formats:
    try:
        return check_formats(getattr(module, "FORMATS", ()))
    except (TypeError, ValueError) as error:
        raise AdapterError(str(error)) from None


def own_groups(module: ModuleType) -> tuple[Group, ...]:
    """Return the vectors of an adapter's FORMATS, and of functions that few others have.

    Raises
    ------
    AdapterError
        If there are no vectors of one, as of binary32.
    """
    try:
        own = [group for fmt in _own_formats(module) for group in groups_of(fmt)]
    except ValueError as error:
        raise AdapterError(f"FORMATS: {error}") from None
    further = [groups() for name, groups in FURTHER_OPERATIONS.items() if hasattr(module, name)]
    return (*own, *(group for groups in further for group in groups))


def versions(module: ModuleType) -> dict[str, str]:
    """Return the versions of the packages that an adapter names.

    Raises
    ------
    AdapterError
        If one is not installed.
    """
    return {package: _version(package) for package in module.PACKAGES}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError):
        pass
    try:
        return str(importlib.import_module(package).__version__)
    except Exception:
        raise AdapterError(f"PACKAGES names {package!r}, which is not installed") from None


def _unused(module: ModuleType) -> Iterator[str]:
    """Yield the public functions that nobody calls, each with the name that may be meant."""
    used = _used(Path(str(module.__file__)))
    for name, value in vars(module).items():
        if name in OPERATIONS or name in used or name.startswith("_") or not _is_function(value):
            continue
        meant = near(name, OPERATIONS)
        if meant is not None or value.__module__ == module.__name__:
            yield name if meant is None else f"{name} (did you mean {meant}?)"


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type) and hasattr(value, "__module__")


def _used(path: Path) -> set[str]:
    """Return the names that the source of a module reads."""
    nodes = list(ast.walk(ast.parse(path.read_bytes())))
    names = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return names | {node.attr for node in nodes if isinstance(node, ast.Attribute)}

"""``msdnum probe``: what unit is behind a product, found from outside."""

import argparse
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from msdnum import _files
from msdnum.conformance.adapter import SLIPS, failing, load
from msdnum.conformance.adapters import OPERATIONS, READY
from msdnum.evidence.black_boxes import FORMATS, BlackBox, codes_and_scales, elements_of
from msdnum.evidence.probing import LENGTH, probed

__all__ = ["add_arguments", "box_of_adapter", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``msdnum probe``."""
    parser.add_argument("adapter", metavar="ADAPTER", help=f"a file, or {', '.join(READY)}")
    parser.add_argument(
        "--format", choices=FORMATS, default="BF16", metavar="NAME", dest="fmt",
        help=f"of the elements: {', '.join(FORMATS)} (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--accumulator", default="SEQUENTIAL", metavar="NAME",
        help="what an adapter is told that has several (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--length", type=int, default=LENGTH, metavar="K",
        help="of the inner products, for an adapter with inner_products (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the findings there, too")


def run(args: argparse.Namespace) -> int:
    """Carry out ``msdnum probe``: 0 if a preset fits, 1 if none does."""
    _files.check_writable(args.json, "json file")
    if args.length < 3:
        raise ValueError(f"length must be at least 3, got {args.length}")
    found = probed(box_of_adapter(args.adapter, args.fmt, args.accumulator, args.length))
    print(found)
    if args.json:
        _files.write_text(args.json, json.dumps(found.as_dict(), indent=2) + "\n")
    return int(not found.fits)


def box_of_adapter(name: str, fmt: str, accumulator: str, length: int = LENGTH) -> BlackBox:
    """Return the black box that an adapter's product is.

    Raises
    ------
    ValueError
        If the adapter has no product, or none of this format and accumulator.
    """
    module = load(name)
    products = [known for known in ("inner_products", "matmul") if hasattr(module, known)]
    if not products:
        has = ", ".join(known for known in OPERATIONS if hasattr(module, known))
        raise ValueError(
            f"adapter {name} must be a product: have inner_products or matmul, got {has or 'none'}"
        )
    takes = _takes(module, fmt, accumulator)
    if takes is None:
        others = list(_others(module, accumulator))
        remedy = f"--format {' or '.join(others)}" if others else "another --accumulator"
        raise ValueError(
            f"adapter {name} must multiply {fmt} in accumulator {accumulator}, got "
            f"NotImplementedError: give it {remedy}"
        )
    length, takes_c = (LENGTH, False) if takes == "matmul" else (length, takes == "from c")
    length = -(-length // 32) * 32 if fmt == "MXFP4" else length

    def dots(a: Any, b: Any, c: Any) -> NDArray[Any]:
        return _dots(module, a, b, c, fmt, accumulator)

    return BlackBox(f"{name} {accumulator}", FORMATS[fmt], dots, length, takes_c)


def _others(module: ModuleType, accumulator: str) -> Iterator[str]:
    """Yield the formats that an adapter multiplies."""
    for fmt in FORMATS:
        with suppress(ValueError):
            if _takes(module, fmt, accumulator):
                yield fmt


def _takes(module: ModuleType, fmt: str, accumulator: str) -> str | None:
    """Return how an adapter multiplies numbers of a format; None where it does not."""
    x = elements_of(np.ones((2, LENGTH)), FORMATS[fmt])
    for how, start in (("from c", np.ones(2)), ("from zero", np.zeros(2)), ("matmul", None)):
        if not hasattr(module, "matmul" if how == "matmul" else "inner_products"):
            continue
        if how == "matmul" and fmt == "MXFP4":
            continue
        try:
            _dots(module, x, x, start, fmt, accumulator)
        except NotImplementedError:
            continue
        return how
    return None


def _dots(module: ModuleType, a: Any, b: Any, c: Any, fmt: str, accumulator: str) -> NDArray[Any]:
    """Call the adapter; whatever mistake in Python it raises is its own."""
    try:
        if not hasattr(module, "inner_products"):
            return _by_matmul(module, a, b, fmt, accumulator)
        start = np.zeros(a.shape[0], np.float32) if c is None else np.asarray(c, np.float32)
        return np.asarray(_by_rows(module, a, b, start, fmt, accumulator))
    except SLIPS as error:
        with failing(str(module.__file__), " in a product"):
            raise error


def _by_rows(module: ModuleType, a: Any, b: Any, c: Any, fmt: str, accumulator: str) -> Any:
    (left, scale_a), (right, scale_b) = codes_and_scales(a), codes_and_scales(b)
    scaled = scale_a is not None
    element = FORMATS[fmt].element.name if scaled else fmt
    return module.inner_products(
        left, right, c, fmt_a=element, fmt_b=element, accumulator=accumulator,
        scale_a=scale_a, scale_b=scale_b,
        scale_fmt=FORMATS[fmt].scale.name if scaled else "",
        block=FORMATS[fmt].block_size if scaled else 0,
    )  # fmt: skip


def _by_matmul(module: ModuleType, a: Any, b: Any, fmt: str, accumulator: str) -> NDArray[Any]:
    """Fill two rows and two columns with an inner product at a time."""
    found = []
    for i in range(len(a)):
        codes = [codes_and_scales(np.stack([x[i], x[i]]))[0] for x in (a, b)]
        values = np.asarray(module.matmul(*codes, fmt=fmt, accumulator=accumulator)).ravel()
        if values.shape != (4,):
            raise ValueError(f"matmul must give 4 values, got {values.shape}: it is no product")
        found.append(values[0])
    return np.array(found)

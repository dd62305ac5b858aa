"""Test vectors that any implementation can be held against."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from msdnum import _cache, _files
from msdnum.conformance.blocks import dequantize_groups, quantize_groups
from msdnum.conformance.casts import cast_groups, decode_groups
from msdnum.conformance.products import matmul_groups, scaled_matmul_groups
from msdnum.conformance.terms import (
    decompose_groups,
    dot_groups,
    gpt_oss_groups,
    pack_groups,
    unpack_groups,
)
from msdnum.conformance.vectors import Case, Group, NamedPatterns, Patterns, Standard
from msdnum.formats.elements import ELEMENT_FORMATS, UNIT_FORMATS, ElementFormat
from msdnum.formats.other_elements import OTHER_FORMATS

__all__ = ["VERSION", "digest", "find", "groups", "keep", "made", "manifest", "read", "write"]

VERSION = 3
"""Of the vectors: one more whenever a bit of them changes."""


KEPT_AS = f"vectors-{VERSION}"

FORMATS: dict[str, ElementFormat] = {
    **ELEMENT_FORMATS, **UNIT_FORMATS, **OTHER_FORMATS,
}  # fmt: skip
"""Formats that arrays of vectors are of."""


ABOUT = {
    "what": "Given bits and the bits that must come back, from the exact specification.",
    "patterns": "Hexadecimal, most significant digit first, in the format named beside the array.",
    "nan": "Where a NaN is expected any NaN of the format will do.",
    "refused": "Where nothing is expected the input is to be refused.",
    "decided": "Given the parameters, the source allows this answer only.",
    "open": "The source allows several answers; the note says which one this is.",
}


@cache
def groups() -> tuple[Group, ...]:
    """Return all vectors, the same ones every time: kept ones, or made now."""
    kept = _cache.load(KEPT_AS)
    return made() if kept is None else _from_documents(json.loads(kept).values())


@cache
def keep() -> None:
    """Keep the vectors for the next process, which then reads them in a tenth of the time."""
    if _cache.load(KEPT_AS) is None:
        texts = ((name, json.loads(text)) for name, text in documents())
        _cache.store(KEPT_AS, json.dumps(dict(texts), separators=(",", ":")))


def made() -> tuple[Group, ...]:
    """Return all vectors, made from the specification."""
    return (
        *cast_groups(),
        *decode_groups(),
        *quantize_groups(),
        *dequantize_groups(),
        *pack_groups(),
        *unpack_groups(),
        *gpt_oss_groups(),
        *decompose_groups(),
        *dot_groups(),
        *matmul_groups(),
        *scaled_matmul_groups(),
    )


def find(name: str) -> tuple[Group, Case]:
    """Return the vector with this id; ValueError, with what is near, if there is none."""
    stem, _, last = name.rpartition("/")
    for group in groups():
        for case in group.cases:
            if group.name == stem and case.name == last:
                return group, case
    raise ValueError(f"vector must be an id of the manifest, got {name!r}; near: {_near(name)}")


def _near(name: str) -> list[str]:
    """Return a few ids that begin as ``name`` does, as far down as any do."""
    ids = [f"{group.name}/{case.name}" for group in groups() for case in group.cases]
    while name and not any(id_.startswith(name) for id_ in ids):
        name = name.rpartition("/")[0]
    return [id_ for id_ in ids if id_.startswith(name)][:3]


def documents(of: tuple[Group, ...] | None = None) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every file of vectors, one for each operation."""
    members = groups() if of is None else of
    for operation in dict.fromkeys(group.operation for group in members):
        body = {group.name: _as_json(group) for group in members if group.operation == operation}
        yield f"{operation}.json", json.dumps(body, indent=0) + "\n"


def _as_json(group: Group) -> dict[str, Any]:
    first = group.cases[0]
    formats = {k: v.fmt.name for k, v in (first.given | (first.expected or {})).items()}
    return {
        **_heading(group),
        "arrays": formats,
        "cases": {c.name: [_hex(c.given), c.expected and _hex(c.expected)] for c in group.cases},
    }


def _hex(arrays: NamedPatterns) -> dict[str, str]:
    return {name: str(patterns) for name, patterns in arrays.items()}


def _heading(group: Group) -> dict[str, Any]:
    return {
        "operation": group.operation,
        "parameters": group.parameters,
        "topic": group.topic,
        "source": group.source,
        "standard": group.standard.value,
        "note": group.note,
        "count": len(group.cases),
    }


def manifest(of: tuple[Group, ...] | None = None) -> dict[str, Any]:
    """Return what there is: version, counts, digests, and for every group its source."""
    return _whole_manifest() if of is None else _manifest(of)


@cache
def _whole_manifest() -> dict[str, Any]:
    return _manifest(groups())


def _manifest(members: tuple[Group, ...]) -> dict[str, Any]:
    texts = dict(documents(members))
    files = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    return {
        "version": VERSION,
        **ABOUT,
        "count": sum(len(group.cases) for group in members),
        "digest": hashlib.sha256("".join(files.values()).encode()).hexdigest(),
        "files": files,
        "groups": {group.name: _heading(group) for group in members},
    }


def digest() -> str:
    """Return the SHA-256 of all vectors."""
    return str(manifest()["digest"])


def write(directory: Path, of: tuple[Group, ...] | None = None) -> None:
    """Write vectors, all or some, and ``manifest.json``, making the directory if need be."""
    for name, text in documents(of):
        _files.write_text(directory / name, text)
    _files.write_text(directory / "manifest.json", json.dumps(manifest(of), indent=1) + "\n")


def read(directory: Path) -> tuple[Group, ...]:
    """Return the vectors written to a directory."""
    listed = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    texts = ((directory / name).read_text(encoding="utf-8") for name in listed["files"])
    return _from_documents(map(json.loads, texts))


def _from_documents(documents: Iterable[dict[str, Any]]) -> tuple[Group, ...]:
    return tuple(_from_json(body) for document in documents for body in document.values())


def _from_json(body: dict[str, Any]) -> Group:
    formats = body["arrays"]

    def arrays(texts: dict[str, str]) -> NamedPatterns:
        return {
            name: Patterns(FORMATS[formats[name]], tuple(int(x, 16) for x in text.split()))
            for name, text in texts.items()
        }

    cases = tuple(
        Case(name, arrays(given), None if expected is None else arrays(expected))
        for name, (given, expected) in body["cases"].items()
    )
    standard = Standard(body["standard"])
    named = {name: body[name] for name in ("operation", "parameters", "topic", "source", "note")}
    return Group(**named, standard=standard, cases=cases)

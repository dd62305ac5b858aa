"""Sources of tensors: ``FILE:NAME``, where the file may be the index of a sharded checkpoint."""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from msdnum.inputs.files.safetensors_files import StoredTensor, open_safetensors

__all__ = ["find_tensor", "names_in", "parted", "read_tensor"]


def read_tensor(source: str) -> StoredTensor:
    """Map one tensor, of any type, as it is stored.

    Parameters
    ----------
    source : str
        ``FILE:NAME``; the file is a safetensors file, or the ``.json`` index over several.

    Returns
    -------
    StoredTensor
        With its array, read-only and not yet read.

    Raises
    ------
    ValueError
        If the file cannot be read, is damaged or another kind of file, or has no such tensor.
    """
    path, name = parted(source)
    if not (path and name):
        raise ValueError(f"tensor must be FILE:NAME, got {source!r}")
    found = find_tensor(path, name)
    if found is None:
        names = names_in(path)
        raise ValueError(
            f"tensor must be one in {path!r}, such as {_nearest(name, names)}, got {name!r}"
        )
    return found


def find_tensor(path: str, name: str) -> StoredTensor | None:
    """Map the tensor of this name in a file or in the shard that an index names, if it is there.

    Raises
    ------
    ValueError
        As ``read_tensor``, and if an index names a shard without the tensor.
    """
    if not _is_index(path):
        return open_safetensors(path).get(name)
    shard = _weight_map(path).get(name)
    if shard is None:
        return None
    tensors = open_safetensors(Path(path).parent / shard)
    if name not in tensors:
        raise ValueError(f"tensor {name!r} must be in {shard!r}, which {path!r} names for it")
    return tensors[name]


def names_in(path: str) -> list[str]:
    """Return the names of all tensors of a file or an index, sorted.

    Raises
    ------
    ValueError
        As ``read_tensor``.
    """
    return sorted(_weight_map(path) if _is_index(path) else open_safetensors(path))


def parted(source: str) -> tuple[str, str]:
    """Part the file from the name at the last colon before which there is a file, or the last."""
    colons = [place for place, character in enumerate(source) if character == ":"]
    parts = [(source[:place], source[place + 1 :]) for place in reversed(colons)]
    there = (part for part in parts if Path(part[0]).is_file())
    return next(there, parts[0] if parts else ("", ""))


def _is_index(path: str) -> bool:
    return path.endswith(".json") and Path(path).is_file()


def _weight_map(path: str) -> dict[str, str]:
    """Return which shard of an index has each tensor."""
    try:
        index = json.loads(Path(path).read_bytes())
        shards = index["weight_map"]
        if not all(isinstance(shard, str) for shard in shards.values()):
            raise TypeError
    except OSError as error:
        raise ValueError(f"tensor file {path!r} cannot be read: {error}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(
            f"tensor file {path!r} must be an index over shards, with a weight_map from tensors "
            f"to files, as model.safetensors.index.json has"
        ) from None
    return dict(shards)


def _nearest(name: str, names: Iterable[str]) -> str:
    """List the names most like ``name``, or the first few."""
    names = list(names)
    return ", ".join(get_close_matches(name, names, n=4, cutoff=0.4) or names[:4])

"""Kinds of files that hold tensors, by their first bytes: what a wrong file is told it is."""

__all__ = ["kind_of"]

_TORCH = "torch.load opens it, safetensors.torch.save_file writes its tensors"

_KINDS = (
    (b"\x93NUMPY", "a NumPy array (.npy): np.load opens it, safetensors.numpy.save_file writes it"),
    (b"GGUF", "a GGUF file: inputs.files.open_gguf opens it, emulator.layouts reads blocks"),
    (b"PK\x03\x04", f"a zip archive, as of torch.save or np.savez: {_TORCH}"),
    (b"\x80", f"a pickle, as of torch.save: {_TORCH}"),
    (b"\x89HDF", "an HDF5 file, as of Keras: h5py opens it"),
    (b"{", "JSON: read_tensor takes the index over shards as FILE:NAME, open_safetensors a shard"),
    (b"<!DOCTYPE html", "an HTML page, as of a download that failed"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself: git lfs pull fetches it"),
)
"""The first bytes of a kind, what it is and what opens it; sources: the formats' own."""

READ = max(len(magic) for magic, _ in _KINDS)
"""How many bytes tell."""


def kind_of(start: bytes) -> str | None:
    """Return what a file that begins so is, and what opens it, or None if it is not known.

    Parameters
    ----------
    start : bytes
        The first bytes of the file, ``READ`` or more.

    Examples
    --------
    >>> from msdnum.inputs.files import kind_of
    >>> kind_of(b"GGUF and more")
    'a GGUF file: inputs.files.open_gguf opens it, emulator.layouts reads blocks'
    """
    return next((text for magic, text in _KINDS if _is(magic, start)), None)


def _is(magic: bytes, start: bytes) -> bool:
    # One byte may begin the length of a safetensors header: of a pickle, protocol 2 to 5 follows.
    if magic == b"\x80":
        return start[:1] == magic and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    if magic == b"{":
        return start[:1] == magic and start[1:].lstrip()[:1] in (b'"', b"}")
    return start.startswith(magic)

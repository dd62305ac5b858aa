"""Files that hold tensors of every type: safetensors, and the index over shards of it."""

from msdnum.inputs.files.kinds import kind_of
from msdnum.inputs.files.safetensors_files import DTYPES, StoredTensor, open_safetensors
from msdnum.inputs.files.sources import find_tensor, names_in, parted, read_tensor

__all__ = [
    "DTYPES", "StoredTensor", "find_tensor", "kind_of", "names_in", "open_safetensors", "parted",
    "read_tensor",
]  # fmt: skip

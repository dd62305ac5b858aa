"""Files that hold tensors of every type: safetensors, the index over shards of it, and GGUF."""

from msdnum.inputs.files.gguf_files import GGUFFile, GGUFTensor, open_gguf
from msdnum.inputs.files.kinds import kind_of
from msdnum.inputs.files.safetensors_files import DTYPES, StoredTensor, open_safetensors
from msdnum.inputs.files.sources import find_tensor, names_in, parted, read_tensor

__all__ = [
    "DTYPES", "GGUFFile", "GGUFTensor", "StoredTensor", "find_tensor", "kind_of", "names_in",
    "open_gguf", "open_safetensors", "parted", "read_tensor",
]  # fmt: skip

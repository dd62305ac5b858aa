"""Write the logits that transformers gives for SmolLM2-135M-Instruct, loaded from the same GGUF.

tests/inputs/test_jax_decoder.py compares with them.

    python benchmarks/smollm2_reference.py FILE.gguf

Needs `pip install transformers accelerate gguf torch`, which the tests do not. float32, CPU.
"""

import hashlib
import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

OUT = Path(__file__).parent.parent / "tests" / "data" / "smollm2_logits.json"
PACKAGES = ("transformers", "torch", "gguf", "tokenizers")
PROMPTS = [
    "The capital of France is",
    "In 1969, 3 people flew to the Moon; they came back on 24 July.",
    "def leaves(node):\n    if not node.children:\n        return 1\n",
    "Ein Gletscher ist ein Fluss, der vergessen hat, wie man sich beeilt. 氷河 🧊",
    "<|im_start|>user\nWhat is a matrix?<|im_end|>\n<|im_start|>assistant\n",
]
STEP = 3083
"""Every so many logits are kept, beside the largest."""


def hexadecimal(x):
    return x.to(torch.float32).numpy().astype(">f4").tobytes().hex()


def rows(model, ids):
    """Yield, for every position, what is kept of its logits."""
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    for row in logits:
        best = int(row.argmax())
        normalizer = float(torch.logsumexp(row.double(), 0))
        yield {
            "best": best,
            "best_logit": hexadecimal(row[best : best + 1]),
            "logsumexp": normalizer,
            "logits": hexadecimal(row[::STEP]),
        }


def main(path):
    path = Path(path)
    given = {"gguf_file": path.name}
    tokenizer = AutoTokenizer.from_pretrained(path.parent, **given)
    model = AutoModelForCausalLM.from_pretrained(path.parent, dtype=torch.float32, **given)
    texts = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt)["input_ids"]
        texts.append({"text": prompt, "ids": ids, "positions": list(rows(model, ids))})
    header = {
        "what": f"logits of SmolLM2-135M-Instruct.Q4_1 at every position: the largest and every "
        f"{STEP}th, big-endian binary32, and the logarithm of the sum of all exponentials",
        "how": "python benchmarks/smollm2_reference.py FILE.gguf",
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "versions": {name: version(name) for name in PACKAGES},
        "step": STEP,
    }
    text = json.dumps(header | {"texts": texts}, indent=1, ensure_ascii=False)
    OUT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

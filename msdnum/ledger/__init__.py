"""What a judgement is: claims, entries, findings, witnesses, theorems; no arrays."""

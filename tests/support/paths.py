"""Folders of the repository, for tests wherever they stand."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROOFS = ROOT / "proofs"
TABLES = ROOT / "figures" / "msd" / "tables"

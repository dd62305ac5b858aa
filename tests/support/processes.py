"""Whether a process is still there."""

from pathlib import Path

KNOWN = Path("/proc/self/stat").exists()


def runs(pid):
    """Return whether a process runs: a dead one that nobody has asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False

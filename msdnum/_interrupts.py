"""Ctrl-C while the command line is still importing: a status and a line, no traceback.

Imported first of all, for it acts by being imported.
"""

import os
import signal
import sys
from types import FrameType

__all__ = ["STATUS", "as_usual", "is_the_command"]

STATUS = 130
"""What shells say of a command that Ctrl-C ended."""


def _leave(number: int, frame: FrameType | None) -> None:
    # An exception would pass through whatever is being imported, which may take it for its own.
    os.write(2, b"msdnum: interrupted\n")
    os._exit(STATUS)


def is_the_command() -> bool:
    """Whether this process is the command line, and not a program that uses the package."""
    words = sys.orig_argv
    as_module = any(words[i : i + 2] == ["-m", "msdnum"] for i in range(len(words)))
    return as_module or os.path.basename(sys.argv[0]) in ("msdnum", "msdnum.exe")


def as_usual() -> None:
    """Let Ctrl-C raise KeyboardInterrupt again."""
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# Whoever has another handler, or ignores Ctrl-C as a shell's background does, keeps it.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler and is_the_command():
    signal.signal(signal.SIGINT, _leave)

"""An adapter that is written, and the command that judges it."""

from tests.support.conform import adapter, run

__all__ = ["adapter", "run"]

"""Bit-exact emulators, exact references and proved error bounds for low-bit number formats."""

__version__ = "0.1.0"

"""Emulated products: operands, accumulators, recombination."""

"""What is computed with, as frozen data: formats, modes, schemes, accumulators."""

"""What is computed with, as frozen data: number formats, block formats, modes, schemes, accumulators."""

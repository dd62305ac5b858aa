"""Multi-Scale Dequant (arXiv:2605.13915) on trial."""

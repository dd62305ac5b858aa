"""The figures of Multi-Scale Dequant, one file a family."""

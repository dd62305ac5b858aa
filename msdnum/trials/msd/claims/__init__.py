"""The claims of Multi-Scale Dequant, one file a subject."""

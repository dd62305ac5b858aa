"""The error curve of the Ozaki scheme."""

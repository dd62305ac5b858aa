"""HTML and SVG for notebooks."""

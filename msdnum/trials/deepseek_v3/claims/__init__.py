"""Claims D1 to D6: those of the report, and what its readers ask."""

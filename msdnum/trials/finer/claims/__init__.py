"""Claims F1 to F6: of a paper that found finer blocks worse, and of the one that replied."""

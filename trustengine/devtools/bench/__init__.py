"""Small benchmarks of the design's decisions: each compares two ways in one run, so read the ratios."""

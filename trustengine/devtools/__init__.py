"""Demo data and benchmarks."""

"""A local Discord and local providers, for the demo, the tests and the benchmarks."""

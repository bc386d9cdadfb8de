"""A language model for tests and benchmarks."""

"""Benchmarks of the kernels: the answer is checked first, then timed beside its alternatives in the same run."""

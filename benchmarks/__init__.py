"""Benchmarks: what the docs' figures are measured with."""

"""Benchmarks: each module is a program that prints medians and a ratio to a named peer."""

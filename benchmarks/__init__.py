"""Benchmark files and the synthetic phantom data set that the demo runs on."""

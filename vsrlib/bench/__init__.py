"""Timings of the project's own kernels and engines against plain formulations of the same. Command: `vsrlib bench`."""

"""The rows of docs/porting.md, measured: for each theme a file of probes, functions that run in either framework."""

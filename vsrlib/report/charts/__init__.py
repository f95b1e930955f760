"""Charts, drawn from result files and nothing else."""

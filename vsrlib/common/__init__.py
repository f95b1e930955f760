"""Errors, options, files and processes: what every room uses and what knows nothing of video."""

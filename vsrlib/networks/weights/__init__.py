"""Weights in files: formats, names, and the weights that come with the project."""

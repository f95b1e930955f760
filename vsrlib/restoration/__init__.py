"""Restore clips, and score them against the truth."""

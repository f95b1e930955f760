"""Executed notebooks as self-contained pages, and the index of a study. Nothing is loaded from the network."""

from vsrlib.report.index import STATUSES, Chart, Overview, Row, duration, write_index
from vsrlib.report.pages import description, write_pages

__all__ = ["STATUSES", "Chart", "Overview", "Row", "description", "duration", "write_index", "write_pages"]

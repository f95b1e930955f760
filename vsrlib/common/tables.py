"""Markdown tables and numbers in texts."""

import math
import re
from collections.abc import Sequence
from html import escape


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; pipes and line breaks in cells are made harmless. Names from users: see `plain`."""
    lines = [header, ["---"] * len(header), *rows]
    cells = ([cell.replace("|", "\\|").replace("\n", " ") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def plain(name: str) -> str:
    """A name as Markdown that shows it and does nothing else: no HTML, no link, no picture."""
    return escape(re.sub(r"([\\`*\[\]$])", r"\\\1", name), quote=False)


def number(value: float | None, digits: int) -> str:
    """A number with fixed digits, or "-" where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"


def significant(value: float, digits: int = 3) -> str:
    """A number rounded to so many significant digits, never with an exponent; zero has no sign."""
    if value == 0 or not math.isfinite(value):
        return f"{value:z.0f}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{round(value, places):z.{max(0, min(places, 6))}f}"


def interval(found: dict, digits: int | None = None, signed: bool = False) -> str:
    """value [low, high], with fixed digits or else three significant ones; "-" where there is no value.

    There are no brackets where nothing could be resampled.
    """
    if found["value"] is None:
        return "-"
    # z: a difference that rounds to zero has no sign.
    form = f"{'+' if signed else ''}z.{digits}f"
    value, *ends = (
        significant(found[key]) if digits is None else f"{found[key]:{form}}"
        for key in ("value", "low", "high")
        if found[key] is not None
    )
    return f"{value} [{', '.join(ends)}]" if ends else value

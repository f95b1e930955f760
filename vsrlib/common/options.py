"""Checks of parameter values. Each returns nothing and raises UserError with the name, the value and the remedy."""

import difflib
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from vsrlib.common.errors import UserError


def require_types(settings: Any) -> None:
    """Every field of a dataclass instance has its declared type."""
    # Parameters come from a command line or a notebook, where "200" and 200 are easily mixed up.
    for entry in fields(settings):
        value = getattr(settings, entry.name)
        allowed = _TYPES[str(entry.type)]
        wrong_flag = isinstance(value, bool) and bool not in allowed
        item_type = int if entry.type == list[int] else str
        wrong_item = isinstance(value, list) and not all(type(item) is item_type for item in value)
        if not isinstance(value, allowed) or wrong_flag or wrong_item:
            raise UserError(f"{entry.name} is {value!r}; give {_WORDS[str(entry.type)]}.")


_TYPES: dict[str, tuple[type, ...]] = {
    str(str): (str,),
    str(int): (int,),
    str(float): (float, int),
    str(bool): (bool,),
    str(list[str]): (list,),
    str(list[int]): (list,),
    str(str | None): (str, type(None)),
    str(bool | None): (bool, type(None)),
    str(list[str] | None): (list, type(None)),
}
_WORDS = {
    str(str): "a text",
    str(int): "a whole number",
    str(float): "a number",
    str(bool): "True or False",
    str(list[str]): "a list of texts",
    str(list[int]): "a list of whole numbers",
    str(bool | None): "True, False or None",
    str(str | None): "a text or None",
    str(list[str] | None): "a list of texts or None",
}


def nearest(name: str, names: Sequence[str]) -> str:
    """Of `names`, the one most like `name`."""
    return difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]


def require_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """`value` is one of the choices."""
    if value not in choices:
        raise UserError(f"{name} is {value!r}; choose one of: {', '.join(choices)}.")


def require_list(name: str, values: list[str], choices: tuple[str, ...]) -> None:
    """`values` holds some of the choices, each once."""
    if not values or len(set(values)) < len(values):
        known = ", ".join(choices)
        raise UserError(f"{name} is {values!r}; give each of these at most once, and at least one: {known}.")
    for value in values:
        require_choice(name, value, choices)


def require_at_least(settings: Any, name: str, least: int, reason: str = "") -> None:
    """The field `name` is `least` or more; `reason` completes "because"."""
    value = getattr(settings, name)
    if value < least:
        raise UserError(f"{name} is {value}; give at least {least}{', because ' + reason if reason else ''}.")


def require_frame(settings: Any) -> None:
    """Height and width of HR frames."""
    for name in ("height", "width"):
        require_at_least(settings, name, 64, "smaller frames leave nothing to measure")
        if getattr(settings, name) % 4:
            raise UserError(f"{name} is {getattr(settings, name)}; give a multiple of 4, the scale.")

"""The options of a job: each one's name, type, default, help and bounds are said once, in a frozen dataclass.

A class derived from `JobOptions` lies beside its job. The job's function takes it, its command's arguments are built
from it, its notebook's settings add their paths to it, and its result file has its names. A wrong value is a UserError
with the name, the value and the remedy.
"""

import argparse
import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from vsrlib.common.errors import UserError
from vsrlib.common.names import FLOAT32


def option(
    default: Any,
    help: str = "",
    *,
    choices: tuple[str, ...] = (),
    least: float | None = None,
    because: str = "",
    metavar: str | None = None,
) -> Any:
    """A field of a `JobOptions` class.

    `help` is the command line's text, without "%"; the default is put behind it. `choices`: the words it must be one
    of, or some of for a list. `least`: the smallest number; `because` says why.
    """
    about = {"help": help, "choices": choices, "least": least, "because": because, "metavar": metavar}
    return _field(default, about)


def changed(options: "type[JobOptions]", name: str, default: Any) -> Any:
    """The same option as in another class, with another default."""
    return _field(default, next(entry.metadata for entry in fields(options) if entry.name == name))


def _field(default: Any, about: Mapping[str, Any]) -> Any:
    if isinstance(default, list):
        return dataclasses.field(default_factory=default.copy, metadata=about)
    return dataclasses.field(default=default, metadata=about)


@dataclass(frozen=True)
class JobOptions:
    """What the options of all jobs share. UserError for a value of another type, or out of an option's bounds."""

    def __post_init__(self) -> None:
        require_types(self)
        for entry in fields(self):
            value, about = getattr(self, entry.name), entry.metadata
            if value is None or not about:
                continue
            if about["choices"]:
                (require_list if isinstance(value, list) else require_choice)(entry.name, value, about["choices"])
            if about["least"] is not None:
                require_at_least(self, entry.name, about["least"], about["because"])

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """From whatever has them by name: a command's arguments, a notebook's variables, another job's options."""
        return cls(**{entry.name: values[entry.name] for entry in fields(cls) if entry.name in values})

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser, *names: str) -> None:
        """Give a command these options, or all: --a-b for a_b, with type, choices, default and help of the field."""
        for entry in fields(cls):
            if not names or entry.name in names:
                parser.add_argument(f"--{entry.name.replace('_', '-')}", **_argument(entry))

    def to_json(self) -> dict[str, Any]:
        """The options as plain JSON values."""
        return dataclasses.asdict(self)


def _argument(entry: "dataclasses.Field[Any]") -> dict[str, Any]:
    """What argparse is told of a field."""
    default = entry.default if entry.default_factory is dataclasses.MISSING else entry.default_factory()
    text = entry.metadata["help"]
    kinds = typing.get_args(entry.type) if isinstance(entry.type, types.UnionType) else (entry.type,)
    if bool in kinds:
        return {
            "action": "store_true" if default is False else argparse.BooleanOptionalAction,
            "default": default,
            "help": text,
        }
    told: dict[str, Any] = {
        "default": default,
        "help": text if default is None else f"{text} ({default})".strip(),
        "type": (typing.get_args(kinds[0]) or kinds)[0],
        "choices": entry.metadata["choices"] or None,
        "metavar": entry.metadata["metavar"],
    }
    return told | ({"nargs": "+"} if typing.get_origin(kinds[0]) is list else {})


def require_types(settings: Any) -> None:
    """Every field of a dataclass instance has its declared type."""
    for entry in fields(settings):
        # papermill makes a number of -p name 000, and only its -r leaves it as it is
        hint = f" (papermill: -r {entry.name} TEXT)"
        require_type(entry.name, entry.type, getattr(settings, entry.name), hint)


def require_type(name: str, kind: Any, value: Any, hint: str) -> None:
    """`value` is of the type that a field declares; `hint`: how to give a text that looks like a number."""
    # Parameters come from a command line, a file or a notebook, where "200" and 200 are easily mixed up.
    allowed, words = _TYPES[str(kind)]
    wrong_flag = isinstance(value, bool) and bool not in allowed
    wrong_item = isinstance(value, list) and not all(type(item) in _ITEMS.get(str(kind), (str,)) for item in value)
    if not isinstance(value, allowed) or wrong_flag or wrong_item:
        seems_number = str in allowed and isinstance(value, (int, float))
        raise UserError(f"{name} is {value!r}; give {words}{hint if seems_number else ''}.")
    if value == "":  # as a path it would be the folder that one is in
        raise UserError(f"{name} is an empty text; give a value, or leave it out.")
    if isinstance(value, list) and "" in value:
        raise UserError(f"{name} holds an empty text; give a value in its place, or leave it out.")


_NONE = type(None)
_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    str(str): ((str,), "a text"),
    str(int): ((int,), "a whole number"),
    str(float): ((float, int), "a number"),
    str(bool): ((bool,), "True or False"),
    str(list[str]): ((list,), "a list of texts"),
    str(list[int]): ((list,), "a list of whole numbers"),
    str(list[float]): ((list,), "a list of numbers"),
    str(tuple[str, ...]): ((tuple,), "texts"),
    str(tuple[int, int]): ((tuple,), "two whole numbers"),
    str(str | None): ((str, _NONE), "a text or None"),
    str(str | int | None): ((str, int, _NONE), "a text, a whole number or None"),
    str(float | None): ((float, int, _NONE), "a number or None"),
    str(int | None): ((int, _NONE), "a whole number or None"),
    str(bool | None): ((bool, _NONE), "True, False or None"),
    str(list[str] | None): ((list, _NONE), "a list of texts or None"),
}
"""How a type is written -> the values it takes, and what it is called to the user."""
_ITEMS: dict[str, tuple[type, ...]] = {str(list[int]): (int,), str(list[float]): (float, int)}


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
    """The field `name` is `least` or more, and finite; `reason` completes "because"."""
    value = getattr(settings, name)
    if value == math.inf:
        raise UserError(f"{name} is {value}; give a finite number.")
    if not value >= least:  # NaN is neither
        raise UserError(f"{name} is {value}; give at least {least}{', because ' + reason if reason else ''}.")


def require_multiple(settings: Any, name: str, of: int, reason: str) -> None:
    """The field `name` is a multiple of `of`; `reason` completes "because"."""
    value = getattr(settings, name)
    if value % of:
        near = f"{value - value % of} or {value - value % of + of}"
        raise UserError(f"{name} is {value}; give a multiple of {of}, such as {near}, because {reason}.")


def require_precision(settings: Any) -> None:
    """Settings with a `framework` and a `precision` are of PyTorch, or of float32."""
    if settings.precision != FLOAT32 and settings.framework != "torch":
        raise UserError(
            f"precision is {settings.precision} and framework is {settings.framework}, which computes in {FLOAT32} "
            "alone; give the framework torch, or leave the precision out."
        )


def require_frame(settings: Any) -> None:
    """Height and width of HR frames."""
    for name in ("height", "width"):
        require_at_least(settings, name, 64, "smaller frames leave nothing to measure")
        require_multiple(settings, name, 4, "that is the scale")

"""`--config FILE.yaml`: the options of a command, read from a file by their names.

The file is a flat mapping such as `batch_size: 4`, in the shape that papermill's -f takes. What it says becomes the
command's defaults, so that the command line wins.
"""

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from vsrlib.common.errors import UserError
from vsrlib.common.options import JobOptions, nearest, require_choice, require_type


def config_argument(parser: argparse.ArgumentParser, job: type[JobOptions]) -> None:
    """Give a command the option, after all its others; `job` has the types of those that are fields of it."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE.yaml",
        help="options by name, such as batch_size: 4; the command line wins over them",
    )
    parser.set_defaults(configured=(parser, job))


def with_config(
    parser: argparse.ArgumentParser, options: argparse.Namespace, arguments: Sequence[str] | None
) -> argparse.Namespace:
    """What `parser` makes of the arguments, with the options of the file where they name one.

    UserError for no file, one that is no flat mapping, an option that the command has not, and a value of another type.
    """
    path = getattr(options, "config", None)
    if path is None:
        return options
    command, job = options.configured
    kinds = {entry.name: entry.type for entry in fields(job)}
    values = _read(path)
    actions = {one.dest: one for one in command._actions if one.option_strings and one.dest not in ("help", "config")}
    places = [one.dest for one in command._actions if not one.option_strings]
    for name, value in values.items():
        if name in places:
            raise UserError(
                f"{path} has {name!r}, which is given on the command line alone; leave it out of the file, and write "
                f"{command.prog} {' '.join(places).upper()} --config {path.name}."
            )
        if name not in actions:
            near = nearest(name, [*actions])
            raise UserError(f"{path} has {name!r}, which is no option of {command.prog}; the nearest is {near}.")
        try:
            _require(actions[name], kinds, value)
        except UserError as error:
            raise UserError(f"In {path}, {error}") from None
    command.set_defaults(**values)
    return parser.parse_args(arguments)


def _require(action: argparse.Action, kinds: dict[str, Any], value: Any) -> None:
    kind = kinds.get(action.dest, bool if action.nargs == 0 else str)
    if isinstance(value, str) and str not in (kind, *get_args(kind)) and _is_number(value):
        raise UserError(
            f"{action.dest} is {value!r}, which YAML takes for a text; give a number, written as 0.0001 or 1.0e-4."
        )
    require_type(action.dest, kind, value, " (in quotes)")
    if action.choices and value is not None:
        require_choice(action.dest, value, tuple(action.choices))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _read(path: Path) -> dict[str, Any]:
    import yaml

    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"The file of options {path} {what}; give one that has an option a line, as batch_size: 4.")
    data = path.read_bytes()
    try:
        node = yaml.compose(data, Loader=yaml.SafeLoader)
        values = yaml.safe_load(data)
    # YAML's own constructors raise the others, of a date such as 2024-13-45 or a value whose tag it does not fit.
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:
        raise UserError(f"{path} is no YAML: {_where(error)}; write one option a line, as batch_size: 4.") from error
    if values is None:  # an empty file, or comments alone
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise UserError(f"{path} is no mapping of names to values; write one option a line, as batch_size: 4.")
    names = [str(key.value) for key, _ in node.value]
    for name in names:  # of which YAML would take the last without a word
        if names.count(name) > 1:
            raise UserError(f"{path} has {name} more than once; leave one of them.")
    return {str(name): value for name, value in values.items()}


def _where(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None)
    problem = problem or (str(error) if isinstance(error, ValueError) else "it cannot be read")
    return f"{problem} in line {mark.line + 1}" if mark else str(problem)
